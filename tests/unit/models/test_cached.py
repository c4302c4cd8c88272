"""Named models on this machine."""

from pathlib import Path

import pytest

from shapewright.errors import ModelError, OutputError
from shapewright.models import find_model, is_usable, locate, pull_lock, remove, status, stored_bytes


@pytest.fixture(autouse=True)
def cache(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    monkeypatch.setenv("SHAPEWRIGHT_HOME", str(tmp_path / "home"))
    return tmp_path / "home"


def put(path: Path, size: int) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(bytes(size))


def test_a_folder_needs_both_files(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match=r"config\.json"):
        locate(tmp_path)
    (tmp_path / "config.json").touch()
    with pytest.raises(ModelError, match=r"model\.safetensors"):
        locate(tmp_path)
    (tmp_path / "model.safetensors").touch()
    assert locate(tmp_path) == tmp_path


def test_a_model_that_was_not_pulled_is_told_with_the_command() -> None:
    message = "is not on this machine yet: run 'shapewright models pull openai/shap-e' once .*3.0 GB"
    with pytest.raises(ModelError, match=message):
        locate("openai/shap-e")


def test_what_is_pulled_is_found_counted_and_removed(cache: Path) -> None:
    model = find_model("openai/shap-e")
    assert status(model) == "not pulled"
    put(model.folder / "config.json", 10)
    assert not is_usable(model)
    put(model.folder / "model.safetensors", 1000)
    put(model.files[0].path, 500)
    put(model.files[1].path.with_name("text_cond.pt.part"), 50)
    put(model.files[1].path.with_name("text_cond.pt.part.json"), 5)
    record = model.files[1].path.with_name("text_cond.pt.sha256")
    put(record, 3)
    assert locate("openai/shap-e") == model.folder
    assert status(model) == "pulled"
    assert stored_bytes(model) == 1565
    assert remove("openai/shap-e") == 1565
    assert status(model) == "not pulled"
    assert not model.folder.exists()
    assert record.exists()  # later downloads must agree with it
    with pytest.raises(ModelError, match="is not in the cache"):
        remove("openai/shap-e")


def test_what_ships_is_not_removed() -> None:
    with pytest.raises(ModelError, match="'homeware' ships with the package"):
        remove("homeware")


def test_a_cache_that_cannot_be_made_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").touch()
    monkeypatch.setenv("SHAPEWRIGHT_HOME", str(tmp_path / "file"))
    with pytest.raises(OutputError, match="Cannot write"), pull_lock():
        pass
