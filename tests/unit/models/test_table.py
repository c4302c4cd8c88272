"""The table of named models."""

from pathlib import Path

import pytest

from shapewright.errors import ModelError
from shapewright.models import MODELS, NamedModel, find_model, locate


def test_names_are_unique_and_found() -> None:
    assert len({model.name for model in MODELS}) == len(MODELS)
    for model in MODELS:
        assert find_model(model.name) is model


@pytest.mark.parametrize("model", MODELS, ids=lambda model: model.name)
def test_entries_are_complete(model: NamedModel) -> None:
    assert model.title
    assert model.licence
    assert model.source
    for file in model.files:
        assert file.url.startswith("https://")
        assert len(bytes.fromhex(file.sha256)) == 32


def test_a_folder_needs_both_files(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match=r"config\.json"):
        locate(tmp_path)
    (tmp_path / "config.json").touch()
    with pytest.raises(ModelError, match=r"model\.safetensors"):
        locate(tmp_path)
    (tmp_path / "model.safetensors").touch()
    assert locate(tmp_path) == tmp_path


def test_official_models_are_known_but_not_offered() -> None:
    with pytest.raises(ModelError, match="cannot load 'openai/shap-e' yet"):
        locate("openai/shap-e")
