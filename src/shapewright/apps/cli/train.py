"""`shapewright train encoder|refine|prior`: a data set to a model folder, in runs that can be resumed."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Annotated, Any, Literal, TypeVar

import tyro
from tyro.conf import arg

from shapewright.apps.cli.command import AnyInt, AnyText, Command
from shapewright.apps.cli.terminal import Advance, Terminal, duration
from shapewright.atomic_file import check_writable
from shapewright.errors import ConfigError

__all__ = ["Train"]

RecipeT = TypeVar("RecipeT")

# Measured on 2 CPU cores; a guess to start with, the bar knows better after a few steps.
ENCODER_SECONDS_PER_STEP = {"tiny": 0.05, "homeware": 0.5, "paper": 600.0}
REFINEMENT_SECONDS_PER_STEP = {"tiny": 0.1, "homeware": 0.6}
PRIOR_SECONDS_PER_STEP = {"tiny": 0.03, "homeware": 0.6}


@dataclass(frozen=True, kw_only=True)
class Run(Command):
    """What every kind of training is told."""

    data: Path
    """Folder of a data set, from `shapewright data build`."""
    out: Path
    """Folder of the run; the finished model is in its subfolder model. An unfinished run there goes on."""
    name: AnyText = None
    """Name of the model; the recipe's if not given."""
    steps: AnyInt = None
    """Optimisation steps; the recipe's number if not given."""
    seed: AnyInt = None
    """Seed of everything random; the recipe's if not given."""
    set: Annotated[tuple[str, ...], arg(metavar="KEY=VALUE")] = ()
    """Other settings of the recipe, such as loop.learning_rate=0.001."""

    def __post_init__(self) -> None:
        if self.steps is not None and self.steps < 1:
            raise ConfigError(f"--steps must be at least 1, not {self.steps}.")

    def recipe_of(self, recipe: str, recipes: Mapping[str, Callable[[], RecipeT]]) -> RecipeT:
        """The recipe named, with the settings given in place of its own."""
        from shapewright.training.recipes import overridden

        given = {"loop.steps": self.steps, "loop.seed": self.seed}
        changes = [f"{key}={value}" for key, value in given.items() if value is not None]
        return overridden(recipes[recipe](), [*changes, *self.set])

    def announce(self, terminal: Terminal, what: str, steps: int, seconds_per_step: float) -> None:
        """Say what will happen, where and about how long."""
        check_writable(self.out / "config.json")

        from shapewright.pipeline.device import choose_device, describe_device

        terminal.say(
            f"Training {what} for {steps} steps on {describe_device(choose_device())}, into '{self.out}': "
            f"about {duration(seconds_per_step * steps)} on two CPU cores. Ctrl-C stops it; the same command "
            "goes on from there."
        )

    def finish(self, terminal: Terminal, model: Path) -> None:
        """Say where the model is."""
        terminal.result({"run": str(self.out), "model": str(model)}, str(model))


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
class EncoderGiven(Run):
    """A training that starts from a trained encoder."""

    encoder: Path
    """Run folder of an encoder or of a refinement, or a model folder."""
    recipe: Literal["tiny", "homeware"] = "homeware"
    """Sizes, objective and optimisation together; it must fit the encoder's."""

    def train(self, terminal: Terminal, stage: Callable[..., Path], recipe: Any) -> None:
        """Run `stage`, which may encode the data set first, with a bar."""

        def encoding(done: int, total: int) -> None:
            advance(done, total, "encoding")

        with terminal.progress("Encoding, then training") as advance:
            model = stage(
                self.data,
                self.encoder,
                self.out,
                recipe,
                name=self.name or self.recipe,
                progress=losses_on(advance),
                encoding=encoding,
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


def losses_on(advance: Advance) -> Callable[[int, int, dict[str, float]], None]:
    """Show the loss beside the bar."""
    return lambda done, total, losses: advance(done, total, f"loss {losses['loss']:.4f}")
