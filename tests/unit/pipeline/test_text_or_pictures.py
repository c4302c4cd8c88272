"""A model of text and of pictures, which an ImageNet network sees: each prompt or picture makes its own."""

from dataclasses import replace

import pytest
import torch
from PIL import Image, ImageDraw

from shapewright.errors import ConfigError
from shapewright.pipeline import Model, ModelConfig, Pipeline
from shapewright.pipeline.conditioners import PICTURE_GRID
from shapewright.prior import Prior
from shapewright.training.recipes import prior as prior_recipes
from tiny_models import FakeText, random_model


@pytest.fixture(scope="module")
def pipeline() -> Pipeline:
    first = random_model()
    recipe = prior_recipes.tiny("either")
    torch.manual_seed(3)
    prior = Prior(recipe.model)
    for parameter in prior.parameters():
        if parameter.ndim == 2:
            torch.nn.init.normal_(parameter, std=0.2)
    config: ModelConfig = replace(first.config, prior=recipe.model, text="minilm", image="efficientnet")
    model = Model(
        config=config, autoencoder=first.autoencoder, prior=prior.eval(), statistics=first.statistics
    )
    return Pipeline(model, device="cpu", text_encoder=FakeText())


def picture(color: str) -> Image.Image:
    image = Image.new("RGB", (90, 60), "white")
    ImageDraw.Draw(image).ellipse((20, 10, 70, 50), fill=color)
    return image


def test_pictures_and_prompts_make_different_things(pipeline: Pipeline) -> None:
    red, blue = pipeline.generate(image=[picture("red"), picture("blue")])
    assert not torch.allclose(red.latent, blue.latent, atol=1e-3)
    chair, lamp = pipeline.generate(["a chair", "a lamp"])
    assert not torch.allclose(chair.latent, lamp.latent, atol=1e-3)
    assert red.origin.settings["image"] == "picture"


def test_a_picture_alone_or_among_others_makes_the_same(pipeline: Pipeline) -> None:
    alone = pipeline.generate(image=picture("red"), seed=4)[0]
    among = pipeline.generate(image=[picture("blue"), picture("red")], seed=4)[1]
    torch.testing.assert_close(alone.latent, among.latent, atol=1e-5, rtol=1e-5)


def test_one_of_them_at_a_time(pipeline: Pipeline) -> None:
    with pytest.raises(ConfigError):
        pipeline.generate("a chair", image=picture("red"))


def test_few_features_a_side_are_enough() -> None:
    assert PICTURE_GRID**2 == 16
