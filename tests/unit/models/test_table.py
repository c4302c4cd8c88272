"""The table of named models."""

from pathlib import Path

import pytest

from shapewright.errors import ModelError
from shapewright.models import NamedModel, find_model, named_models, published_file


def test_names_are_unique_and_found() -> None:
    models = named_models()
    assert len({model.name for model in models}) == len(models)
    for model in models:
        assert find_model(model.name) is model


@pytest.mark.parametrize("model", named_models(), ids=lambda model: model.name)
def test_entries_are_complete(model: NamedModel) -> None:
    assert model.title
    assert model.licence
    assert model.source
    assert model.is_shipped == (model.name == "homeware")
    assert len({file.path for file in model.files}) == len(model.files)
    for file in model.files:
        assert file.url.startswith("https://")
        assert file.name.endswith(".pt")
        assert file.sha256 is None or len(bytes.fromhex(file.sha256)) == 32
        assert file.about_bytes > 10**7


def test_the_published_models_name_their_hashes_and_what_they_need() -> None:
    for name, prior in (("openai/shap-e", "text_cond.pt"), ("openai/shap-e-img2img", "image_cond.pt")):
        model = find_model(name)
        assert [file.name for file in model.files] == ["transmitter.pt", prior]
        assert all(file.sha256 for file in model.files)
        assert "CLIP ViT-L/14" in model.needs


def test_point_e_is_six_models_of_eight_files() -> None:
    models = [model for model in named_models() if model.name.startswith("point-e/")]
    assert len(models) == 6
    assert len({file.url for model in models for file in model.files}) == 8
    for model in models:
        assert [file.name for file in model.files[1:]] == ["upsample_40m.pt", "sdf.pt"]


def test_published_files_are_told_by_their_hash() -> None:
    transmitter = find_model("openai/shap-e").files[0]
    assert transmitter.sha256 is not None
    assert published_file(transmitter.sha256) == transmitter
    assert published_file("0" * 64) is None


def test_downloads_are_shared_by_family(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("SHAPEWRIGHT_HOME", str(tmp_path))
    first, second = (find_model(name).files[0] for name in ("openai/shap-e", "openai/shap-e-img2img"))
    assert first.path == second.path == tmp_path / "downloads" / "shap-e" / "transmitter.pt"
    assert find_model("openai/shap-e").folder == tmp_path / "models" / "openai" / "shap-e"


def test_a_near_name_is_suggested() -> None:
    with pytest.raises(ModelError, match=r"did you mean 'openai/shap-e'\?"):
        find_model("openai/shape")
