"""Prompts and files to assets, with a tiny random model: what is the same and what differs."""

from dataclasses import replace
from pathlib import Path

import pytest
import torch

from shapewright import Pipeline
from shapewright.errors import AssetFileError, ConfigError, ModelError, PromptError
from shapewright.geometry.mesh import Mesh
from shapewright.geometry.mesh_files import save
from shapewright.pipeline.latent_refinement import steps_of_encoding
from shapewright.pipeline.model_folder import load_model, save_model
from solids import cube_mesh
from tiny_models import FakeText, random_model, saved
from tiny_official import official_model

PROMPTS = ["a red chair", "a very long green garden bench", "a blue chair"]


@pytest.fixture(scope="module")
def pipeline() -> Pipeline:
    return Pipeline(random_model(), text_encoder=FakeText(), device="cpu")


def test_an_asset_depends_on_its_seed_and_prompt_only(pipeline: Pipeline) -> None:
    together = pipeline.generate(PROMPTS, seed=5, n=3)
    in_small_batches = pipeline.generate(PROMPTS, seed=5, n=3, batch_size=2)
    assert [(a.prompt, a.seed) for a in together] == [(p, s) for p in PROMPTS for s in (5, 6, 7)]
    for asset, other in zip(together, in_small_batches, strict=True):
        alone = pipeline.generate(asset.prompt, seed=asset.seed or 0)[0]
        # bits are the same on the processors tried; elsewhere products of other shapes may round differently
        torch.testing.assert_close(asset.latent, alone.latent, atol=1e-4, rtol=1e-4)
        torch.testing.assert_close(asset.latent, other.latent, atol=1e-4, rtol=1e-4)


def test_seed_prompt_and_guidance_each_change_the_asset(pipeline: Pipeline) -> None:
    first = pipeline.generate("a red chair", seed=0)[0].latent
    others = [
        pipeline.generate("a red chair", seed=1)[0].latent,
        pipeline.generate("a blue chair", seed=0)[0].latent,
        pipeline.generate("a red chair", seed=0, guidance=1.0)[0].latent,
        pipeline.generate("a red chair", seed=0, steps=4)[0].latent,
    ]
    for other in others:
        assert (first - other).abs().max() > 1e-3


@pytest.fixture(scope="module")
def cube_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("assets") / "cube.ply"
    save(cube_mesh(), path)
    return path


def test_an_encoded_latent_is_refined_now_or_later(
    pipeline: Pipeline, cube_file: Path, tmp_path: Path
) -> None:
    steps: list[int] = []
    plain = pipeline.encode(cube_file, refine=0)
    refined = pipeline.encode(cube_file, refine=4, progress=lambda done, total: steps.append(total))
    assert steps == [4] * 4
    told = refined.origin.settings
    assert list(told) == ["encoded_from", "refine_steps", "iou_before", "iou_after"]
    assert (told["encoded_from"], told["refine_steps"]) == ("cube.ply", 4)
    assert told["iou_after"] > told["iou_before"]
    assert (refined.latent - plain.latent).abs().max() > 0.01
    plain.save(tmp_path / "plain.safetensors")
    later = pipeline.refine(pipeline.load(tmp_path / "plain.safetensors"), cube_file, steps=4)
    assert torch.equal(later.latent, refined.latent)
    assert later.origin == refined.origin
    refined.save(tmp_path / "refined.safetensors")
    assert pipeline.load(tmp_path / "refined.safetensors").origin == refined.origin


def test_encoding_refines_a_little_where_that_is_cheap(pipeline: Pipeline, cube_file: Path) -> None:
    assert pipeline.encode(cube_file).origin.settings["refine_steps"] == 60
    assert pipeline.encode(cube_file, refine=0).origin.settings == {"encoded_from": "cube.ply"}
    assert steps_of_encoding(official_model(None).config.autoencoder.field) == 0


def test_a_decoder_alone_refines_what_it_drew(cube_file: Path) -> None:
    decoder = Pipeline(official_model(None), device="cpu")
    latent = torch.tanh(torch.randn(64, 32, generator=torch.Generator().manual_seed(0)))
    drawn = decoder.asset(latent, prompt="a box", seed=3, settings={"steps": 64})
    refined = decoder.refine(drawn, cube_file, steps=2)
    assert (refined.prompt, refined.seed) == ("a box", 3)
    assert refined.origin.settings["steps"] == 64
    assert refined.origin.settings["refine_steps"] == 2
    assert not torch.equal(refined.latent, drawn.latent)


def test_what_cannot_be_refined(pipeline: Pipeline, cube_file: Path) -> None:
    asset = pipeline.encode(cube_file)
    with pytest.raises(ConfigError, match="at least 1 step, not -3"):
        pipeline.encode(cube_file, refine=-3)
    with pytest.raises(ConfigError, match="at least 1 step, not 0"):
        pipeline.refine(asset, cube_file, steps=0)
    with pytest.raises(AssetFileError, match=r"nothing\.glb"):
        pipeline.refine(asset, "nothing.glb")
    other = Pipeline(replace(random_model("other"), sha256="0" * 64), device="cpu")
    with pytest.raises(ModelError, match="'cube' was made by the model 'random'"):
        other.refine(asset, cube_file)


def test_statistics_bring_samples_back_to_the_scale_of_latents(pipeline: Pipeline) -> None:
    model = random_model()
    plain = Pipeline(replace(model, statistics=None), text_encoder=FakeText(), device="cpu")
    restored, raw = pipeline.generate("a chair")[0].latent, plain.generate("a chair")[0].latent
    inside = raw.abs() < 1  # both are brought into the range of a tanh, which hides what was beyond it
    assert inside.any()
    assert restored.abs().max() <= 1
    torch.testing.assert_close(restored[inside], raw[inside] * 0.5, atol=1e-5, rtol=1e-5)


def test_progress_counts_the_steps_of_all_batches(pipeline: Pipeline) -> None:
    seen: list[tuple[int, int]] = []
    pipeline.generate(PROMPTS, n=2, batch_size=4, progress=lambda done, total: seen.append((done, total)))
    # two prompts of three words share a batch, the longer one has its own; three steps each
    assert seen == [(done, 6) for done in range(1, 7)]


def test_the_origin_says_how_an_asset_was_made(pipeline: Pipeline) -> None:
    origin = pipeline.generate("  a chair ", seed=3, steps=2)[0].origin
    assert (origin.prompt, origin.seed, origin.model) == ("a chair", 3, "random")
    assert origin.settings == {"steps": 2, "guidance": 3.0, "method": "heun"}


@pytest.mark.parametrize("prompt", ["", "   ", ["a chair", ""], [], "chair " * 2000])
def test_unusable_prompts_are_refused(pipeline: Pipeline, prompt: str | list[str]) -> None:
    with pytest.raises(PromptError):
        pipeline.generate(prompt)


@pytest.mark.parametrize("settings", [{"n": 0}, {"seed": -1}, {"steps": 0}, {"guidance": -1.0}])
def test_settings_out_of_range_are_refused(pipeline: Pipeline, settings: dict[str, int]) -> None:
    with pytest.raises(ConfigError):
        pipeline.generate("a chair", **settings)


def test_a_model_without_a_prior_only_encodes_and_decodes() -> None:
    pipeline = Pipeline(random_model(with_prior=False), device="cpu")
    with pytest.raises(ModelError, match="does not make objects from text"):
        pipeline.generate("a chair")


def test_a_file_is_encoded_the_same_every_time(pipeline: Pipeline, tmp_path: Path, cube: Mesh) -> None:
    save(cube, tmp_path / "cube.ply")
    first, second = (pipeline.encode(tmp_path / "cube.ply") for _ in range(2))
    assert torch.equal(first.latent, second.latent)
    assert first.prompt == "cube"
    assert first.seed is None
    assert first.latent.abs().max() <= 1.0


def test_a_file_that_is_not_there_is_named(pipeline: Pipeline, tmp_path: Path) -> None:
    with pytest.raises(AssetFileError, match=r"nothing\.glb"):
        pipeline.encode(tmp_path / "nothing.glb")


def test_interpolation_goes_from_one_to_the_other(pipeline: Pipeline) -> None:
    first, second = pipeline.generate("a chair", n=2)
    assert torch.equal(pipeline.interpolate(first, second, 0.0).latent, first.latent)
    assert torch.equal(pipeline.interpolate(first, second, 1.0).latent, second.latent)
    middle = pipeline.interpolate(first, second, 0.5).latent
    torch.testing.assert_close(middle, (first.latent + second.latent) / 2)
    with pytest.raises(ConfigError, match=r"0\.\.1"):
        pipeline.interpolate(first, second, 1.5)


def test_latents_are_decoded_by_the_model_that_made_them_only(tmp_path: Path) -> None:
    model = saved(random_model(), tmp_path / "model")
    pipeline = Pipeline(model, text_encoder=FakeText(), device="cpu")
    asset = pipeline.generate("a chair", seed=4)[0]
    asset.save(tmp_path / "chair.latent.safetensors")
    again = pipeline.load(tmp_path / "chair.latent.safetensors")
    assert torch.equal(again.latent, asset.latent)
    assert again.origin == asset.origin
    other = Pipeline(saved(random_model(empty=True), tmp_path / "other"), device="cpu")
    with pytest.raises(ModelError, match="cannot be decoded"):
        other.load(tmp_path / "chair.latent.safetensors")


def test_latents_are_decoded_by_a_model_that_has_only_another_prior(tmp_path: Path) -> None:
    model = saved(random_model(), tmp_path / "model")
    asset = Pipeline(model, text_encoder=FakeText(), device="cpu").generate("a chair", seed=4)[0]
    asset.save(tmp_path / "chair.latent.safetensors")
    save_model(tmp_path / "trained", random_model(with_prior=False), card="")
    trained = Pipeline(load_model(tmp_path / "trained"), device="cpu")
    assert trained.model.sha256 != model.sha256
    assert torch.equal(trained.load(tmp_path / "chair.latent.safetensors").latent, asset.latent)


def test_an_unknown_device_is_refused() -> None:
    with pytest.raises(ConfigError, match="no device 'tpu'"):
        Pipeline(random_model(), device="tpu")
