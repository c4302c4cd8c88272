"""New captions for a data set that is built."""

import json
import shutil
from pathlib import Path

import pytest

from shapewright.dataset.loader import digest_of_data, load_dataset, read_built_index
from shapewright.dataset.recaptioning import recaption
from shapewright.errors import DatasetError
from tiny_dataset import build_prisms


@pytest.fixture(scope="module")
def prisms(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build_prisms(tmp_path_factory.mktemp("prisms"))


@pytest.fixture
def data(prisms: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(prisms, tmp_path / "set"))


def told(data: Path) -> dict[str, list[dict[str, str]]]:
    return {record.id: [dict(caption) for caption in record.captions] for record in load_dataset(data)}


def make_old(data: Path) -> None:
    """As an earlier version would have told of the assets, with a name in another language."""
    index = read_built_index(data)
    for entry in index["records"]:
        written = entry["captions"][0]["text"]
        texts = [(written, "en"), (entry["nouns"][0], "en"), ("a thing", "en"), ("truc", "fr")]
        entry["captions"] = [{"text": text, "language": language} for text, language in texts]
    (data / "index.json").write_text(json.dumps(index))


def test_what_is_built_today_stays_as_it_is(data: Path) -> None:
    before = told(data)
    outcome = recaption(data)
    assert (outcome.records, outcome.changed) == (7, 0)
    assert told(data) == before


def test_only_what_was_made_is_made_anew(data: Path) -> None:
    built = told(data)
    make_old(data)
    digest, shards = digest_of_data(data), {path: path.read_bytes() for path in data.glob("shard-*")}
    steps: list[tuple[int, int]] = []
    assert recaption(data, lambda done, total: steps.append((done, total))).changed == 7
    assert steps == [(4, 7), (7, 7)]
    for name, captions in told(data).items():
        assert captions == [*built[name], {"text": "truc", "language": "fr"}]
    assert digest_of_data(data) == digest, "latents made of it are still of it"
    assert all(path.read_bytes() == content for path, content in shards.items())
    assert recaption(data).changed == 0
    (data / "captions.json").unlink()
    assert all(len(captions) == 4 for captions in told(data).values()), "the built ones count again"


def test_stopped_nothing_is_changed(data: Path) -> None:
    make_old(data)
    before = told(data)

    def stop(done: int, total: int) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        recaption(data, stop)
    assert told(data) == before
    assert not list(data.glob("captions*"))


@pytest.mark.parametrize("damage", [b"{", b"[]", b'{"a": 1}'])
def test_damaged_captions_are_told(data: Path, damage: bytes) -> None:
    (data / "captions.json").write_bytes(damage)
    with pytest.raises(DatasetError, match=r"captions\.json cannot be read .* delete it"):
        load_dataset(data)
