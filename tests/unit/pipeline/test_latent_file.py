"""Latents on disk."""

from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file

from shapewright.errors import AssetFileError, OutputError
from shapewright.pipeline.latent_file import Origin, load_latent, save_latent

ORIGIN = Origin(model="m", model_sha256="ab", prompt="a “wooden” chair", seed=7, settings={"steps": 3})


def test_a_latent_survives_its_file(tmp_path: Path) -> None:
    latent = torch.randn(4, 3)
    save_latent(tmp_path / "x.safetensors", latent, ORIGIN)
    again, origin = load_latent(tmp_path / "x.safetensors")
    assert torch.equal(again, latent)
    assert origin == ORIGIN


def test_no_seed_is_kept_apart_from_seed_zero(tmp_path: Path) -> None:
    save_latent(tmp_path / "x.safetensors", torch.zeros(1, 1), Origin(model="m", model_sha256=""))
    assert load_latent(tmp_path / "x.safetensors")[1].seed is None


@pytest.mark.parametrize("content", [None, b"", b"rubbish" * 10])
def test_what_is_no_latent_is_refused(tmp_path: Path, content: bytes | None) -> None:
    if content is not None:
        (tmp_path / "x.safetensors").write_bytes(content)
    with pytest.raises(AssetFileError, match=r"x\.safetensors"):
        load_latent(tmp_path / "x.safetensors")


def test_other_tensor_files_are_refused(tmp_path: Path) -> None:
    save_file({"latent": torch.zeros(2, 2)}, tmp_path / "x.safetensors")
    with pytest.raises(AssetFileError, match="not a latent file"):
        load_latent(tmp_path / "x.safetensors")


def test_a_latent_that_is_not_finite_is_refused(tmp_path: Path) -> None:
    save_latent(tmp_path / "x.safetensors", torch.full((2, 2), float("nan")), ORIGIN)
    with pytest.raises(AssetFileError, match="finite"):
        load_latent(tmp_path / "x.safetensors")


def test_an_unwritable_place_is_said_so(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(OutputError):
        save_latent(tmp_path / "file" / "x.safetensors", torch.zeros(1, 1), ORIGIN)
