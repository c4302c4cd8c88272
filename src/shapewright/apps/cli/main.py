"""The entry point: parse, run, and turn mistakes into one sentence and an exit code."""

import os
import sys
from collections.abc import Sequence
from typing import Annotated

import tyro

from shapewright.apps.cli.bench import Bench
from shapewright.apps.cli.command import Command
from shapewright.apps.cli.data import Data
from shapewright.apps.cli.doctor import Doctor
from shapewright.apps.cli.encode import Encode
from shapewright.apps.cli.evaluate import Evaluate
from shapewright.apps.cli.export import Export
from shapewright.apps.cli.finetune import Finetune
from shapewright.apps.cli.generate import Generate
from shapewright.apps.cli.interpolate import Interpolate
from shapewright.apps.cli.latents import Latents
from shapewright.apps.cli.models import Models
from shapewright.apps.cli.parity import Parity
from shapewright.apps.cli.render import Render
from shapewright.apps.cli.terminal import Terminal
from shapewright.apps.cli.train import Train
from shapewright.errors import UserError

__all__ = ["main", "run"]

DESCRIPTION = "Text to textured 3D, an asset to a latent, and the training that makes such models."
INTERRUPTED = 130

AnyCommand = (
    Annotated[Generate, tyro.conf.subcommand("generate")]
    | Annotated[Encode, tyro.conf.subcommand("encode")]
    | Annotated[Render, tyro.conf.subcommand("render")]
    | Annotated[Export, tyro.conf.subcommand("export")]
    | Annotated[Interpolate, tyro.conf.subcommand("interpolate")]
    | Annotated[Data, tyro.conf.subcommand("data")]
    | Annotated[Train, tyro.conf.subcommand("train")]
    | Annotated[Latents, tyro.conf.subcommand("latents")]
    | Annotated[Finetune, tyro.conf.subcommand("finetune")]
    | Annotated[Evaluate, tyro.conf.subcommand("evaluate")]
    | Annotated[Models, tyro.conf.subcommand("models")]
    | Annotated[Bench, tyro.conf.subcommand("bench")]
    | Annotated[Parity, tyro.conf.subcommand("parity")]
    | Annotated[Doctor, tyro.conf.subcommand("doctor")]
)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command line; returns the exit code (0; 2 for the user's mistakes; 130 when interrupted)."""
    terminal = Terminal()
    try:
        command = _parse(arguments)
        terminal = Terminal(as_json=command.json)
        with terminal.notes():
            command.run(terminal)
    except SystemExit as stop:  # tyro ends help with 0 and usage errors with 2, having printed them
        return int(stop.code or 0)
    except UserError as error:
        terminal.error(str(error))
        return error.exit_code
    except KeyboardInterrupt as stop:
        terminal.error(str(stop) or "Stopped; nothing half-written was left.")
        return INTERRUPTED
    except BrokenPipeError:  # `shapewright models list | head`: whoever reads has had enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return 0


def run() -> None:
    """The console script."""
    # Waiting threads that spin are what makes two programs on one machine collapse: measured here beside a
    # training run, 40 s of processor time for a chair instead of 16. Read when torch is first imported.
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    sys.exit(main())


def _parse(arguments: Sequence[str] | None) -> Command:
    return tyro.cli(
        AnyCommand,  # pyright: ignore[reportArgumentType]  # a union of types, which tyro takes and hints do not say
        prog="shapewright",
        description=DESCRIPTION,
        args=arguments,
        config=(tyro.conf.OmitSubcommandPrefixes, tyro.conf.FlagCreatePairsOff),
    )
