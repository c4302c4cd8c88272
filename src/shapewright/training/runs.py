"""Whole runs: a data set and a recipe in, a run folder with a usable model in it out.

RUN/model is a model folder that `Pipeline.from_pretrained` takes.
"""

import hashlib
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import torch
from torch import nn

from shapewright.autoencoder import Autoencoder
from shapewright.conditioning.minilm import MiniLM
from shapewright.dataset.loader import AssetRecord, load_dataset
from shapewright.errors import CheckpointError, DatasetError, ModelError
from shapewright.pipeline import Model, ModelConfig, load_model, save_model
from shapewright.prior import LatentStatistics, Prior, SamplerConfig
from shapewright.training.latents import LatentSet, encode_records, load_latents, save_latents
from shapewright.training.loop import Progress, train
from shapewright.training.objectives.denoising import CaptionFeatures, Denoising
from shapewright.training.objectives.field_supervision import FieldSupervision, FieldSupervisionConfig
from shapewright.training.objectives.latent_table import LatentTable, TabledAutoencoder
from shapewright.training.prior_validation import prior_judge
from shapewright.training.processes import main_first, on_main
from shapewright.training.recipes.encoder import EncoderRecipe, RefinementRecipe
from shapewright.training.recipes.prior import PriorRecipe
from shapewright.training.validation import autoencoder_judge

__all__ = ["refine_latents", "train_encoder", "train_prior"]

SAMPLER = SamplerConfig(steps=24, guidance=4.0, sigma_min=0.02, sigma_max=80.0, clip=4.0)
CARD = "# {name}\n\nTrained by `shapewright train`; its recipe is in the run's config.json.\n"


def train_encoder(
    data: Path,
    run: Path,
    recipe: EncoderRecipe,
    *,
    name: str,
    progress: Progress | None = None,
    loop: Callable[..., nn.Module] = train,
) -> Path:
    """Train the autoencoder on the data set's training assets, or go on; returns the model folder.

    loop: `train`, perhaps with a tracker, or a rehearsal of it; so in all runs.
    Raises: DatasetError for an unusable data set; CheckpointError if RUN holds another recipe's run.
    """
    records = training_records(data)
    check_sizes(records, recipe.objective)
    torch.manual_seed(recipe.loop.seed)
    model = Autoencoder(recipe.model)
    objective = FieldSupervision(
        model, records, recipe.objective, batch_size=recipe.loop.batch_size, seed=recipe.loop.seed
    )
    inputs = {"data set": digest_of_records(records)}
    judge = autoencoder_judge(data, model, recipe.objective, recipe.loop)
    average = loop(
        objective, recipe.loop, run, settings=recipe, inputs=inputs, progress=progress, judge=judge
    )
    assert isinstance(average, Autoencoder)
    config = ModelConfig(name=name, autoencoder=recipe.model, points=recipe.objective.points)
    model = Model(config=config, autoencoder=average)
    on_main(save_model, run / "model", model, card=CARD.format(name=name))
    return run / "model"


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
    on_main(save_latents, objective.latent_set(average), run / "latents")
    return run / "model"


def model_folder(encoder: Path) -> Path:
    """A run's model, or the folder itself where it is a model."""
    return encoder / "model" if (encoder / "model").is_dir() else encoder


def train_prior(
    data: Path,
    encoder: Path,
    run: Path,
    recipe: PriorRecipe,
    *,
    name: str,
    start: Path | None = None,
    progress: Progress | None = None,
    encoding: Callable[[int, int], None] | None = None,
    loop: Callable[..., nn.Module] = train,
) -> Path:
    """Train a text prior on the latents of `encoder`, a model folder or the run of an encoder or refinement.

    Refined latents are taken as they are; otherwise the training assets are encoded first. `start` is a
    model folder or run whose prior is trained on, with new moments and a new rate. Returns the folder of
    the whole model.
    Raises: DatasetError, ModelError, CheckpointError.
    """
    first = load_model(model_folder(encoder))
    with main_first():
        latents = encoded(data, encoder, first, run, recipe, encoding)
    statistics = LatentStatistics.measure([latents.latents], clip=recipe.objective.clip)
    conditioner = MiniLM(max_tokens=first.config.text_tokens)
    features = CaptionFeatures([text for texts in latents.captions for text in texts], conditioner)
    torch.manual_seed(recipe.loop.seed)
    prior = Prior(recipe.model)
    inputs = {"set of latents": digest_of_latents(latents), "encoder": first.sha256}
    if start is not None:
        inputs["start"] = start_from(prior, model_folder(start))
    objective = Denoising(
        prior,
        latents,
        statistics,
        features,
        recipe.objective,
        batch_size=recipe.loop.batch_size,
        seed=recipe.loop.seed,
    )
    sampler = replace(SAMPLER, clip=statistics.clip)
    config = replace(first.config, name=name, prior=recipe.model, text="minilm", sampler=sampler)

    def whole(prior: Prior) -> Model:
        return Model(config=config, autoencoder=first.autoencoder, prior=prior, statistics=statistics)

    judge = prior_judge(data, first, statistics, conditioner, recipe.loop, whole=whole)
    average = loop(
        objective, recipe.loop, run, settings=recipe, inputs=inputs, progress=progress, judge=judge
    )
    assert isinstance(average, Prior)
    on_main(save_model, run / "model", whole(average), card=CARD.format(name=name))
    return run / "model"


def start_from(prior: Prior, folder: Path) -> str:
    """Give `prior` the weights of the prior in `folder`; returns that model's hash.

    Raises: ModelError if there is no prior there or it is built otherwise.
    """
    model = load_model(folder)
    if model.prior is None:
        raise ModelError(f"{folder} holds no prior to start from.")
    if model.prior.config != prior.config:
        raise ModelError(f"The prior in {folder} is built otherwise than the recipe says; choose its recipe.")
    prior.load_state_dict(model.prior.state_dict())
    return model.sha256


def encoded(
    data: Path,
    encoder: Path,
    first: Model,
    run: Path,
    recipe: PriorRecipe,
    progress: Callable[[int, int], None] | None,
) -> LatentSet:
    """The encoder run's refined latents where it has some, else the encoder's, made once.

    Raises: CheckpointError if those there are of another encoder.
    """
    if (encoder / "latents").is_dir():
        return load_latents(encoder / "latents")
    folder, mark = run / "latents", run / "latents" / "encoder.sha256"
    if mark.is_file():
        if mark.read_text().strip() != first.sha256:
            raise CheckpointError(f"{run} holds latents of another encoder; choose another folder for --out.")
        return load_latents(folder)
    records = training_records(data)
    check_points(records, first.config.points)
    latents = encode_records(
        first.autoencoder,
        records,
        points=first.config.points,
        draws=recipe.draws,
        augmentation=recipe.augmentation,
        seed=recipe.loop.seed,
        progress=progress,
    )
    save_latents(latents, folder)
    mark.write_text(first.sha256 + "\n")
    return latents


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


def digest_of_latents(latents: LatentSet) -> str:
    return hashlib.sha256(latents.latents.numpy().tobytes()).hexdigest()


def check_points(records: list[AssetRecord], wanted: int) -> None:
    there = min(len(record.points) for record in records)
    if there < wanted:
        raise DatasetError(
            f"The model reads {wanted} points of an asset but the data set has {there}: build the "
            "data with a larger recipe, or choose a smaller one for the model."
        )
