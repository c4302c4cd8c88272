"""Named models from a server on this machine into a cache of the test's own."""

import shutil
import threading
from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from file_server import FileServer, file_server
from official_models import write_official_files
from shapewright import Pipeline
from shapewright.downloads import Patience
from shapewright.errors import DownloadError, ModelError, OutputError
from shapewright.models import NamedModel, RemoteFile, find_model, locate, sha256
from shapewright.pipeline.pull import pull

__all__ = ["file_server"]

SOON = Patience(timeout_s=5, failures=2, backoff_s=0.001)
NAMES = ("transmitter", "text_cond")
Publish = Callable[..., NamedModel]


@pytest.fixture
def published(tmp_path: Path) -> Path:
    """The folder of the files that the server has."""
    write_official_files(tmp_path / "published", *NAMES)
    return tmp_path / "published"


@pytest.fixture
def publish(
    tmp_path: Path, published: Path, file_server: FileServer, monkeypatch: pytest.MonkeyPatch
) -> Publish:
    """Puts the files on the server and a model of them into the table; the cache is empty."""
    monkeypatch.setenv("SHAPEWRIGHT_HOME", str(tmp_path / "home"))

    def run(*, hashed: bool = True) -> NamedModel:
        files: list[RemoteFile] = []
        for path in sorted(
            published.iterdir()
        ):  # their settings come along, since they are not the published
            file_server.files[f"/small/{path.name}"] = path.read_bytes()
            digest = sha256(path) if hashed else None
            url = f"{file_server.url}/small/{path.name}"
            files.append(RemoteFile(url=url, sha256=digest, about_bytes=path.stat().st_size))
        model = NamedModel(
            name="test/small",
            title="Small",
            licence="MIT",
            source="made up",
            files=tuple(files),
        )
        monkeypatch.setattr("shapewright.models.table.MODELS", (model,))
        return model

    return run


def downloads(tmp_path: Path) -> set[str]:
    folder = tmp_path / "home" / "downloads" / "small"
    return {path.name for path in folder.glob("*") if not path.name.endswith(".lock")}


def test_a_pulled_model_is_found_by_its_name(tmp_path: Path, publish: Publish) -> None:
    model = publish()
    with pytest.raises(ModelError, match="run 'shapewright models pull test/small' once"):
        Pipeline.from_pretrained("test/small")
    seen: set[str] = set()
    pulled = pull("test/small", progress=lambda file, done, total: seen.add(file))
    assert pulled.folder == model.folder == locate("test/small")
    assert not pulled.was_there
    assert seen == {file.name for file in model.files}
    assert dict(pulled.hashes) == {file.name: file.sha256 for file in model.files}
    assert downloads(tmp_path) == set()
    pipe = Pipeline.from_pretrained("test/small", device="cpu")
    assert pipe.model.config.name == "test/small"
    latent = torch.tanh(torch.randn(64, 24, generator=torch.Generator().manual_seed(0)))
    asset = pipe.asset(latent, prompt="", seed=None, settings={})
    assert asset.origin.model == "test/small"


def test_what_is_there_is_not_pulled_again(publish: Publish, file_server: FileServer) -> None:
    publish()
    pull("test/small")
    file_server.requests.clear()
    assert pull("test/small").was_there
    assert file_server.requests == []


def test_what_a_killed_pull_left_is_cleared_away(publish: Publish) -> None:
    model = publish()
    for place in (model.folder, model.folder.with_name(".small.12345.tmp")):
        place.mkdir(parents=True)
        (place / "config.json").touch()
    pull("test/small")
    assert [path.name for path in model.folder.parent.iterdir()] == ["small"]
    assert len(list(model.folder.iterdir())) == 3


def test_files_are_kept_if_asked_and_serve_again(
    tmp_path: Path, publish: Publish, file_server: FileServer
) -> None:
    model = publish()
    pull("test/small", keep_files=True)
    assert downloads(tmp_path) == {file.name for file in model.files}
    shutil.rmtree(model.folder)
    file_server.files.clear()
    assert pull("test/small").folder == model.folder


def test_without_published_hashes_those_first_seen_count(
    tmp_path: Path, published: Path, publish: Publish
) -> None:
    model = publish(hashed=False)
    first = pull("test/small")
    assert dict(first.hashes) == {path.name: sha256(path) for path in published.iterdir()}
    assert downloads(tmp_path) == {f"{file.name}.sha256" for file in model.files}
    shutil.rmtree(model.folder)
    (published / "text_cond.pt").write_bytes(b"another")
    publish(hashed=False)
    with pytest.raises(DownloadError, match="as when first downloaded"):
        pull("test/small", patience=SOON)
    with pytest.raises(ModelError, match="not the published file"):
        pull("test/small", source=published)


def test_local_files_take_the_place_of_the_network(
    tmp_path: Path, published: Path, publish: Publish, file_server: FileServer
) -> None:
    publish()
    pull("test/small", source=published)
    assert file_server.requests == []
    assert locate("test/small").is_dir()
    assert (published / "transmitter.pt").is_file()
    assert downloads(tmp_path) == set()


def test_local_files_must_be_there_and_the_published_ones(
    tmp_path: Path, published: Path, publish: Publish
) -> None:
    publish()
    with pytest.raises(ModelError, match="There is no file or folder"):
        pull("test/small", source=tmp_path / "nothing")
    with pytest.raises(ModelError, match=r"is made of .*transmitter\.pt.*: give a folder"):
        pull("test/small", source=published / "transmitter.pt")
    (published / "transmitter.pt").write_bytes(b"mine")
    with pytest.raises(ModelError, match=r"transmitter\.pt' is not the published file: its sha256 is"):
        pull("test/small", source=published)
    (published / "transmitter.pt").unlink()
    with pytest.raises(ModelError, match="does not"):
        pull("test/small", source=published)
    assert not find_model("test/small").folder.exists()


def test_no_network_is_told_with_a_way_out(publish: Publish, monkeypatch: pytest.MonkeyPatch) -> None:
    publish()

    def refuse(*_: object, **__: object) -> None:
        raise ConnectionRefusedError(111, "Connection refused")

    monkeypatch.setattr("urllib.request.urlopen", refuse)
    with pytest.raises(DownloadError, match=r"No connection to .*; files that are .* with --from\.$"):
        pull("test/small")


def test_room_is_looked_for_before_anything_is_fetched(
    tmp_path: Path, publish: Publish, file_server: FileServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = publish()
    spare = 64 << 20  # left to others
    usage = shutil.disk_usage(tmp_path)._replace(free=spare + model.about_bytes)  # no room to convert
    monkeypatch.setattr(shutil, "disk_usage", lambda path: usage)
    with pytest.raises(OutputError, match=r"'test/small' \(its files and what is made of them\) needs"):
        pull("test/small")
    assert file_server.requests == []


def test_damaged_files_leave_no_model(tmp_path: Path, published: Path, publish: Publish) -> None:
    (published / "text_cond.pt").write_bytes(b"not a checkpoint")
    model = publish()
    with pytest.raises(ModelError, match="damaged or something else"):
        pull("test/small")
    assert not model.folder.exists()
    assert list(model.folder.parent.iterdir()) == []


def test_two_pulls_at_once_fetch_once(publish: Publish, file_server: FileServer) -> None:
    model = publish()
    file_server.gate = threading.Event()
    were_there: list[bool] = []

    def waiting(text: str) -> None:
        assert file_server.gate is not None
        file_server.gate.set()  # the first goes on once the second is seen to wait

    threads = [
        threading.Thread(
            target=lambda: were_there.append(pull("test/small", waiting=waiting).was_there), daemon=True
        )
        for _ in range(2)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)
    assert sorted(were_there) == [False, True]
    assert len(file_server.requests) == len(model.files)
