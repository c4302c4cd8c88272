"""`shapewright train point-e`: the three networks of a Point-E model, one at a time."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, Literal

from shapewright.apps.cli.command import AnyPath
from shapewright.apps.cli.terminal import Advance, Terminal
from shapewright.apps.cli.training_run import Run, losses_on
from shapewright.errors import ConfigError

__all__ = ["TrainPoints"]

# On 2 CPU cores: tiny measured, homeware from the processor time of single steps on a busy machine, the rest
# reckoned from their operations; the bar knows better after a few steps.
SECONDS_PER_STEP = {
    "base": {"tiny": 0.05, "homeware": 2.5, "single-gpu": 120.0, "paper": 240.0},
    "upsampler": {"tiny": 0.1, "homeware": 5.0, "single-gpu": 240.0, "paper": 1900.0},
    "sdf": {"tiny": 0.05, "homeware": 3.0, "single-gpu": 100.0, "paper": 400.0},
}
AS_IN_RECIPE = "recipe"


@dataclass(frozen=True, kw_only=True)
class TrainPoints(Run):
    """Train Point-E: a base, then its upsampler and the SDF model, each put into the model before."""

    part: Literal["base", "upsampler", "sdf"] = "base"
    """Which of the three networks."""
    recipe: Literal["tiny", "homeware", "single-gpu", "paper"] = "homeware"
    """Sizes, objective and optimisation together."""
    condition: Literal["recipe", "text", "image", "image-vector", "nothing"] = AS_IN_RECIPE
    """What the network is told: captions, an asset's pictures (features or one vector), nothing; the recipe's
    own if not given."""
    size: Literal["40M", "300M", "1B"] = "40M"
    """Of the published bases (recipe paper)."""
    model: AnyPath = None
    """Run or model folder whose other parts go into the finished model; upsampler and SDF model need one."""
    start: AnyPath = None
    """Run or model folder whose part of this kind is trained on; without it, it begins at random weights."""

    def run(self, terminal: Terminal) -> None:
        """Read captions or look at pictures where they are told; then train, or go on."""
        from shapewright.training.point_runs import PointPlaces, train_point_sdf

        recipe = self.recipe_of(self.recipe, self.recipes())
        what = f"the {'SDF model' if self.part == 'sdf' else self.part} of Point-E's recipe '{self.recipe}'"
        self.announce(terminal, what, recipe.loop.steps, SECONDS_PER_STEP[self.part][self.recipe])

        def work(data: Path, out: Path, advance: Advance, loop: Callable[..., Any]) -> Path:
            places = PointPlaces(data=data, run=out, model=self.model, start=self.start)
            stage = train_point_sdf if self.part == "sdf" else self.stage(advance)
            name = self.name or self.recipe
            return stage(places, recipe, name=name, progress=losses_on(advance), loop=loop)

        self.carry_out(terminal, "Training", recipe.loop, work)

    def stage(self, advance: Advance) -> Callable[..., Path]:
        """The run of a base or an upsampler, with its encoding on the bar."""
        from shapewright.training.point_runs import train_point_stage

        return partial(train_point_stage, encoding=lambda done, total: advance(done, total, "encoding"))

    def recipes(self) -> Mapping[str, Callable[[], Any]]:
        """By name, for this part and condition. Raises: ConfigError for options that have no meaning here."""
        from shapewright.training.recipes.points import (
            BASE_RECIPES,
            SDF_RECIPES,
            UPSAMPLER_RECIPES,
            paper_base,
        )

        is_sized = self.size != "40M"
        if is_sized and (self.part, self.recipe) != ("base", "paper"):
            raise ConfigError("--size is of the published bases: it goes with --part base --recipe paper.")
        if self.part == "sdf":
            if self.condition != AS_IN_RECIPE:
                raise ConfigError("The SDF model is told nothing: leave out --condition.")
            return SDF_RECIPES
        if self.part == "upsampler" and self.condition in ("text", "image-vector"):
            raise ConfigError("An upsampler is told of a picture or nothing: --condition image or nothing.")
        told = None if self.condition == AS_IN_RECIPE else self.condition
        if self.part == "upsampler":
            return {name: partial(recipe, told) for name, recipe in UPSAMPLER_RECIPES.items()}
        bases = {**BASE_RECIPES, "paper": partial(paper_base, size=self.size)}
        return {name: partial(recipe, told) for name, recipe in bases.items()}
