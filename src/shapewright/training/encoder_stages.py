"""The stages of an autoencoder's published training as whole runs."""

import hashlib
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from torch import nn

from shapewright.autoencoder import Autoencoder, AutoencoderConfig
from shapewright.dataset.loader import AssetRecord
from shapewright.errors import ConfigError, DatasetError, ModelError
from shapewright.pipeline import Model, ModelConfig, save_model
from shapewright.training.loop import Progress, train
from shapewright.training.objectives.mixture import Mixture, MixtureConfig
from shapewright.training.processes import on_main
from shapewright.training.recipes.stages import StageRecipe
from shapewright.training.runs import CARD, check_points, digest_of_records, training_records
from shapewright.training.start import begin_autoencoder, begin_field
from shapewright.training.validation import HeldOutLosses, held_out_records

__all__ = ["check_views", "train_encoder_stage"]


def train_encoder_stage(
    data: Path,
    run: Path,
    recipe: StageRecipe,
    *,
    name: str,
    start: Path | None = None,
    keep_encoder: bool = False,
    progress: Progress | None = None,
    loop: Callable[..., nn.Module] = train,
) -> Path:
    """Train an autoencoder by the recipe's mixture of objectives, or go on; returns the model folder.

    `start` is the run or model folder of the stage before; the model has its sizes then. keep_encoder: only
    the field of that model is trained; its encoder, and so its prior, stay.
    Raises: DatasetError for a data set that is unusable or too small for the recipe; ModelError for an
    unusable start; CheckpointError if RUN holds another recipe's run, or one with another start.
    """
    records = training_records(data)
    begun, started = begin(recipe, start, keep_encoder=keep_encoder)
    model = begun.autoencoder
    recipe = replace(recipe, model=model.config)
    size_px = check_views(records, recipe.objective, recipe.model)
    objective = Mixture(
        model, records, recipe.objective, batch_size=recipe.loop.batch_size, seed=recipe.loop.seed
    )
    inputs = {"data set": digest_of_records(records), "views": digest_of_views(records), **started}
    judge = stage_judge(data, model, recipe)
    average = loop(
        objective, recipe.loop, run, settings=recipe, inputs=inputs, progress=progress, judge=judge
    )
    assert isinstance(average, Autoencoder)
    config = replace(begun.config, name=name)
    if not keep_encoder:
        seen = recipe.objective.inputs
        config = replace(config, points=seen.points, views=seen.views, view_size_px=size_px)
    trained = replace(begun, config=config, autoencoder=average)
    on_main(save_model, run / "model", trained, card=CARD.format(name=name))
    return run / "model"


def begin(recipe: StageRecipe, start: Path | None, *, keep_encoder: bool) -> tuple[Model, dict[str, str]]:
    """The model to be trained, and the hash of what was started from, as an input of the run.

    Raises: ModelError.
    """
    if keep_encoder:
        if start is None:
            raise ModelError("To keep an encoder, name the model whose it is: --start MODEL.")
        model = begin_field(start)
        return model, {"start": model.sha256, "trained": "field"}
    autoencoder, started = begin_autoencoder(recipe.model, start, seed=recipe.loop.seed)
    config = ModelConfig(name="", autoencoder=autoencoder.config)
    return Model(config=config, autoencoder=autoencoder), started


def stage_judge(data: Path, model: Autoencoder, recipe: StageRecipe) -> HeldOutLosses | None:
    """The recipe's own losses on held-out assets as they are; None where nothing is to be looked at."""
    if not recipe.loop.looks:
        return None
    records = held_out_records(data)
    size = min(recipe.loop.batch_size, len(records))
    inputs = replace(recipe.objective.inputs, point_noise=0.0)
    objective = Mixture(model, records, replace(recipe.objective, inputs=inputs), batch_size=size)
    return HeldOutLosses(objective, batches=-(-len(records) // size))


def check_views(records: list[AssetRecord], wanted: MixtureConfig, model: AutoencoderConfig) -> int:
    """Whether the records are large enough for the recipe; returns the side of their views in pixels.

    One record's pictures are read: a data set's are all alike.
    Raises: DatasetError, ConfigError.
    """
    check_points(records, wanted.inputs.points)
    views = records[0].views()
    count, side = len(views.cameras), views.cameras[0].width_px
    asked = [wanted.inputs.views] if model.encoder is not None and model.encoder.views is not None else []
    asked += [wanted.joint_rendering.views] if wanted.surface > 0 else []
    if asked and max(asked) > count:
        raise DatasetError(
            f"The recipe takes {max(asked)} views of an asset but the data set has {count}: build the data "
            "with a larger recipe, or set objective.inputs.views or objective.joint_rendering.views lower."
        )
    for setting, size in divisors(wanted, model).items():
        if side % size:
            raise ConfigError(f"{setting} is {size}, of which the {side} pixels of a view are no multiple.")
    queries = min(len(record.queries) for record in records)
    for setting, number in queries_asked(wanted).items():
        if number > queries:
            raise DatasetError(
                f"The recipe asks for {number} field queries of an asset but the data set has {queries}: "
                f"build the data with a larger recipe, or set {setting} lower."
            )
    return side


def divisors(wanted: MixtureConfig, model: AutoencoderConfig) -> dict[str, int]:
    """What a view is cut into, by setting."""
    found = {"objective.joint_rendering.shrink": wanted.joint_rendering.shrink} if wanted.surface > 0 else {}
    if model.encoder is not None and model.encoder.views is not None:
        found["model.encoder.views.patch_px"] = model.encoder.views.patch_px
    return found


def queries_asked(wanted: MixtureConfig) -> dict[str, int]:
    """How many queries the objectives in use take of an asset, by setting."""
    found = {"objective.distilled.queries": wanted.distilled.queries} if wanted.distillation > 0 else {}
    if wanted.direct > 0:
        found["objective.supervised.queries"] = wanted.supervised.queries
    return found


def digest_of_views(records: list[AssetRecord]) -> str:
    """Of where the pictures are in their shards, which another rendering of them would not keep."""
    places = [record.members.get("images.png") for record in records]
    return hashlib.sha256(repr(places).encode()).hexdigest()
