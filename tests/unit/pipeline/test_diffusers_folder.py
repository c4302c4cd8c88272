"""A model from a diffusers folder, used and written again."""

import dataclasses
from pathlib import Path

import pytest
import torch
from PIL import Image

from shapewright.conditioning.clip import ClipImage, ClipText
from shapewright.errors import ModelError
from shapewright.interop.diffusers import write_folder
from shapewright.pipeline import Model, Pipeline
from shapewright.pipeline.diffusers_folder import (
    is_diffusers_folder,
    model_from_diffusers,
    model_to_diffusers,
)
from shapewright.pipeline.named_model import config_of
from shapewright.prior import Condition, LatentStatistics, SamplerConfig, sample
from tiny_clip import save_image_parts, save_text_parts
from tiny_models import random_model
from tiny_shap_e import CHANNELS, TOKENS, tiny_shap_e


@pytest.fixture(scope="module")
def text_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("text")
    save_text_parts(folder / "clip")
    write_folder(tiny_shap_e("text"), folder / "shap-e", clip=folder / "clip")
    return folder / "shap-e"


@pytest.fixture(scope="module")
def image_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("image")
    save_image_parts(folder / "clip")
    write_folder(tiny_shap_e("image"), folder / "shap-e-img2img", clip=folder / "clip")
    return folder / "shap-e-img2img"


def prior_weights(model: Model) -> dict[str, torch.Tensor]:
    assert model.prior is not None
    return model.prior.state_dict()


def test_a_text_model(text_folder: Path) -> None:
    assert is_diffusers_folder(text_folder)
    model = model_from_diffusers(text_folder)
    config = model.config
    assert (config.name, config.text, config.image, config.clip) == ("shap-e", "clip", None, str(text_folder))
    assert config.sampler == SamplerConfig(steps=64, guidance=15.0, clip=1.0)
    assert config.autoencoder.encoder is None
    assert len(model.sha256) == 64
    assert model_from_diffusers(text_folder, name="openai/shap-e").config.name == "openai/shap-e"


def test_an_image_model(image_folder: Path) -> None:
    config = model_from_diffusers(image_folder).config
    assert (config.text, config.image, config.clip) == (None, "clip", str(image_folder))
    assert config.sampler == SamplerConfig(steps=64, guidance=3.0, clip=1.0)


def test_a_prompt_becomes_an_asset(text_folder: Path) -> None:
    """With CLIP from where the config says it is."""
    model = model_from_diffusers(text_folder)
    clip = ClipText(model.config.clip, model_subfolder="text_encoder", tokenizer_subfolder="tokenizer")
    (asset,) = Pipeline(model, text_encoder=clip, device="cpu").generate("bed", steps=2)
    assert asset.latent.shape == (TOKENS, CHANNELS)
    assert asset.origin.model_sha256 == model.sha256
    assert len(asset.surface(resolution=16).faces)


def test_a_picture_becomes_a_latent(image_folder: Path) -> None:
    model = model_from_diffusers(image_folder)
    assert model.prior is not None
    clip = ClipImage(model.config.clip, subfolder="image_encoder")
    condition = Condition(image_tokens=clip.encode([Image.effect_noise((30, 40), 80).convert("RGB")]))
    settings = dataclasses.replace(model.config.sampler, steps=2)
    assert sample(model.prior, condition, seeds=[0], config=settings).isfinite().all()


def test_the_hash_is_that_of_the_weights(text_folder: Path, tmp_path: Path) -> None:
    model = model_from_diffusers(text_folder)
    model_to_diffusers(model, tmp_path / "same")
    assert model_from_diffusers(tmp_path / "same").sha256 != model.sha256  # another background
    model_to_diffusers(model, tmp_path / "again", fp16=True)
    again, same = model_from_diffusers(tmp_path / "again"), model_from_diffusers(tmp_path / "same")
    assert again.sha256 == same.sha256
    for name, expected in prior_weights(model).items():
        assert torch.equal(prior_weights(again)[name], expected)


def test_clip_is_taken_from_the_folder_that_is_given(text_folder: Path, tmp_path: Path) -> None:
    model = model_from_diffusers(text_folder)
    elsewhere = dataclasses.replace(
        model, config=dataclasses.replace(model.config, clip="openai/clip-vit-large-patch14")
    )
    with pytest.raises(ModelError, match="give the folder that holds them"):
        model_to_diffusers(elsewhere, tmp_path / "out")
    model_to_diffusers(elsewhere, tmp_path / "out", clip=text_folder)
    assert (tmp_path / "out/tokenizer/tokenizer_config.json").is_file()


def test_a_folder_without_clip_cannot_be_used(text_folder: Path, tmp_path: Path) -> None:
    for part in ("prior", "shap_e_renderer", "scheduler", "model_index.json"):
        (tmp_path / part).symlink_to(text_folder / part)
    with pytest.raises(ModelError, match="holds no text_encoder"):
        model_from_diffusers(tmp_path)


def test_models_that_diffusers_has_no_place_for(text_folder: Path, tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="has no prior"):
        model_to_diffusers(random_model(with_prior=False), tmp_path / "out", clip=text_folder)
    with pytest.raises(ModelError, match="standardised latents"):
        model_to_diffusers(random_model(), tmp_path / "out", clip=text_folder)
    without = dataclasses.replace(random_model(), statistics=None)
    with pytest.raises(ModelError, match="no place for: text tokens as the condition"):
        model_to_diffusers(without, tmp_path / "out", clip=text_folder)
    shape = (TOKENS, CHANNELS)
    statistics = LatentStatistics(mean=torch.zeros(shape), std=torch.ones(shape))
    with pytest.raises(ModelError, match="standardised latents"):
        model_to_diffusers(
            dataclasses.replace(model_from_diffusers(text_folder), statistics=statistics), tmp_path / "out"
        )
    assert list(tmp_path.iterdir()) == []


def test_other_folders_are_told_apart(tmp_path: Path) -> None:
    assert not is_diffusers_folder(tmp_path)


def test_a_pipeline_takes_a_folder_as_it_is(text_folder: Path, image_folder: Path, tmp_path: Path) -> None:
    assert config_of(text_folder) == model_from_diffusers(text_folder).config
    pipeline = Pipeline.from_pretrained(text_folder)
    (asset,) = pipeline.generate("a chair", steps=2)
    assert asset.latent.shape == (TOKENS, CHANNELS)
    asset.save(tmp_path / "chair.latent.safetensors")
    assert torch.equal(pipeline.load(tmp_path / "chair.latent.safetensors").latent, asset.latent)
    (seen,) = Pipeline.from_pretrained(image_folder).generate(
        image=Image.new("RGB", (30, 20), "red"), steps=2
    )
    assert seen.latent.shape == (TOKENS, CHANNELS)
    with pytest.raises(ModelError, match="has no encoder"):
        pipeline.encode(tmp_path / "chair.glb")
