"""Whole runs of Point-E's networks: a data set and a recipe in, a run folder with a usable model in it out.

RUN/model is a model folder that `PointEPipeline.from_pretrained` takes.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import torch
from torch import nn

from shapewright.dataset.loader import AssetRecord
from shapewright.errors import DatasetError, ModelError
from shapewright.pipeline import PointEConfig, save_points_model
from shapewright.pointe import PointCloudSdf, PointPrior
from shapewright.training.loop import Objective, Progress, train
from shapewright.training.objectives.point_denoising import PointDenoising
from shapewright.training.objectives.point_sdf import PointSdf
from shapewright.training.point_draws import PointDraws
from shapewright.training.point_encoders import ConditionSource
from shapewright.training.point_parts import (
    Part,
    config_with_stage,
    model_with,
    open_model,
    start_from,
    taken_over,
)
from shapewright.training.processes import main_first, on_main
from shapewright.training.recipes.point_recipe import SdfRecipe, StageRecipe
from shapewright.training.runs import CARD, check_points, digest_of_records, training_records
from shapewright.training.validation import HeldOutLosses, held_out_records
from shapewright.training.variation import Augmentation

__all__ = ["PointPlaces", "train_point_sdf", "train_point_stage"]


@dataclass(frozen=True, kw_only=True)
class PointPlaces:
    """Folders of a run. `model` and `start` may be runs, model folders or named models.

    `model` gives the parts that are not trained; an upsampler and an SDF network need one. It may be another
    one each time that the run is gone on with: nothing is learnt from it. `start` gives the weights that the
    trained part begins with.
    """

    data: Path
    run: Path
    model: Path | None = None
    start: Path | None = None


def train_point_stage(
    places: PointPlaces,
    recipe: StageRecipe,
    *,
    name: str,
    progress: Progress | None = None,
    encoding: Callable[[int, int], None] | None = None,
    loop: Callable[..., nn.Module] = train,
) -> Path:
    """Train a base, or an upsampler if the recipe's stage has coarse points, or go on.

    Returns the model folder. Captions are read and pictures looked at first, with encoding(done, total).
    Raises: DatasetError, ModelError, CheckpointError, ConfigError.
    """
    source = ConditionSource(recipe, places.run)
    config = config_with_stage(recipe, open_model(places.model), name=name, clip=source.clip)
    records = training_records(places.data)
    check_points(records, recipe.objective.cloud)
    draws = PointDraws(
        records=records,
        points=recipe.objective.cloud,
        draws=recipe.objective.draws,
        augmentation=recipe.objective.augmentation,
        seed=recipe.loop.seed,
    )
    digest = digest_of_records(records)
    with main_first():  # the others find what it writes
        conditions = source.conditions(draws, digest, encoding)
    torch.manual_seed(recipe.loop.seed)
    objective = PointDenoising(
        PointPrior(recipe.stage),
        draws,
        conditions,
        recipe.objective,
        batch_size=recipe.loop.batch_size,
        seed=recipe.loop.seed,
    )
    config = replace(config, image_tokens=source.image_tokens or config.image_tokens)
    part: Part = "base" if recipe.stage.prior.low_res is None else "upsampler"
    inputs = {"data set": digest, **source.inputs()}
    judge = None
    if recipe.loop.looks:
        held_out = held_out_records(places.data)
        plain = replace(draws, records=held_out, draws=1)
        with main_first():
            told = source.conditions(plain, digest_of_records(held_out), encoding)
        size = min(recipe.loop.batch_size, len(held_out))
        judge = judge_of(PointDenoising(objective.model, plain, told, recipe.objective, batch_size=size))
    return trained(
        part, objective, recipe, config, places, inputs, partial(loop, progress=progress, judge=judge)
    )


def train_point_sdf(
    places: PointPlaces,
    recipe: SdfRecipe,
    *,
    name: str,
    progress: Progress | None = None,
    loop: Callable[..., nn.Module] = train,
) -> Path:
    """Train the network that finds surfaces in clouds, or go on; as `train_point_stage`."""
    others = open_model(places.model)
    if others is None:
        raise ModelError(
            "An SDF model needs a base that draws clouds: name its run or model folder with --model."
        )
    records = training_records(places.data)
    check_points(records, recipe.objective.cloud)
    check_queries(records, recipe.objective.queries)
    torch.manual_seed(recipe.loop.seed)
    objective = PointSdf(
        PointCloudSdf(recipe.model),
        records,
        recipe.objective,
        batch_size=recipe.loop.batch_size,
        seed=recipe.loop.seed,
    )
    config = replace(taken_over(others), name=name, sdf=recipe.model)
    inputs = {"data set": digest_of_records(records)}
    judge = None
    if recipe.loop.looks:
        held_out = held_out_records(places.data)
        plain = replace(recipe.objective, augmentation=Augmentation.none(), point_noise=0.0)
        size = min(recipe.loop.batch_size, len(held_out))
        judge = judge_of(PointSdf(objective.model, held_out, plain, batch_size=size))
    looped = partial(loop, progress=progress, judge=judge)
    return trained("sdf", objective, recipe, config, places, inputs, looped)


def judge_of(objective: PointDenoising | PointSdf) -> HeldOutLosses:
    """The objective's losses on all the held-out assets that it was built on."""
    items = len(objective.draws if isinstance(objective, PointDenoising) else objective.records)
    return HeldOutLosses(objective, batches=-(-items // objective.batch_size))


def trained(
    part: Part,
    objective: Objective,
    recipe: StageRecipe | SdfRecipe,
    config: PointEConfig,
    places: PointPlaces,
    inputs: dict[str, str],
    loop: Callable[..., nn.Module],
) -> Path:
    """Train the objective's network and write the whole model."""
    start = open_model(places.start)
    if start is not None:
        inputs = {**inputs, "start": start_from(objective.model, part, start)}
    average = loop(objective, recipe.loop, places.run, settings=recipe, inputs=inputs)
    model = model_with(config, part, average, open_model(places.model))
    on_main(save_points_model, places.run / "model", model, card=CARD.format(name=config.name))
    return places.run / "model"


def check_queries(records: list[AssetRecord], wanted: int) -> None:
    """Raises: DatasetError if any record holds fewer than a step takes of it."""
    there = min(len(record.queries) for record in records)
    if there < wanted:
        raise DatasetError(
            f"The recipe asks for {wanted} field queries of an asset but the data set has {there}: "
            "build the data with a larger recipe, or set objective.queries lower."
        )
