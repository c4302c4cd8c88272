"""Runs of Point-E's networks on solids in memory, a few steps each: what they leave and what they refuse."""

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from safetensors.torch import load_file, save_file

from shapewright.dataset.loader import AssetRecord
from shapewright.errors import CheckpointError, ConfigError, DatasetError, ModelError
from shapewright.pipeline import PointEPipeline, load_points_model
from shapewright.training import point_encoders, runs
from shapewright.training.point_runs import PointPlaces, train_point_sdf, train_point_stage
from shapewright.training.recipes.point_recipe import StageRecipe
from shapewright.training.recipes.points import BASE_RECIPES, SDF_RECIPES, UPSAMPLER_RECIPES
from tiny_assets import shelf
from tiny_clip import GRID_TOKENS, GRID_WIDTH, POOLED_WIDTH, save_clip
from tiny_models import FakeText
from tiny_views import show

DATA = Path("data")


@pytest.fixture(autouse=True)
def records(monkeypatch: pytest.MonkeyPatch) -> list[AssetRecord]:
    """What any data folder holds; MiniLM takes a second to load."""
    found = shelf()
    monkeypatch.setattr(runs, "load_dataset", lambda data, split: found)
    monkeypatch.setattr(point_encoders, "MiniLM", FakeText)
    monkeypatch.setattr("shapewright.conditioning.minilm.MiniLM", FakeText)
    return found


@pytest.fixture(autouse=True)
def _told_as_written(monkeypatch: pytest.MonkeyPatch) -> None:
    """The tiny CLIP reads twelve tokens, letter by letter: only the short captions that are written."""
    monkeypatch.setattr(
        "shapewright.training.point_draws.captions_of_varied", lambda record, varied: record.texts("en")
    )


def few(recipe: Any, **changes: Any) -> Any:
    """Three steps in fp32 of four assets."""
    loop = replace(recipe.loop, steps=3, batch_size=4, precision="fp32", warmup_steps=1)
    return replace(recipe, loop=replace(loop, **changes))


def base(condition: Any = "text") -> StageRecipe:
    recipe = few(BASE_RECIPES["tiny"](condition))
    return replace(recipe, stage=replace(recipe.stage, sampler=replace(recipe.stage.sampler, steps=2)))


def in_short(records: list[AssetRecord]) -> None:
    """Captions that the tiny CLIP, which spells, can read to the end."""
    records[:] = [
        replace(record, captions=[{"text": record.name.split()[0], "language": "en"}]) for record in records
    ]


def with_clip(recipe: StageRecipe, clip: Path) -> StageRecipe:
    """The recipe with the tiny CLIP in place of ViT-L/14."""
    prior = recipe.stage.prior
    widths = {
        "text_pooled_width": None if prior.text_pooled_width is None else POOLED_WIDTH,
        "image_token_width": None if prior.image_token_width is None else GRID_WIDTH,
    }
    stage = replace(recipe.stage, prior=replace(prior, **widths))
    objective = replace(recipe.objective, draws=1)
    return replace(recipe, stage=stage, objective=objective, text="clip", clip=str(clip), views=2)


UPSAMPLER, SDF = few(UPSAMPLER_RECIPES["tiny"](None)), few(SDF_RECIPES["tiny"]())


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("clip")
    save_clip(folder)
    return folder


def train_base(run: Path, recipe: StageRecipe | None = None, **places: Path) -> Path:
    return train_point_stage(PointPlaces(data=DATA, run=run, **places), recipe or base(), name="base")


def losses_of(run: Path) -> list[float]:
    return [json.loads(line)["loss"] for line in (run / "metrics.jsonl").read_text().splitlines()]


def test_three_runs_make_a_model(tmp_path: Path) -> None:
    coarse, fine, whole = (tmp_path / name for name in ("base", "upsampler", "sdf"))
    train_base(coarse)
    train_point_stage(PointPlaces(data=DATA, run=fine, model=coarse), UPSAMPLER, name="fine")
    folder = train_point_sdf(PointPlaces(data=DATA, run=whole, model=fine), SDF, name="whole")
    pipeline = PointEPipeline.from_pretrained(folder, device="cpu")
    config = pipeline.model.config
    assert (config.name, config.text, config.image) == ("whole", "minilm", None)
    (asset,) = pipeline.generate("a red ball", steps=2)
    assert len(asset.cloud) == 256
    assert np.isfinite(asset.cloud.positions).all()
    other = pipeline.generate("a blue box", steps=2)[0]
    assert not np.array_equal(asset.cloud.positions, other.cloud.positions)
    assert pipeline.model.sdf is not None
    # each part is the one that its run trained
    for run, part in ((coarse, "base"), (fine, "upsampler")):
        trained, taken = getattr(load_points_model(run / "model"), part), getattr(pipeline.model, part)
        assert all(
            torch.equal(trained.state_dict()[key], taken.state_dict()[key]) for key in taken.state_dict()
        )


def test_a_trained_part_goes_into_another_model_without_training(tmp_path: Path) -> None:
    train_base(tmp_path / "first")
    train_base(tmp_path / "second", replace(base(), loop=replace(base().loop, seed=1)))
    run = tmp_path / "sdf"
    train_point_sdf(PointPlaces(data=DATA, run=run, model=tmp_path / "first"), SDF, name="x")
    sdf = load_points_model(run / "model").sdf
    metrics = (run / "metrics.jsonl").read_text()
    train_point_sdf(PointPlaces(data=DATA, run=run, model=tmp_path / "second"), SDF, name="x")
    assert (run / "metrics.jsonl").read_text() == metrics
    model, second = load_points_model(run / "model"), load_points_model(tmp_path / "second" / "model")
    assert torch.equal(model.base.output_proj.weight, second.base.output_proj.weight)
    assert sdf is not None
    assert model.sdf is not None
    assert torch.equal(model.sdf.output_proj.weight, sdf.output_proj.weight)
    # and a base that is trained again keeps the rest
    again = load_points_model(train_base(tmp_path / "third", base("nothing"), model=run))
    assert again.sdf is not None
    assert again.config.text is None


def test_a_base_that_is_told_nothing(tmp_path: Path) -> None:
    pipeline = PointEPipeline.from_pretrained(train_base(tmp_path, base("nothing")), device="cpu")
    first, second = pipeline.generate(n=2)
    assert not np.array_equal(first.cloud.positions, second.cloud.positions)


@pytest.mark.parametrize("condition", ["image", "image-vector"])
def test_a_base_and_an_upsampler_that_are_told_pictures(
    tmp_path: Path, clip: Path, monkeypatch: pytest.MonkeyPatch, condition: str
) -> None:
    show(monkeypatch)
    told: list[tuple[int, int]] = []
    places = PointPlaces(data=DATA, run=tmp_path / "base")
    recipe = with_clip(base(condition), clip)
    train_point_stage(places, recipe, name="x", encoding=lambda *done: told.append(done))
    assert told[-1] == (6, 6)
    seeing = with_clip(few(UPSAMPLER_RECIPES["tiny"]("image")), clip)
    folder = train_point_stage(
        PointPlaces(data=DATA, run=tmp_path / "fine", model=tmp_path / "base"), seeing, name="x"
    )
    pipeline = PointEPipeline.from_pretrained(folder, device="cpu")
    assert pipeline.model.config.image_tokens == GRID_TOKENS
    red, blue = pipeline.generate(image=[Image.new("RGB", (28, 28), color) for color in ("red", "blue")])
    assert len(red.cloud) == 256
    assert not np.array_equal(red.cloud.positions, blue.cloud.positions)


def test_clip_reads_captions(tmp_path: Path, clip: Path, records: list[AssetRecord]) -> None:
    in_short(records)
    folder = train_base(tmp_path, with_clip(base(), clip))
    pipeline = PointEPipeline.from_pretrained(folder, device="cpu")
    assert (pipeline.model.config.text, pipeline.model.config.clip) == ("clip", str(clip.resolve()))
    assert len(pipeline.generate("ball", steps=2)[0].cloud) == 64


def test_an_upsampler_for_prompts_may_have_seen_pictures(
    tmp_path: Path, clip: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    show(monkeypatch)
    train_base(tmp_path / "base")  # MiniLM reads its prompts
    seeing = with_clip(few(UPSAMPLER_RECIPES["tiny"]("image")), clip)
    places = PointPlaces(data=DATA, run=tmp_path / "fine", model=tmp_path / "base")
    pipeline = PointEPipeline.from_pretrained(train_point_stage(places, seeing, name="x"), device="cpu")
    assert len(pipeline.generate("a ball", steps=2)[0].cloud) == 256


# The first six losses of the tiny recipes as `few` has them.
GOLDEN = {
    "base": [1.01725, 1.02161, 0.851, 0.80991, 0.87145, 0.72476],
    "upsampler": [0.99881, 0.9878, 0.83701, 0.77775, 0.78625, 0.68879],
    "sdf": [1.2445, 2.00063, 1.4828, 0.84819, 1.00244, 1.06324],
}


def test_golden_loss_curves(tmp_path: Path) -> None:
    """What a step sees, asks for and changes stays as it is; who changes it knowingly writes new numbers."""
    places = {part: PointPlaces(data=DATA, run=tmp_path / part, model=tmp_path / "base") for part in GOLDEN}
    train_point_stage(replace(places["base"], model=None), few(BASE_RECIPES["tiny"](None), steps=6), name="x")
    train_point_stage(places["upsampler"], few(UPSAMPLER, steps=6), name="x")
    train_point_sdf(places["sdf"], few(SDF, steps=6), name="x")
    for part, golden in GOLDEN.items():
        # other processors round otherwise, and Adam's first steps make much of small gradients; a batch in
        # another order or another seed moves single losses by a tenth
        assert losses_of(tmp_path / part) == pytest.approx(golden, rel=1e-2), part


Training = Callable[[Path, int], Path]


def base_for(run: Path, steps: int) -> Path:
    recipe = base()
    return train_base(run, replace(recipe, loop=replace(recipe.loop, steps=steps, checkpoint_every_s=0.0)))


def sdf_for(run: Path, steps: int) -> Path:
    train_base(run.parent / "base")
    recipe = few(SDF_RECIPES["tiny"](), steps=steps, checkpoint_every_s=0.0)
    return train_point_sdf(PointPlaces(data=DATA, run=run, model=run.parent / "base"), recipe, name="x")


@pytest.mark.parametrize("training", [base_for, sdf_for])
def test_a_run_that_was_stopped_is_the_run_that_was_not(training: Training, tmp_path: Path) -> None:
    whole, broken = tmp_path / "whole", tmp_path / "broken"
    folder = training(whole, 4)
    training(broken, 4)
    # as if it had been killed after its third step: that checkpoint is the last, the fourth step is lost
    (newest,) = (broken / "checkpoints").glob("step-0000004")
    newest.rename(newest.with_name(".step-0000004.tmp"))
    again = training(broken, 4)
    assert losses_of(broken) == losses_of(whole)
    assert len(losses_of(whole)) == 4
    assert load_points_model(again).sha256 == load_points_model(folder).sha256


def test_a_part_may_start_from_a_trained_one(tmp_path: Path) -> None:
    first = load_points_model(train_base(tmp_path / "first"))
    still = replace(base(), loop=replace(base().loop, steps=1, learning_rate=0.0))
    second = load_points_model(train_base(tmp_path / "second", still, start=tmp_path / "first"))
    assert torch.equal(first.base.input_proj.weight, second.base.input_proj.weight)
    with pytest.raises(CheckpointError, match="begun with another start"):
        train_base(tmp_path / "second", still)
    prior = replace(still.stage.prior, layers=1)
    with pytest.raises(ModelError, match=r"base in .* is built otherwise than the recipe says"):
        train_base(
            tmp_path / "third",
            replace(still, stage=replace(still.stage, prior=prior)),
            start=tmp_path / "first",
        )
    places = PointPlaces(
        data=DATA, run=tmp_path / "third", model=tmp_path / "first", start=tmp_path / "first"
    )
    with pytest.raises(ModelError, match="holds no sdf to start from"):
        train_point_sdf(places, SDF, name="x")


def test_parts_that_do_not_fit(tmp_path: Path, clip: Path) -> None:
    alone = PointPlaces(data=DATA, run=tmp_path / "run")
    with pytest.raises(ModelError, match=r"An upsampler goes on from a base: name .* with --model"):
        train_point_stage(alone, UPSAMPLER, name="x")
    with pytest.raises(ModelError, match=r"An SDF model needs a base .* with --model"):
        train_point_sdf(alone, SDF, name="x")
    train_base(tmp_path / "base")
    places, larger = replace(alone, model=tmp_path / "base"), UPSAMPLER_RECIPES["homeware"](None)
    with pytest.raises(
        ConfigError, match="base draws 64 points of 6 channels, but the upsampler goes from 512"
    ):
        train_point_stage(places, larger, name="x")
    with pytest.raises(ConfigError, match=r"width 8, but .* takes 384: set stage.prior.text_pooled_width=8"):
        train_point_stage(alone, replace(base(), text="clip", clip=str(clip)), name="x")
    assert not (tmp_path / "run" / "config.json").exists()


def test_a_model_has_one_clip(tmp_path: Path, clip: Path, records: list[AssetRecord]) -> None:
    in_short(records)
    train_base(tmp_path / "base", with_clip(base(), clip))
    other = with_clip(few(UPSAMPLER_RECIPES["tiny"]("image")), tmp_path)
    places = PointPlaces(data=DATA, run=tmp_path / "run", model=tmp_path / "base")
    with pytest.raises(ModelError, match="a model has one CLIP"):
        train_point_stage(places, other, name="x")


def test_a_run_does_not_go_on_with_other_data_or_another_clip(
    tmp_path: Path, clip: Path, records: list[AssetRecord]
) -> None:
    in_short(records)
    recipe, own = with_clip(base(), tmp_path / "clip"), tmp_path / "clip"
    save_clip(own)
    train_base(tmp_path / "run", recipe)
    weights = own / "model.safetensors"
    tensors = load_file(weights)
    save_file({**tensors, "logit_scale": tensors["logit_scale"] + 1}, weights, {"format": "pt"})
    with pytest.raises(CheckpointError, match="begun with another CLIP"):
        train_base(tmp_path / "run", recipe)
    del records[-1]
    save_file(tensors, weights, {"format": "pt"})
    with pytest.raises(CheckpointError, match="begun with another data set"):
        train_base(tmp_path / "run", recipe)


def test_data_that_do_not_do(tmp_path: Path, records: list[AssetRecord]) -> None:
    larger = replace(base(), objective=replace(base().objective, cloud=512))
    with pytest.raises(DatasetError, match="512 points of an asset but the data set has 256"):
        train_base(tmp_path / "run", larger)
    train_base(tmp_path / "base")
    more = replace(SDF, objective=replace(SDF.objective, queries=100_000))
    with pytest.raises(
        DatasetError, match="asks for 100000 field queries of an asset but the data set has 1024"
    ):
        train_point_sdf(PointPlaces(data=DATA, run=tmp_path / "run", model=tmp_path / "base"), more, name="x")
    records.clear()
    with pytest.raises(DatasetError, match="holds no assets to train on"):
        train_base(tmp_path / "run")
    assert not (tmp_path / "run").exists()
