"""`models list|info|pull|convert|remove` and `doctor`."""

import importlib
from pathlib import Path

import pytest
import torch

from command_line import Shapewright
from file_server import FileServer, file_server
from official_models import write_official_files
from shapewright import Pipeline
from shapewright.models import NamedModel, RemoteFile, named_models, sha256

__all__ = ["file_server"]

HOMEWARE = named_models()[0]


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty cache."""
    monkeypatch.setenv("SHAPEWRIGHT_HOME", str(tmp_path / "home"))
    return tmp_path / "home"


@pytest.fixture
def small(tmp_path: Path, file_server: FileServer, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The model 'test/small' in the table, its files on the server; returns their folder."""
    folder = tmp_path / "published"
    write_official_files(folder, "transmitter", "text_cond")
    files: list[RemoteFile] = []
    for path in sorted(folder.iterdir()):
        file_server.files[f"/small/{path.name}"] = path.read_bytes()
        url = f"{file_server.url}/small/{path.name}"
        files.append(RemoteFile(url=url, sha256=sha256(path), about_bytes=path.stat().st_size))
    model = NamedModel(
        name="test/small", title="Small", licence="MIT", source="made up", files=tuple(files), needs="CLIP"
    )
    monkeypatch.setattr("shapewright.models.table.MODELS", (HOMEWARE, model))
    return folder


def test_the_list_says_what_can_be_used(shapewright: Shapewright) -> None:
    outcome = shapewright("models", "list", "--json")
    models = {row["name"]: row for row in outcome.json["models"]}
    assert models["openai/shap-e"]["status"] == "not pulled"
    assert models["openai/shap-e"]["bytes"] > 3 * 10**9
    assert models["openai/shap-e"]["licence"] == "MIT"
    assert "arXiv 2305.02463" in models["openai/shap-e"]["source"]
    assert models["point-e/base1B"]["status"] == "not pulled"
    assert models["homeware"]["status"] in ("shipped", "missing")
    text = shapewright("models", "list").out
    assert text.count("\n") == len(models)
    assert "3.0 GB" in text


def test_official_files_are_listed_with_their_hashes(shapewright: Shapewright) -> None:
    facts = shapewright("models", "info", "openai/shap-e", "--json").json
    assert len(facts["files"]) == 2
    assert all(len(file["sha256"]) == 64 and file["path"].startswith("https://") for file in facts["files"])
    assert facts["licence"] == "MIT"
    text = shapewright("models", "info", "openai/shap-e").out
    assert "sha256" in text
    assert "needs:    CLIP ViT-L/14" in text
    assert "sha256 not published" in shapewright("models", "info", "point-e/base1B").out


def test_a_model_is_pulled_used_and_removed(shapewright: Shapewright, small: Path, home: Path) -> None:
    before = shapewright("generate", "a chair", "--model", "test/small")
    assert (before.code, before.is_one_sentence()) == (2, True)
    assert "run 'shapewright models pull test/small' once" in before.err
    pulled = shapewright("models", "pull", "test/small")
    assert pulled.code == 0, pulled
    assert "Downloading" in pulled.err
    assert "it also needs CLIP" in pulled.err
    assert f"transmitter.pt: sha256 {sha256(small / 'transmitter.pt')}" in pulled.out
    assert not list(home.rglob("*.pt"))
    latent = torch.tanh(torch.randn(64, 24, generator=torch.Generator().manual_seed(0)))
    pipe = Pipeline.from_pretrained("test/small", device="cpu")
    mesh = pipe.asset(latent, prompt="", seed=None, settings={}).surface(24)
    assert len(mesh.faces) > 0
    rows = {row["name"]: row for row in shapewright("models", "list", "--json").json["models"]}
    assert rows["test/small"]["status"] == "pulled"
    info = shapewright("models", "info", "test/small", "--json").json
    assert info["folder"] == str(home / "models" / "test" / "small")
    assert [Path(file["path"]).name for file in info["files"]][-2:] == ["config.json", "model.safetensors"]
    assert "is there already" in shapewright("models", "pull", "test/small").err
    removed = shapewright("models", "remove", "test/small", "--json").json
    assert removed == {"name": "test/small", "freed_bytes": rows["test/small"]["bytes"]}
    assert "bytes freed" not in shapewright("models", "remove", "test/small").out


def test_local_files_are_pulled_as_json(
    shapewright: Shapewright, small: Path, file_server: FileServer
) -> None:
    outcome = shapewright("models", "pull", "test/small", "--from", small, "--dtype", "fp16", "--json")
    assert outcome.code == 0, outcome
    assert outcome.json["was_there"] is False
    assert outcome.json["sha256"]["transmitter.pt"] == sha256(small / "transmitter.pt")
    assert file_server.requests == []
    assert outcome.err == ""


def test_downloads_are_kept_if_asked(shapewright: Shapewright, small: Path, home: Path) -> None:
    assert shapewright("models", "pull", "test/small", "--keep-files").code == 0
    kept = {path.name for path in home.rglob("*.pt")}
    assert kept == {"transmitter.pt", "text_cond.pt"}
    assert shapewright("models", "remove", "test/small").code == 0
    assert not list(home.rglob("*.pt"))


def test_no_network_is_one_sentence(
    shapewright: Shapewright, small: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise ConnectionRefusedError(111, "Connection refused")

    monkeypatch.setattr("urllib.request.urlopen", refuse)
    outcome = shapewright("models", "pull", "test/small", "--json")
    assert outcome.code == 2
    assert outcome.is_one_sentence(), outcome
    assert "No connection to '127.0.0.1" in outcome.err
    assert "--from" in outcome.err


def test_an_interrupted_pull_says_that_it_goes_on(
    shapewright: Shapewright, small: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupt(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("urllib.request.urlopen", interrupt)
    outcome = shapewright("models", "pull", "test/small")
    assert outcome.code == 130
    assert "What was downloaded is kept" in outcome.err


def test_published_files_are_converted_there_and_back(
    shapewright: Shapewright, tmp_path: Path, here: Path
) -> None:
    write_official_files(tmp_path / "first", "transmitter", "text_cond", "image_cond")
    both = shapewright("models", "convert", "first", "--out", "ours")
    assert (both.code, both.is_one_sentence()) == (2, False)  # it has said what it was about to do
    assert "--prior text or image" in both.err
    ours = shapewright(
        "models", "convert", "first", "--out", "ours", "--prior", "image", "--name", "mine", "--json"
    )
    assert [Path(path).name for path in ours.json["files"]] == [
        "README.md",
        "config.json",
        "model.safetensors",
    ]
    assert shapewright("models", "info", "ours", "--json").json["status"] == "model folder"
    back = shapewright("models", "convert", "ours", "--to", "official", "--out", "back")
    assert back.code == 0, back
    assert "transmitter.pt" in back.out
    assert "image_cond_config.yaml" in back.out


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("convert", "--out", "x"), "No SOURCE was given"),
        (("convert", "nothing.pt", "--out", "."), "is not empty"),
        (("remove", "homeware"), "ships with the package"),
        (("remove", "openai/shap-e"), "is not in the cache"),
        (("pull", "openai/shape"), "did you mean 'openai/shap-e'?"),
    ],
)
def test_mistakes_are_one_sentence(
    shapewright: Shapewright, here: Path, arguments: tuple[str, ...], message: str
) -> None:
    (here / "something").touch()
    outcome = shapewright("models", *arguments)
    assert outcome.code == 2
    assert outcome.is_one_sentence(), outcome
    assert message in outcome.err


def test_a_model_folder_is_described(shapewright: Shapewright, model_folder: Path) -> None:
    facts = shapewright("models", "info", model_folder, "--json").json
    assert [Path(file["path"]).name for file in facts["files"]] == ["config.json", "model.safetensors"]


@pytest.mark.parametrize(("name", "message"), [("chairs", "known are homeware"), (".", "not a model folder")])
def test_an_unknown_model_is_told_in_one_sentence(
    shapewright: Shapewright, here: Path, name: str, message: str
) -> None:
    outcome = shapewright("models", "info", name)
    assert outcome.code == 2
    assert outcome.is_one_sentence(), outcome
    assert message in outcome.err


def test_the_doctor_says_what_is_missing_and_what_to_do(
    shapewright: Shapewright, monkeypatch: pytest.MonkeyPatch
) -> None:
    really = importlib.import_module

    def without_igl(name: str, *rest: str | None) -> object:
        if name == "igl":
            raise ImportError("libGL.so.1: cannot open shared object file")
        return really(name, *rest)

    monkeypatch.setattr(importlib, "import_module", without_igl)
    outcome = shapewright("doctor", "--json")
    assert outcome.code == 2
    checks = {check["name"]: check for check in outcome.json["checks"]}
    assert checks["Python"]["status"] == "ok"
    assert checks["torch"]["status"] == "ok"
    assert checks["text encoder"]["status"] == "ok"
    assert checks["libigl"]["status"] == "problem"
    assert "libGL" in checks["libigl"]["found"]
    assert checks["libigl"]["remedy"] == "pip install --force-reinstall libigl"
    assert "checks found a problem" in outcome.err
