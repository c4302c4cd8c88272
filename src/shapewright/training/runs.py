"""Whole runs: a data set and a recipe in, a run folder with a usable model in it out.

RUN/model is a model folder that `Pipeline.from_pretrained` takes.
"""

import hashlib
from collections.abc import Callable
from dataclasses import asdict, replace
from pathlib import Path

import torch
from torch import nn

from shapewright.autoencoder import Autoencoder
from shapewright.dataset.loader import AssetRecord, load_dataset
from shapewright.errors import DatasetError, ModelError
from shapewright.pipeline import Model, ModelConfig, load_model, save_model
from shapewright.training.encoding import check_points, credits_of, digest_of_data
from shapewright.training.latent_shards import LatentOrigin
from shapewright.training.latents import save_latents
from shapewright.training.loop import Progress, train
from shapewright.training.objectives.field_supervision import FieldSupervision, FieldSupervisionConfig
from shapewright.training.objectives.latent_table import LatentTable, TabledAutoencoder
from shapewright.training.processes import on_main
from shapewright.training.recipes.encoder import EncoderRecipe, RefinementRecipe
from shapewright.training.start import begin_autoencoder, begin_encoder, model_folder
from shapewright.training.validation import autoencoder_judge

__all__ = ["CARD", "refine_latents", "train_encoder"]

CARD = "# {name}\n\nTrained by `shapewright train`; its recipe is in the run's config.json.\n"


def train_encoder(
    data: Path,
    run: Path,
    recipe: EncoderRecipe,
    *,
    name: str,
    start: Path | None = None,
    keep_field: bool = False,
    progress: Progress | None = None,
    loop: Callable[..., nn.Module] = train,
) -> Path:
    """Train the autoencoder on the data set's training assets, or go on; returns the model folder.

    `start` is a model folder or run that is trained on; the model has its sizes then. keep_field: only the
    encoder of `start` learns, which gets the recipe's sizes; what was learnt from that model's latents, its
    prior above all, stays good and is in the result. loop: `train`, perhaps with a tracker, or a rehearsal
    of it; so in all runs.
    Raises: DatasetError for an unusable data set; ModelError for an unusable start; CheckpointError if RUN
    holds another recipe's run, or one with another start.
    """
    records = training_records(data)
    check_sizes(records, recipe.objective)
    model, started = begin(recipe, start, keep_field=keep_field)
    recipe = replace(recipe, model=model.config.autoencoder)
    objective = FieldSupervision(
        model.autoencoder, records, recipe.objective, batch_size=recipe.loop.batch_size, seed=recipe.loop.seed
    )
    inputs = {"data set": digest_of_records(records), **started}
    judge = autoencoder_judge(data, model.autoencoder, recipe.objective, recipe.loop)
    average = loop(
        objective, recipe.loop, run, settings=recipe, inputs=inputs, progress=progress, judge=judge
    )
    assert isinstance(average, Autoencoder)
    config = replace(model.config, name=name, points=recipe.objective.points)
    trained = replace(model, config=config, autoencoder=average)
    on_main(save_model, run / "model", trained, card=CARD.format(name=name))
    return run / "model"


def begin(recipe: EncoderRecipe, start: Path | None, *, keep_field: bool) -> tuple[Model, dict[str, str]]:
    """The model to be trained, and the hash of what was started from, as an input of the run.

    Raises: ModelError.
    """
    if keep_field:
        if start is None or recipe.model.encoder is None:
            raise ModelError("To keep a field, name the model whose it is: --start MODEL.")
        model = begin_encoder(recipe.model.encoder, start, seed=recipe.loop.seed)
        return model, {"start": model.sha256}
    autoencoder, started = begin_autoencoder(recipe.model, start, seed=recipe.loop.seed)
    config = ModelConfig(name="", autoencoder=autoencoder.config)
    return Model(config=config, autoencoder=autoencoder), started


def refine_latents(
    data: Path,
    encoder: Path,
    run: Path,
    recipe: RefinementRecipe,
    *,
    name: str,
    progress: Progress | None = None,
    encoding: Callable[[int, int], None] | None = None,
    loop: Callable[..., nn.Module] = train,
) -> Path:
    """Train the model in `encoder` on, with a latent of its own for every training draw, or go on.

    Returns the model folder; the refined latents stand in RUN/latents, where `train_prior` finds them.
    Raises: DatasetError, ModelError, CheckpointError.
    """
    first = load_model(model_folder(encoder))
    first.autoencoder.requires_grad_(True)  # loaded models are for use
    records = training_records(data)
    check_sizes(records, recipe.objective.supervision)
    torch.manual_seed(recipe.loop.seed)
    objective = LatentTable(
        first.autoencoder,
        records,
        recipe.objective,
        batch_size=recipe.loop.batch_size,
        seed=recipe.loop.seed,
        progress=encoding,
    )
    inputs = {"data set": digest_of_records(records), "encoder": first.sha256}
    judge = autoencoder_judge(data, first.autoencoder, recipe.objective.supervision, recipe.loop)
    average = loop(
        objective, recipe.loop, run, settings=recipe, inputs=inputs, progress=progress, judge=judge
    )
    assert isinstance(average, TabledAutoencoder)
    # a prior that the first model had does not fit the latents any more
    config = replace(first.config, name=name, prior=None, text=None)
    model = Model(config=config, autoencoder=average.autoencoder)
    on_main(save_model, run / "model", model, card=CARD.format(name=name))
    on_main(save_refined, objective, average, run, data, records, recipe)
    return run / "model"


def save_refined(
    objective: LatentTable,
    average: TabledAutoencoder,
    run: Path,
    data: Path,
    records: list[AssetRecord],
    recipe: RefinementRecipe,
) -> None:
    """Write the refined latents, and which model and data they are of."""
    saved = load_model(run / "model")
    origin = LatentOrigin(
        model=str(run / "model"),
        model_sha256=saved.sha256,
        encoder_sha256=saved.encoder_sha256,
        data=str(data.resolve()),
        data_sha256=digest_of_data(data),
        settings={"refined": asdict(recipe.objective)},
    )
    save_latents(objective.latent_set(average), run / "latents", origin, credits_of(records))


def training_records(data: Path) -> list[AssetRecord]:
    records = load_dataset(data, "train")
    if not records:
        raise DatasetError(f"{data} holds no assets to train on.")
    return records


def check_sizes(records: list[AssetRecord], wanted: FieldSupervisionConfig) -> None:
    """Raises: DatasetError if any record holds fewer points or queries than a step takes of it."""
    check_points(records, wanted.points)
    there = min(len(record.queries) for record in records)
    if there < wanted.queries:
        raise DatasetError(
            f"The recipe asks for {wanted.queries} field queries of an asset but the data set has {there}: "
            "build the data with a larger recipe, or set objective.queries lower."
        )


def digest_of_records(records: list[AssetRecord]) -> str:
    """Of what is learnt from: which assets, their points and their targets."""
    digest = hashlib.sha256()
    for record in records:
        for part in (record.id.encode(), record.points.tobytes(), record.signed_distance.tobytes()):
            digest.update(part)
    return digest.hexdigest()
