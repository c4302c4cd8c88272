"""A model survives its folder; damage is noticed."""

import json
from pathlib import Path

import pytest
import torch

from shapewright.config import from_dict, to_dict
from shapewright.errors import ConfigError, ModelError
from shapewright.pipeline import ModelConfig, load_model, save_model
from tiny_models import random_model, saved


def test_a_model_survives_its_folder(tmp_path: Path) -> None:
    model = random_model()
    save_model(tmp_path, model, card="# Card\n", dtype=torch.float32)
    again = load_model(tmp_path)
    assert again.config == model.config
    assert again.prior is not None
    assert model.prior is not None
    for name, value in model.prior.state_dict().items():
        assert torch.equal(again.prior.state_dict()[name], value)
    for name, value in model.autoencoder.state_dict().items():
        assert torch.equal(again.autoencoder.state_dict()[name], value)
    assert again.statistics is not None
    assert (again.statistics.std == 0.5).all()
    assert len(again.sha256) == 64
    assert {path.name for path in tmp_path.iterdir()} == {"config.json", "model.safetensors", "README.md"}


def test_half_precision_halves_the_file(tmp_path: Path) -> None:
    for name, dtype in (("half", torch.float16), ("full", torch.float32)):
        save_model(tmp_path / name, random_model(), card="", dtype=dtype)
    half, full = ((tmp_path / name / "model.safetensors").stat().st_size for name in ("half", "full"))
    assert 0.45 < half / full < 0.6  # headers are the same size
    assert next(load_model(tmp_path / "half").autoencoder.parameters()).dtype == torch.float32


def test_an_autoencoder_alone_is_a_model(tmp_path: Path) -> None:
    again = saved(random_model(with_prior=False), tmp_path)
    assert again.prior is None
    assert again.statistics is None


def test_a_damaged_weight_file_is_noticed(tmp_path: Path) -> None:
    saved(random_model(), tmp_path)
    weights = bytearray((tmp_path / "model.safetensors").read_bytes())
    weights[-1] ^= 1
    (tmp_path / "model.safetensors").write_bytes(weights)
    with pytest.raises(ModelError, match="damaged"):
        load_model(tmp_path)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"format": "other"}, "not of the format"),
        ({"model": {"name": "x", "colour": 1}}, "colour"),
        ({"model": {}}, "missing"),
    ],
)
def test_a_config_that_does_not_fit_is_refused(
    tmp_path: Path, change: dict[str, object], message: str
) -> None:
    saved(random_model(), tmp_path)
    config = json.loads((tmp_path / "config.json").read_text())
    (tmp_path / "config.json").write_text(json.dumps(config | change))
    with pytest.raises(ModelError, match=message):
        load_model(tmp_path)


def test_weights_of_another_size_are_refused(tmp_path: Path) -> None:
    saved(random_model(), tmp_path)
    config = json.loads((tmp_path / "config.json").read_text())
    config["model"]["prior"]["layers"] = 3
    (tmp_path / "config.json").write_text(json.dumps(config))
    with pytest.raises(ModelError, match="do not fit"):
        load_model(tmp_path)


def test_latents_of_prior_and_field_must_agree() -> None:
    config = to_dict(random_model().config)
    config["prior"]["latent_tokens"] = 5
    with pytest.raises(ConfigError, match="the field takes"):
        from_dict(ModelConfig, config)
