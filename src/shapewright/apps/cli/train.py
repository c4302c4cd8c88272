"""`shapewright train encoder|refine|prior`: a data set to a model folder, in runs that can be resumed."""

import os
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Annotated, Any, Literal, get_args

import tyro
from tyro.conf import arg

from shapewright.apps.cli.command import AnyPath, Command
from shapewright.apps.cli.terminal import Advance, Terminal
from shapewright.apps.cli.train_points import TrainPoints
from shapewright.apps.cli.training_run import EncoderGiven, Run, RunSettings, losses_on
from shapewright.errors import ConfigError

__all__ = ["Train"]

EncoderRecipeName = Literal["tiny", "homeware", "single-gpu", "paper"]
EncoderStage = Literal["direct", "nerf", "distill", "finetune"]
STAGES = f"{{{','.join(get_args(EncoderStage))}}}"

# Measured on 2 CPU cores (single-gpu and paper: reckoned from their operations); a guess to start with, the
# bar knows better after a few steps.
ENCODER_SECONDS_PER_STEP: dict[str, dict[str, float]] = {
    "direct": {"tiny": 0.05, "homeware": 0.5},
    "nerf": {"tiny": 0.04, "homeware": 1.0, "single-gpu": 60.0, "paper": 3000.0},
    "distill": {"tiny": 0.04, "homeware": 1.0, "single-gpu": 60.0, "paper": 3000.0},
    "finetune": {"tiny": 0.25, "homeware": 3.0, "single-gpu": 75.0, "paper": 3100.0},
}
REFINEMENT_SECONDS_PER_STEP = {"tiny": 0.1, "homeware": 0.6}
# The larger ones are not for such machines: from their operations, at 1 TFLOP/s.
PRIOR_SECONDS_PER_STEP = {"tiny": 0.03, "homeware": 0.6, "single-gpu": 35.0, "paper": 140.0}


@dataclass(frozen=True, kw_only=True)
class TrainEncoder(Run):
    """Train the autoencoder: an asset to a latent, a latent to a field."""

    recipe: EncoderRecipeName = "homeware"
    """Sizes, objective and optimisation together."""
    stage: Annotated[EncoderStage | None, arg(metavar=STAGES, help_behavior_hint="")] = None
    """nerf, distill and finetune are the published stages; direct teaches small models at points. Without
    it: direct for tiny and homeware, else nerf."""
    start: AnyPath = None
    """Run or model folder of the stage before, which is trained on and whose sizes the model has."""
    keep_field: bool = False
    """Stage direct: train only the encoder of --start, in the recipe's size; its field and prior stay."""
    keep_encoder: bool = False
    """Other stages: train only the field of --start; its encoder and prior stay."""

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.keep_field and (self.start is None or self.stage not in (None, "direct")):
            raise ConfigError(
                "--keep-field is for the stage 'direct' and needs --start MODEL, whose field is kept."
            )
        if self.keep_encoder and (self.start is None or self.stage in (None, "direct")):
            raise ConfigError(
                "--keep-encoder is for the stages nerf, distill and finetune and needs --start MODEL, whose "
                "encoder is kept."
            )

    def run(self, terminal: Terminal) -> None:
        """Train, or go on."""
        from shapewright.training.encoder_stages import train_encoder_stage
        from shapewright.training.recipes.encoder import ENCODER_RECIPES
        from shapewright.training.recipes.stages import STAGE_RECIPES
        from shapewright.training.runs import train_encoder

        stage = self.stage or ("direct" if self.recipe in ENCODER_RECIPES else "nerf")
        if stage == "direct":
            self.check_direct(list(ENCODER_RECIPES))
            recipe = self.recipe_of(self.recipe, ENCODER_RECIPES)
            train = partial(train_encoder, recipe=recipe, keep_field=self.keep_field)
        else:
            self.check_start(stage)
            recipes = {name: partial(recipe, stage) for name, recipe in STAGE_RECIPES.items()}
            recipe = self.recipe_of(self.recipe, recipes)
            train = partial(train_encoder_stage, recipe=recipe, keep_encoder=self.keep_encoder)
        seconds = ENCODER_SECONDS_PER_STEP[stage][self.recipe]
        what = f"the encoder of recipe '{self.recipe}', stage '{stage}',"
        self.announce(terminal, what, recipe.loop.steps, seconds)

        def work(data: Path, out: Path, advance: Advance, loop: Callable[..., Any]) -> Path:
            name = self.name or self.recipe
            return train(data, out, name=name, start=self.start, progress=losses_on(advance), loop=loop)

        self.carry_out(terminal, "Training", recipe.loop, work)

    def check_direct(self, recipes: list[str]) -> None:
        """Raises: ConfigError if the recipe has no such stage."""
        if self.recipe not in recipes:
            raise ConfigError(
                f"The recipe '{self.recipe}' has no stage 'direct', only {' and '.join(recipes)} have; "
                "choose nerf, distill or finetune."
            )

    def check_start(self, stage: str) -> None:
        """Raises: ConfigError for a later stage without the one before."""
        if stage != "nerf" and self.start is None:
            raise ConfigError(
                f"The stage '{stage}' goes on from a trained model: name the run of the stage before with "
                "--start."
            )


@dataclass(frozen=True, kw_only=True)
class TrainRefinement(EncoderGiven):
    """Sharpen a small autoencoder: refine a latent for every training draw; the encoder learns to give it."""

    def excerpt(self, place: Path) -> Path:
        """A latent for every draw is part of the model: its size is known from all of the data."""
        return self.data

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
    condition: Literal["text", "image", "either"] = "text"
    """What the model will make assets from. either (of tiny and homeware): one model for both."""
    recipe: Literal["tiny", "homeware", "single-gpu", "paper"] = "homeware"
    """Sizes, condition and optimisation together; it must fit the encoder's."""
    start: AnyPath = None
    """Model, by folder, run or name, whose prior is trained on; without it, a new prior is trained."""

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

        def work(data: Path | None, out: Path, advance: Advance, loop: Callable[..., Any]) -> Path:
            return train_prior(
                data,
                self.encoder,
                out,
                recipe,
                name=self.name or self.recipe,
                latents=self.latents,
                start=self.start,
                progress=losses_on(advance),
                encoding=lambda done, total: advance(done, total, "encoding"),
                loop=loop,
            )

        self.carry_out(terminal, "Encoding, then training", recipe.loop, work)

    def data_set(self) -> Path | None:
        return self.data

    def excerpt(self, place: Path) -> Path | None:
        """Latents that are there need not be made of a part."""
        return super().excerpt(place) if self.latents is None else self.data


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
        """Hand over to the subcommand; of many processes (`torchrun`), the first one speaks."""
        muted = os.environ.get("RANK", "0") != "0"
        if "RANK" in os.environ:
            # DDP looks for parameters that a step did not use, and warns at length where there are none
            os.environ.setdefault("TORCH_CPP_LOG_LEVEL", "ERROR")
        self.command.run(Terminal(as_json=self.command.json, muted=muted))
