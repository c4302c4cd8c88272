"""`shapewright train encoder|refine|prior`: a data set to a model folder, in runs that can be resumed."""

from dataclasses import dataclass
from functools import partial
from typing import Annotated, Literal

import tyro

from shapewright.apps.cli.command import AnyPath, Command
from shapewright.apps.cli.terminal import Terminal
from shapewright.apps.cli.training_run import EncoderGiven, Run, RunSettings, losses_on
from shapewright.errors import ConfigError

__all__ = ["Train"]

# Measured on 2 CPU cores; a guess to start with, the bar knows better after a few steps.
ENCODER_SECONDS_PER_STEP = {"tiny": 0.05, "homeware": 0.5, "paper": 600.0}
REFINEMENT_SECONDS_PER_STEP = {"tiny": 0.1, "homeware": 0.6}
# The larger ones are not for such machines: from their operations, at 1 TFLOP/s.
PRIOR_SECONDS_PER_STEP = {"tiny": 0.03, "homeware": 0.6, "single-gpu": 35.0, "paper": 140.0}


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
class TrainPrior(RunSettings):
    """Train the prior of text or of images on latents of a trained encoder: the result is a whole model."""

    data: AnyPath = None
    """Folder of the data set; not needed with --latents where it is still where it was."""
    encoder: AnyPath = None
    """Run folder of an encoder or of a refinement, a model folder or a model's name; with --latents, the one
    that made them if not given."""
    latents: AnyPath = None
    """Folder of latents, from `shapewright latents`; made first, in the run's folder, if not given."""
    condition: Literal["text", "image"] = "text"
    """What the model will make assets from."""
    recipe: Literal["tiny", "homeware", "single-gpu", "paper"] = "homeware"
    """Sizes, condition and optimisation together; it must fit the encoder's."""
    start: AnyPath = None
    """Model or run folder whose prior is trained on; without it, the prior begins at random weights."""

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.latents is None and (self.data is None or self.encoder is None):
            raise ConfigError("A prior is trained on latents: give --latents, or both --data and --encoder.")

    def run(self, terminal: Terminal) -> None:
        """Make what is missing of latents and features of views; then train, or go on."""
        from shapewright.training.prior_runs import train_prior
        from shapewright.training.recipes.prior import PRIOR_RECIPES

        chosen = PRIOR_RECIPES[self.recipe]
        recipe = self.recipe_of(self.recipe, {self.recipe: partial(chosen, self.condition)})
        seconds = PRIOR_SECONDS_PER_STEP[self.recipe]
        what = f"the {self.condition} prior of recipe '{self.recipe}'"
        self.announce(terminal, what, recipe.loop.steps, seconds)

        def encoding(done: int, total: int) -> None:
            advance(done, total, "encoding")

        with terminal.progress("Encoding, then training") as advance:
            model = train_prior(
                self.data,
                self.encoder,
                self.out,
                recipe,
                name=self.name or self.recipe,
                latents=self.latents,
                start=self.start,
                progress=losses_on(advance),
                encoding=encoding,
            )
        self.finish(terminal, model)


@dataclass(frozen=True, kw_only=True)
class Train(Command):
    """Train a model: its encoder, a refinement (small models), then its prior."""

    command: (
        Annotated[TrainEncoder, tyro.conf.subcommand("encoder")]
        | Annotated[TrainRefinement, tyro.conf.subcommand("refine")]
        | Annotated[TrainPrior, tyro.conf.subcommand("prior")]
    )

    json: tyro.conf.Suppress[bool] = False

    def run(self, terminal: Terminal) -> None:
        """Hand over to the subcommand."""
        self.command.run(Terminal(as_json=self.command.json))
