"""What every command has in common."""

from abc import ABC, abstractmethod
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

from tyro.conf import UseAppendAction, arg

from shapewright.apps.cli.terminal import Terminal

__all__ = [
    "AnyFloat",
    "AnyInt",
    "AnyPath",
    "AnySolver",
    "AnyText",
    "Command",
    "Device",
    "Engine",
    "Numbers",
    "Precision",
    "Settings",
]

Device = Literal["auto", "cpu", "cuda", "mps"]
Precision = Literal["auto", "fp32", "bf16"]
Engine = Literal["local", "ray"]
# prior.Solver again: its module imports torch, which help must not wait for (a test compares the two)
Solver = Literal["heun", "dpm", "euler", "dpmpp2m", "dpmpp3m", "unipc"]

# Options that may be left out; help shows what they take, not that None is also possible.
AnyPath = Annotated[Path | None, arg(metavar="PATH", help_behavior_hint="")]
AnyText = Annotated[str | None, arg(metavar="TEXT", help_behavior_hint="")]
AnyInt = Annotated[int | None, arg(metavar="INT", help_behavior_hint="")]
AnySolver = Annotated[
    Solver | None, arg(metavar="{heun,dpm,euler,dpmpp2m,dpmpp3m,unipc}", help_behavior_hint="")
]
Numbers = Annotated[str | None, arg(metavar="FLOAT[,FLOAT...]", help_behavior_hint="")]
AnyFloat = Annotated[float | None, arg(metavar="FLOAT", help_behavior_hint="")]
# Settings of a recipe; several after one flag, or the flag several times.
Settings = Annotated[
    tuple[tuple[str, ...], ...],
    arg(metavar="KEY=VALUE ...", help_behavior_hint="(repeatable)"),
    UseAppendAction,
]


@dataclass(frozen=True, kw_only=True)
class Command(ABC):
    """A command is a dataclass of its options with a `run`, which imports what it needs: help is quick."""

    json: bool = False
    """Print one JSON value on standard output and nothing else."""

    @abstractmethod
    def run(self, terminal: Terminal) -> None:
        """Do it. Raises: UserError for whatever the user can mend."""
