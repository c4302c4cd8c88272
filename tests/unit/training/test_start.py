"""What runs begin with."""

from dataclasses import replace
from pathlib import Path

import pytest
import torch

from shapewright.encoder import EncoderConfig
from shapewright.errors import ModelError
from shapewright.pipeline import Model
from shapewright.training.start import begin_encoder
from tiny_models import random_model, saved

CLOUD = torch.rand(2, 300, 6, generator=torch.Generator().manual_seed(0))


def encoder_of(model: Model) -> EncoderConfig:
    encoder = model.config.autoencoder.encoder
    assert encoder is not None
    return encoder


def test_a_larger_encoder_begins_where_the_old_one_ended(tmp_path: Path) -> None:
    old = saved(random_model(), tmp_path / "old")
    new = begin_encoder(replace(encoder_of(old), self_layers=4), tmp_path / "old", seed=0)
    assert encoder_of(new).self_layers == 4
    with torch.no_grad():
        assert torch.allclose(new.autoencoder.eval().encode(CLOUD), old.autoencoder.encode(CLOUD), atol=1e-5)
    assert new.sha256 == old.sha256
    assert new.prior is not None


def test_only_the_encoder_learns(tmp_path: Path) -> None:
    old = saved(random_model(), tmp_path / "old")
    new = begin_encoder(encoder_of(old), tmp_path / "old", seed=0).autoencoder
    learnt = {name.split(".")[0] for name, p in new.named_parameters() if p.requires_grad}
    assert learnt == {"encoder"}
    for name, tensor in old.autoencoder.field.state_dict().items():
        assert torch.equal(tensor, new.field.state_dict()[name])


def test_a_start_that_is_no_model(tmp_path: Path) -> None:
    with pytest.raises(ModelError):
        begin_encoder(EncoderConfig(), tmp_path / "nothing", seed=0)
