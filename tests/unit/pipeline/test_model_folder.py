"""A model survives its folder; damage is noticed."""

import json
from pathlib import Path

import pytest
import torch

from shapewright.autoencoder import Autoencoder
from shapewright.config import from_dict, to_dict
from shapewright.errors import ConfigError, ModelError
from shapewright.pipeline import ModelConfig, load_model, read_config, save_model
from shapewright.prior import Condition, Prior
from tiny_models import random_model, saved
from tiny_official import TRANSMITTER, official_model


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


@pytest.mark.parametrize("dtype", [torch.float32, torch.float16])
def test_a_loaded_model_is_as_if_it_had_been_built_and_filled(tmp_path: Path, dtype: torch.dtype) -> None:
    """Networks are built without memory: whatever a file does not hold (tables, scales) must be there too."""
    for model in (random_model(), official_model("text", encoder=TRANSMITTER), official_model("image")):
        folder = tmp_path / f"{model.config.name}-{model.config.image}"
        save_model(folder, model, card="", dtype=dtype)
        random_state = torch.get_rng_state()
        loaded = load_model(folder)
        assert torch.equal(torch.get_rng_state(), random_state), "loading draws no random numbers"
        assert loaded.prior is not None
        assert model.config.prior is not None
        parts = (
            (loaded.autoencoder, Autoencoder(model.config.autoencoder)),
            (loaded.prior, Prior(model.config.prior)),
        )
        for (part, plain), saved_part in zip(parts, (model.autoencoder, model.prior), strict=True):
            plain.load_state_dict({name: value.to(dtype) for name, value in saved_part.state_dict().items()})
            tensors = dict(part.named_parameters()) | dict(part.named_buffers())
            for name, value in (dict(plain.named_parameters()) | dict(plain.named_buffers())).items():
                assert torch.equal(tensors[name], value), name
            assert not any(parameter.requires_grad for parameter in part.parameters())
            assert not part.training
        filled_autoencoder, filled_prior = (plain.eval().requires_grad_(False) for _, plain in parts)
        latent = torch.rand(2, *loaded_shape(model.config)) * 2 - 1
        points = torch.rand(2, 50, 3) * 2 - 1
        outputs = [
            part.field.query(part.field.weights(latent), points).raw
            for part in (loaded.autoencoder, filled_autoencoder)
        ]
        assert torch.equal(*outputs)
        condition = some_condition(model.config)
        times = torch.tensor([3, 900])
        assert torch.equal(loaded.prior(latent, times, condition), filled_prior(latent, times, condition))
        for name, table in vars(filled_prior.diffusion).items():
            if isinstance(table, torch.Tensor):
                assert torch.equal(vars(loaded.prior.diffusion)[name], table), name


def loaded_shape(config: ModelConfig) -> tuple[int, int]:
    return config.autoencoder.field.latent_tokens, config.autoencoder.field.latent_channels


def some_condition(config: ModelConfig) -> Condition:
    """Two rows of what the prior takes."""
    prior = config.prior
    assert prior is not None
    pooled, tokens, grid = prior.text_pooled_width, prior.text_token_width, prior.image_token_width
    return Condition(
        text_pooled=None if pooled is None else torch.randn(2, pooled),
        text_tokens=None if tokens is None else torch.randn(2, 5, tokens),
        text_mask=None if tokens is None else torch.ones(2, 5, dtype=torch.bool),
        image_tokens=None if grid is None else torch.randn(2, 16, grid),
    )


def test_a_config_is_read_without_the_weights(tmp_path: Path) -> None:
    model = saved(random_model(), tmp_path)
    assert model.folder == tmp_path
    (tmp_path / "model.safetensors").unlink()
    assert read_config(tmp_path) == model.config
