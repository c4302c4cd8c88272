"""Whole runs of priors: latents and a recipe in, a run folder with a whole model in it out."""

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path

import torch
from torch import nn

from shapewright.errors import ModelError
from shapewright.pipeline import Model, save_model
from shapewright.pipeline.device import choose_device
from shapewright.pipeline.named_model import model_of
from shapewright.prior import LatentStatistics, Prior
from shapewright.training.conditions import CaptionConditions, CaptionFeatures, CaptionsOrViews, Conditions
from shapewright.training.encoding import Advance
from shapewright.training.frozen_encoders import (
    clip_place,
    encoder_digests,
    image_digest,
    image_encoder,
    text_encoder,
)
from shapewright.training.latents import LatentSet, load_latents, statistics_of
from shapewright.training.loop import Progress, train
from shapewright.training.objectives.denoising import Denoising
from shapewright.training.prior_sources import (
    PriorSource,
    check_data,
    check_shape,
    held_out_source,
    latents_for,
)
from shapewright.training.prior_validation import prior_judge
from shapewright.training.processes import main_first, on_main
from shapewright.training.recipes.prior import PriorRecipe
from shapewright.training.runs import CARD
from shapewright.training.start import model_folder
from shapewright.training.view_conditions import view_conditions

__all__ = ["conditions_for", "held_out_objective", "train_prior"]


def train_prior(
    data: Path | None,
    encoder: Path | None,
    run: Path,
    recipe: PriorRecipe,
    *,
    name: str,
    latents: Path | None = None,
    start: Path | None = None,
    progress: Progress | None = None,
    encoding: Advance | None = None,
    loop: Callable[..., nn.Module] = train,
) -> Path:
    """Train a prior on the latents of an encoder; returns the folder of the whole model.

    latents: a folder that `shapewright latents` made; the encoder is then the one that it names, if none is
    given. Without it, `encoder` is a model, by folder or name, or the run of an encoder or a refinement:
    refined latents are taken as they are; otherwise the data set is encoded first, into RUN/latents.
    start: a model folder or run whose prior is trained on, with new moments and a new rate.
    encoding(done, total): latents made, or views whose features are.
    Raises: DatasetError, ModelError, CheckpointError, ConfigError.
    """
    with main_first():  # the others find what it writes
        source = latents_for(data, encoder, latents, run, recipe, encoding)
    found = load_latents(source.latents)
    check_shape(recipe, found, source.model.config)
    statistics = None
    if recipe.objective.standardise:
        statistics = statistics_of(source.latents, clip=recipe.objective.clip)
    torch.manual_seed(recipe.loop.seed)
    prior = Prior(recipe.model)
    inputs = {"set of latents": found.digest, "encoder": source.model.sha256}
    inputs |= encoder_digests(recipe)
    if start is not None:
        inputs["start"] = start_from(prior, model_folder(start))
    with main_first():
        conditions = conditions_for(found, source, recipe, encoding)
    objective = Denoising(
        prior,
        found,
        statistics,
        conditions,
        recipe.objective,
        batch_size=recipe.loop.batch_size,
        seed=recipe.loop.seed,
    )
    whole = partial(whole_model, source.model, statistics=statistics, recipe=recipe, name=name)
    judge = None
    if recipe.loop.looks:
        with main_first():
            judge = prior_judge(
                held_out_objective(prior, source, run, statistics, recipe, encoding), whole=whole
            )
    average = loop(
        objective, recipe.loop, run, settings=recipe, inputs=inputs, progress=progress, judge=judge
    )
    assert isinstance(average, Prior)
    on_main(save_model, run / "model", whole(average), card=CARD.format(name=name))
    return run / "model"


def whole_model(
    first: Model, prior: Prior, *, statistics: LatentStatistics | None, recipe: PriorRecipe, name: str
) -> Model:
    """The autoencoder with its new prior, as a model that `Pipeline` takes."""
    config = replace(
        first.config,
        name=name,
        prior=recipe.model,
        text=recipe.text,
        image=recipe.image,
        clip=clip_place(recipe),
        sampler=recipe.sampler if statistics is None else replace(recipe.sampler, clip=statistics.clip),
    )
    return Model(config=config, autoencoder=first.autoencoder, prior=prior, statistics=statistics)


def conditions_for(
    latents: LatentSet, source: PriorSource, recipe: PriorRecipe, progress: Advance | None = None
) -> Conditions:
    """What the recipe's prior is told of these latents, of whichever split they are.

    Raises: DatasetError, ModelError, ConfigError.
    """
    device, captions = choose_device(), None
    if recipe.text is not None:
        encoder = text_encoder(recipe, tokens=source.model.config.text_tokens, device=device)
        told = [text for texts in latents.captions for text in texts]
        features = CaptionFeatures(told, encoder, tokens=recipe.model.text_token_width is not None)
        captions = CaptionConditions(latents.captions, features, sharing=recipe.objective.caption_sharing)
    if captions is not None and recipe.image is None:
        return captions
    views = view_conditions(
        latents,
        source.latents,
        check_data(source),
        image_encoder(recipe, device=device),
        image_digest(recipe),
        recipe.views,
        progress=progress,
    )
    return views if captions is None else CaptionsOrViews(captions, views, recipe.objective.picture_share)


def held_out_objective(
    prior: Prior,
    source: PriorSource,
    run: Path,
    statistics: LatentStatistics | None,
    recipe: PriorRecipe,
    progress: Advance | None = None,
) -> Denoising | None:
    """The prior's objective on the validation assets, to be measured and never learnt from.

    None where the data set keeps no assets for that. `statistics` are those of training.
    Raises: DatasetError, ModelError, ConfigError.
    """
    held_out = held_out_source(source, run, recipe, progress)
    if held_out is None:
        return None
    found = load_latents(held_out.latents, "val")
    return Denoising(
        prior,
        found,
        statistics,
        conditions_for(found, held_out, recipe, progress),
        recipe.objective,
        batch_size=min(recipe.loop.batch_size, len(found)),
        seed=recipe.loop.seed,
    )


def start_from(prior: Prior, folder: Path) -> str:
    """Give `prior` the weights of the prior in `folder` (or of a named model); returns that model's hash.

    A prior of text may become one of pictures too, whose embedding then begins at random weights.
    Raises: ModelError if there is no prior there or it is built otherwise.
    """
    model = model_of(folder)
    if model.prior is None:
        raise ModelError(f"{folder} holds no prior to start from.")
    grows = model.prior.config.has_text and model.prior.config.image_token_width is None
    wanted = (
        replace(prior.config, image_token_width=None) if grows and prior.config.has_both else prior.config
    )
    if model.prior.config != wanted:
        raise ModelError(f"The prior in {folder} is built otherwise than the recipe says; choose its recipe.")
    prior.load_state_dict({**prior.state_dict(), **model.prior.state_dict()})
    return model.sha256
