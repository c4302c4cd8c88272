"""What every `shapewright train` is told and says."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal, TypeVar

from tyro.conf import arg

from shapewright.apps.cli.command import AnyInt, AnyText, Command
from shapewright.apps.cli.terminal import Advance, Terminal, duration
from shapewright.atomic_file import check_writable
from shapewright.errors import ConfigError

__all__ = ["EncoderGiven", "Run", "losses_on"]

RecipeT = TypeVar("RecipeT")


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
        from shapewright.training.processes import leave

        leave()
        terminal.result({"run": str(self.out), "model": str(model)}, str(model))


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


def losses_on(advance: Advance) -> Callable[[int, int, dict[str, float]], None]:
    """Show the loss beside the bar."""
    return lambda done, total, losses: advance(done, total, f"loss {losses['loss']:.4f}")
