"""What every command has in common."""

from abc import ABC, abstractmethod
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

from tyro.conf import arg

from shapewright.apps.cli.terminal import Terminal

__all__ = ["AnyFloat", "AnyInt", "AnyPath", "AnyText", "Command", "Device", "Engine", "Precision"]

Device = Literal["auto", "cpu", "cuda", "mps"]
Precision = Literal["auto", "fp32", "bf16"]
Engine = Literal["local", "ray"]

# Options that may be left out; help shows what they take, not that None is also possible.
AnyPath = Annotated[Path | None, arg(metavar="PATH", help_behavior_hint="")]
AnyText = Annotated[str | None, arg(metavar="TEXT", help_behavior_hint="")]
AnyInt = Annotated[int | None, arg(metavar="INT", help_behavior_hint="")]
AnyFloat = Annotated[float | None, arg(metavar="FLOAT", help_behavior_hint="")]


@dataclass(frozen=True, kw_only=True)
class Command(ABC):
    """A command is a dataclass of its options with a `run`, which imports what it needs: help is quick."""

    json: bool = False
    """Print one JSON value on standard output and nothing else."""

    @abstractmethod
    def run(self, terminal: Terminal) -> None:
        """Do it. Raises: UserError for whatever the user can mend."""
