"""`shapewright train encoder|refine|prior`: a data set to a model folder, in runs that can be resumed."""

from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Annotated, Literal

import tyro

from shapewright.apps.cli.command import Command
from shapewright.apps.cli.terminal import Terminal
from shapewright.apps.cli.train_points import TrainPoints
from shapewright.apps.cli.training_run import EncoderGiven, Run, losses_on

__all__ = ["Train"]

# Measured on 2 CPU cores; a guess to start with, the bar knows better after a few steps.
ENCODER_SECONDS_PER_STEP = {"tiny": 0.05, "homeware": 0.5, "paper": 600.0}
REFINEMENT_SECONDS_PER_STEP = {"tiny": 0.1, "homeware": 0.6}
PRIOR_SECONDS_PER_STEP = {"tiny": 0.03, "homeware": 0.6}


@dataclass(frozen=True, kw_only=True)
class TrainEncoder(Run):
    """Train the autoencoder: an asset to a latent, a latent to a field."""

    recipe: Literal["tiny", "homeware", "paper"] = "homeware"
    """Sizes, objective and optimisation together."""

    def run(self, terminal: Terminal) -> None:
        """Train, or go on."""
        from shapewright.training.recipes.encoder import ENCODER_RECIPES
        from shapewright.training.runs import train_encoder

        recipe = self.recipe_of(self.recipe, ENCODER_RECIPES)
        seconds = ENCODER_SECONDS_PER_STEP[self.recipe]
        self.announce(terminal, f"the encoder of recipe '{self.recipe}'", recipe.loop.steps, seconds)
        with terminal.progress("Training") as advance:
            model = train_encoder(
                self.data, self.out, recipe, name=self.name or self.recipe, progress=losses_on(advance)
            )
        self.finish(terminal, model)


@dataclass(frozen=True, kw_only=True)
class TrainRefinement(EncoderGiven):
    """Sharpen a small autoencoder: refine a latent for every training draw; the encoder learns to give it."""

    def run(self, terminal: Terminal) -> None:
        """Encode the draws, then train, or go on."""
        from shapewright.training.recipes.encoder import REFINEMENT_RECIPES
        from shapewright.training.runs import refine_latents

        recipe = self.recipe_of(self.recipe, REFINEMENT_RECIPES)
        seconds = REFINEMENT_SECONDS_PER_STEP[self.recipe]
        self.announce(terminal, f"refined latents of recipe '{self.recipe}'", recipe.loop.steps, seconds)
        self.train(terminal, refine_latents, recipe)


@dataclass(frozen=True, kw_only=True)
class TrainPrior(EncoderGiven):
    """Train the text prior on the latents of a trained encoder: the result is a whole model."""

    start: Path | None = None
    """Model or run folder whose prior is trained on; without it, the prior begins at random weights."""

    def run(self, terminal: Terminal) -> None:
        """Encode the data set once, unless its latents were refined; then train, or go on."""
        from shapewright.training.recipes.prior import PRIOR_RECIPES
        from shapewright.training.runs import train_prior

        recipe = self.recipe_of(self.recipe, PRIOR_RECIPES)
        seconds = PRIOR_SECONDS_PER_STEP[self.recipe]
        self.announce(terminal, f"the text prior of recipe '{self.recipe}'", recipe.loop.steps, seconds)
        self.train(terminal, partial(train_prior, start=self.start), recipe)


@dataclass(frozen=True, kw_only=True)
class Train(Command):
    """Train a model: its encoder, a refinement (small models), then its prior; or Point-E, part by part."""

    command: (
        Annotated[TrainEncoder, tyro.conf.subcommand("encoder")]
        | Annotated[TrainRefinement, tyro.conf.subcommand("refine")]
        | Annotated[TrainPrior, tyro.conf.subcommand("prior")]
        | Annotated[TrainPoints, tyro.conf.subcommand("point-e")]
    )

    json: tyro.conf.Suppress[bool] = False

    def run(self, terminal: Terminal) -> None:
        """Hand over to the subcommand."""
        self.command.run(Terminal(as_json=self.command.json))
