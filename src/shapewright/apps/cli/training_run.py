"""What every `shapewright train` is told and says."""

import tempfile
from abc import abstractmethod
from collections.abc import Callable, Generator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, TypeVar

from shapewright.apps.cli.command import AnyInt, AnyText, Command, Settings
from shapewright.apps.cli.expectation import as_json, as_text
from shapewright.apps.cli.terminal import Advance, Terminal, duration
from shapewright.atomic_file import check_writable
from shapewright.errors import ConfigError

if TYPE_CHECKING:
    from shapewright.training.loop import LoopConfig

__all__ = ["EncoderGiven", "Run", "RunSettings", "going_on", "losses_on"]

RecipeT = TypeVar("RecipeT")

# Assets that a dry run draws its batches from: encoding all of a data set would take long.
EXCERPT = 16

# Takes the data (None where only latents are given), the run folder, the bar, and the loop to train with;
# returns the model folder.
Work = Callable[[Any, Path, Advance, Callable[..., Any]], Path]


@dataclass(frozen=True, kw_only=True)
class RunSettings(Command):
    """What every kind of training is told, but what it learns from."""

    out: Path
    """Folder of the run; the finished model is in its subfolder model. An unfinished run there goes on."""
    name: AnyText = None
    """Name of the model; the recipe's if not given."""
    steps: AnyInt = None
    """Optimisation steps; the recipe's number if not given."""
    seed: AnyInt = None
    """Seed of everything random; the recipe's if not given."""
    set: Settings = ()
    """Other settings of the recipe, such as loop.learning_rate=0.001 or loop.validate_every=250."""
    tracker: Literal["tensorboard", "wandb", "none"] = "tensorboard"
    """Where curves and pictures go beside the run's files; wandb, which must be installed, is told as well as
    TensorBoard."""
    dry_run: bool = False
    """Build the model, take up to three steps and say what parameters, memory and time it takes; nothing is
    kept."""

    def __post_init__(self) -> None:
        if self.steps is not None and self.steps < 1:
            raise ConfigError(f"--steps must be at least 1, not {self.steps}.")

    def recipe_of(self, recipe: str, recipes: Mapping[str, Callable[[], RecipeT]]) -> RecipeT:
        """The recipe named, with the settings given in place of its own."""
        from shapewright.training.recipes import overridden

        given = {"loop.steps": self.steps, "loop.seed": self.seed}
        changes = [f"{key}={value}" for key, value in given.items() if value is not None]
        return overridden(recipes[recipe](), [*changes, *chain(*self.set)])

    def announce(self, terminal: Terminal, what: str, steps: int, seconds_per_step: float) -> None:
        """Say what will happen, where and about how long."""
        check_writable(self.out / "config.json")

        from shapewright.pipeline.device import choose_device, describe_device

        device = describe_device(choose_device())
        if self.dry_run:
            terminal.say(f"Trying a few steps of training {what} on {device}; nothing is kept.")
            return
        terminal.say(
            f"Training {what} for {steps} steps on {device}, into '{self.out}': "
            f"about {duration(seconds_per_step * steps)} on two CPU cores. Ctrl-C stops it; the same command "
            "goes on from there."
        )

    def carry_out(self, terminal: Terminal, title: str, loop: "LoopConfig", work: Work) -> None:
        """Do the work with a bar and say where the model is, or rehearse it and say what it will take."""
        if self.dry_run:
            self.rehearse(terminal, work)
            return

        from shapewright.training.processes import leave

        with going_on(self.out), terminal.progress(title) as advance:
            model = work(self.data_set(), self.out, advance, self.loop())
        leave()
        if loop.patience:
            terminal.say(self.early_end(loop))
        terminal.result({"run": str(self.out), "model": str(model)}, str(model))

    def loop(self) -> Callable[..., Any]:
        """`train`, with the tracker that was asked for. Raises: ConfigError if it is not installed."""
        from shapewright.training.loop import train
        from shapewright.training.tracker import check_wandb

        if self.tracker == "wandb":
            check_wandb()
        return partial(train, tensorboard=self.tracker != "none", wandb=self.tracker == "wandb")

    def rehearse(self, terminal: Terminal, work: Work) -> None:
        """Do the work's first steps on a part of the data, in a folder that is removed again."""
        from shapewright.training.dry_run import DryRun, Rehearsed
        from shapewright.training.processes import leave

        with tempfile.TemporaryDirectory() as place, terminal.progress("Preparing") as advance:
            try:
                work(self.excerpt(Path(place) / "data"), Path(place) / "run", advance, DryRun())
            except Rehearsed as rehearsed:
                found = rehearsed.expectation
            else:
                raise AssertionError("a rehearsal ends the work")
        leave()
        terminal.result(as_json(found), as_text(found))

    def early_end(self, loop: "LoopConfig") -> str:
        """What patience made of the run, in a sentence."""
        from shapewright.training.early_stopping import best_step, read_judgements

        judgements = read_judgements(self.out)
        end = f"after step {judgements[-1].step} of {loop.steps}"
        return f"The model is the average of step {best_step(judgements)}, the best by held-out loss {end}."

    @abstractmethod
    def data_set(self) -> Path | None:
        """What is learnt from, where it is a data set."""

    def excerpt(self, place: Path) -> Path | None:
        """What a rehearsal learns from: a part of the data set, written to `place`."""
        from shapewright.dataset.excerpt import write_excerpt

        data = self.data_set()
        if data is not None:
            write_excerpt(data, place, count=EXCERPT)
        return data and place


@dataclass(frozen=True, kw_only=True)
class Run(RunSettings):
    """A training on a data set."""

    data: Path
    """Folder of a data set, from `shapewright data build`."""

    def data_set(self) -> Path:
        return self.data


@dataclass(frozen=True, kw_only=True)
class EncoderGiven(Run):
    """A training that starts from a trained encoder."""

    encoder: Path
    """Run folder of an encoder or of a refinement, or a model folder."""
    recipe: Literal["tiny", "homeware"] = "homeware"
    """Sizes, objective and optimisation together; it must fit the encoder's."""

    def train(self, terminal: Terminal, stage: Callable[..., Path], recipe: Any) -> None:
        """Run `stage`, which may encode the data set first, with a bar."""

        def work(data: Path, out: Path, advance: Advance, loop: Callable[..., Any]) -> Path:
            def encoding(done: int, total: int) -> None:
                advance(done, total, "encoding")

            return stage(
                data,
                self.encoder,
                out,
                recipe,
                name=self.name or self.recipe,
                progress=losses_on(advance),
                encoding=encoding,
                loop=loop,
            )

        self.carry_out(terminal, "Encoding, then training", recipe.loop, work)


def losses_on(advance: Advance) -> Callable[[int, int, dict[str, float]], None]:
    """Show the loss beside the bar."""
    return lambda done, total, losses: advance(done, total, f"loss {losses['loss']:.4f}")


@contextmanager
def going_on(out: Path) -> Generator[None]:
    """Within this, an interruption says what is kept and how the run goes on."""
    try:
        yield
    except KeyboardInterrupt:
        from shapewright.training.checkpoint import latest_checkpoint

        found = latest_checkpoint(out)
        if found is None:
            raise KeyboardInterrupt(
                "Stopped before the first step was done; the same command begins again."
            ) from None
        step = int(found.name.removeprefix("step-"))
        raise KeyboardInterrupt(
            f"Stopped; the {step} steps done are saved in '{out}': the same command goes on from there."
        ) from None
