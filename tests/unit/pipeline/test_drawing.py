"""Prompts to keep away from, mixtures, guidance of each, and other assets to begin with."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch

from shapewright import Pipeline
from shapewright.errors import AssetFileError, ConfigError, ModelError, PromptError
from shapewright.pipeline.drawing import guidance_of_each
from tiny_models import FakeText, random_model

SOFA = "a sofa"


@pytest.fixture(scope="module")
def pipeline() -> Pipeline:
    return Pipeline(random_model(), text_encoder=FakeText(), device="cpu")


def drawn(pipeline: Pipeline, *prompt: str, **settings: Any) -> torch.Tensor:
    return pipeline.generate(*prompt, **settings)[0].latent


def same(first: torch.Tensor, second: torch.Tensor) -> bool:
    # batches of other shapes may round differently, and a random prior carries that through the steps
    return torch.allclose(first, second, atol=2e-3)


def test_a_negative_prompt_changes_guided_samples_only(pipeline: Pipeline) -> None:
    plain, away = drawn(pipeline, SOFA), drawn(pipeline, SOFA, negative="a very old red sofa")
    assert not same(plain, away)
    assert not same(away, drawn(pipeline, SOFA, negative="a lamp"))
    # guided from what is wished for itself, it is what plain conditioning makes
    assert same(drawn(pipeline, SOFA, negative=SOFA), drawn(pipeline, SOFA, guidance=1))
    assert torch.equal(
        drawn(pipeline, SOFA, negative="a lamp", guidance=1), drawn(pipeline, SOFA, guidance=1)
    )
    assert same(drawn(pipeline, SOFA, negative="a lamp", guidance=0), drawn(pipeline, "a lamp", guidance=1))


def test_guidance_is_for_all_or_for_each(pipeline: Pipeline) -> None:
    prompts = [SOFA, "a lamp", "a bed", "a desk"]
    each = pipeline.generate(prompts, guidance=[1, 3, 0, 5], n=2)
    assert [asset.origin.settings["guidance"] for asset in each] == [1, 1, 3, 3, 0, 0, 5, 5]
    for asset in each:
        alone = pipeline.generate(
            asset.prompt, guidance=asset.origin.settings["guidance"], seed=asset.seed or 0
        )
        assert same(asset.latent, alone[0].latent)
        assert alone[0].origin == asset.origin
    assert guidance_of_each([4], 3) == guidance_of_each(4, 3) == [4.0, 4.0, 4.0]


def test_a_mixture_is_one_object_of_its_parts(pipeline: Pipeline) -> None:
    parts = [(SOFA, 3.0), ("a long white bathtub", 1.0)]
    asset = pipeline.generate(mix=parts)[0]
    assert asset.prompt == "0.75 a sofa + 0.25 a long white bathtub"
    assert asset.origin.settings["mix"] == [[SOFA, 0.75], ["a long white bathtub", 0.25]]
    assert same(asset.latent, drawn(pipeline, mix=[(name, weight / 4) for name, weight in parts]))
    assert same(asset.latent, drawn(pipeline, mix=parts[::-1]))
    assert not same(asset.latent, drawn(pipeline, mix=[(SOFA, 1.0), parts[1]]))
    assert not same(asset.latent, drawn(pipeline, mix=parts, guidance=1))
    for guidance in (1, 3):
        whole = drawn(pipeline, mix=[(SOFA, 1), (parts[1][0], 0)], guidance=guidance)
        assert same(whole, drawn(pipeline, SOFA, guidance=guidance))
        assert same(drawn(pipeline, mix=[(SOFA, 1), (SOFA, 1)], guidance=guidance), whole)


def test_everything_at_once_depends_on_its_own_seed_only(pipeline: Pipeline) -> None:
    init = pipeline.generate("a bed", seed=9)[0]
    settings: dict[str, Any] = {"negative": "a very old red sofa", "init": init, "strength": 0.7}
    settings |= {"mix": [(SOFA, 1), ("a lamp", 1)]}
    together = pipeline.generate(**settings, seed=3, n=4)
    small = pipeline.generate(**settings, seed=3, n=4, batch_size=3)
    for asset, other in zip(together, small, strict=True):
        assert same(asset.latent, other.latent)
        assert same(asset.latent, drawn(pipeline, **settings, seed=asset.seed))
    assert not same(together[0].latent, together[1].latent)
    told = together[0].origin.settings
    assert list(told) == ["steps", "guidance", "method", "negative", "init", "strength", "mix"]
    assert (told["negative"], told["init"], told["strength"]) == ("a very old red sofa", "a bed", 0.7)


def test_the_steps_that_remain_are_taken(pipeline: Pipeline, tmp_path: Path) -> None:
    init = pipeline.generate("a bed", seed=9)[0]
    init.save(tmp_path / "bed.safetensors")
    seen: list[tuple[int, int]] = []
    asset = pipeline.generate(
        SOFA, init=tmp_path / "bed.safetensors", steps=10, strength=0.34, progress=lambda *at: seen.append(at)
    )[0]
    assert seen == [(1, 3), (2, 3), (3, 3)]
    assert asset.origin.settings["init"] == "bed.safetensors"
    assert torch.equal(asset.latent, drawn(pipeline, SOFA, init=init, steps=10, strength=0.34))


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"mix": []}, "weights from 0 up, not all 0; got none"),
        ({"mix": [(SOFA, -1.0)]}, "got -1.0"),
        ({"mix": [(SOFA, 0.0)]}, "not all 0"),
        ({"mix": [(SOFA, 1.0)], "prompt": SOFA}, "one of them"),
        ({"prompt": SOFA, "strength": 0.5}, "give an init too"),
        ({"prompt": [SOFA, SOFA], "guidance": [1, 2, 3]}, "3 were given for 2"),
        ({"prompt": SOFA, "guidance": []}, "0 were given for 1"),
        ({"prompt": [SOFA, SOFA], "guidance": [1, -2]}, "guidance must be"),
    ],
)
def test_what_cannot_be_drawn(pipeline: Pipeline, settings: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        pipeline.generate(**settings)


def test_what_cannot_be_begun_with(pipeline: Pipeline) -> None:
    init = pipeline.generate("a bed", steps=1)[0]
    for strength in (0.0, -1.0, 1.01, float("nan")):
        with pytest.raises(ConfigError, match="at most 1"):
            pipeline.generate(SOFA, init=init, strength=strength)
    with pytest.raises(AssetFileError, match="no latent file"):
        pipeline.generate(SOFA, init="nothing.safetensors")
    with pytest.raises(PromptError):
        pipeline.generate(SOFA, negative=" ")
    other = Pipeline(replace(random_model("other"), sha256="0" * 64), text_encoder=FakeText(), device="cpu")
    with pytest.raises(ModelError, match="'a bed' was made by the model 'random'"):
        other.generate(SOFA, init=init)
