"""Which published files make a model, and the model they make."""

from pathlib import Path

import pytest
import torch

from official_models import CHANNELS, TOKENS, write_official_files
from shapewright.errors import ModelError, OutputError
from shapewright.interop.official_files import read_config, read_state
from shapewright.pipeline.official_model import official_files, read_official_model, write_official_model
from tiny_models import random_model


@pytest.mark.parametrize(
    ("names", "guidance", "text", "image"),
    [
        (("transmitter", "text_cond"), 15.0, "clip", None),
        (("transmitter", "image_cond"), 3.0, None, "clip"),
        (("vector_decoder", "text_cond"), 15.0, "clip", None),
        (("transmitter",), 15.0, None, None),
    ],
)
def test_a_model_of_published_files(
    tmp_path: Path, names: tuple[str, ...], guidance: float, text: str | None, image: str | None
) -> None:
    write_official_files(tmp_path, *names)
    model = read_official_model(official_files([tmp_path]), "small")
    config = model.config
    assert (config.name, config.text, config.image) == ("small", text, image)
    assert (config.sampler.guidance, config.sampler.steps, config.sampler.clip) == (guidance, 64, 1.0)
    assert (model.prior is None) == (len(names) == 1)
    assert (model.autoencoder.encoder is None) == (names[0] == "vector_decoder")
    assert (config.autoencoder.field.latent_tokens, config.autoencoder.field.latent_channels) == (
        TOKENS,
        CHANNELS,
    )
    # as in the transmitter's settings; a decoder has none, and what an encoder is given is then the default
    expected = (16384, 20, 256) if names[0] == "vector_decoder" else (256, 3, 32)
    assert (config.points, config.views, config.view_size_px) == expected
    assert model.statistics is None
    assert not any(parameter.is_meta for parameter in model.autoencoder.parameters())
    assert not model.autoencoder.training


def test_a_transmitter_goes_before_a_decoder(tmp_path: Path) -> None:
    write_official_files(tmp_path, "transmitter", "vector_decoder")
    assert official_files([tmp_path]).paths == [tmp_path / "transmitter.pt"]


def test_files_that_say_nothing_are_passed_over_in_folders_only(tmp_path: Path) -> None:
    write_official_files(tmp_path, "transmitter")
    torch.save({"a": torch.zeros(1)}, tmp_path / "ViT-L-14.pt")  # the published code keeps it there too
    assert official_files([tmp_path]).paths == [tmp_path / "transmitter.pt"]
    with pytest.raises(ModelError, match=r"no ViT-L-14_config\.yaml beside it"):
        official_files([tmp_path / "ViT-L-14.pt"])


def test_of_two_priors_one_is_chosen(tmp_path: Path) -> None:
    paths = write_official_files(tmp_path, "transmitter", "text_cond", "image_cond")
    with pytest.raises(ModelError, match="say which one with --prior"):
        official_files([tmp_path])
    assert official_files([tmp_path], "image").prior == paths[2]
    assert official_files(paths[:2]).prior == paths[1]
    with pytest.raises(ModelError, match="no image prior"):
        official_files(paths[:2], "image")


def test_what_is_missing_or_double_is_named(tmp_path: Path) -> None:
    (prior,) = write_official_files(tmp_path, "text_cond")
    with pytest.raises(ModelError, match="neither a transmitter nor a decoder"):
        official_files([prior])
    (other,) = write_official_files(tmp_path / "other", "text_cond")
    with pytest.raises(ModelError, match=r"are both a text: give the files of one model"):
        official_files([prior, other])


def test_a_model_survives_the_published_files(tmp_path: Path) -> None:
    write_official_files(tmp_path / "first", "transmitter", "text_cond")
    model = read_official_model(official_files([tmp_path / "first"]), "small")
    paths = write_official_model(model, tmp_path / "again")
    assert [path.name for path in paths] == ["transmitter.pt", "text_cond.pt"]
    for path in paths:
        expected = read_config(tmp_path / "first" / path.name)
        if "renderer" in expected:  # our models do not store how their authors rendered
            expected["renderer"] |= {"n_coarse_samples": 64, "n_fine_samples": 128, "grid_size": 128}
        assert read_config(path) == expected
    first, again = (read_state(tmp_path / place / "text_cond.pt") for place in ("first", "again"))
    assert all(torch.equal(again[name], value) for name, value in first.items())


def test_our_own_models_have_no_published_form(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="standardised latents"):
        write_official_model(random_model(), tmp_path)
    with pytest.raises(ModelError, match="sees points and views"):
        write_official_model(random_model(with_prior=False), tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_a_place_that_cannot_be_written_is_said(tmp_path: Path) -> None:
    write_official_files(tmp_path, "vector_decoder")
    model = read_official_model(official_files([tmp_path]), "small")
    with pytest.raises(OutputError, match="Cannot write"):
        write_official_model(model, tmp_path / "vector_decoder.pt" / "inside")
