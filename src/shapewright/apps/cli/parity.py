"""`shapewright parity`: our numbers for a case of the published implementation."""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from tyro.conf import Positional, arg

from shapewright.apps.cli.command import Command
from shapewright.apps.cli.outputs import check_suffix
from shapewright.apps.cli.terminal import Terminal
from shapewright.atomic_file import check_writable

__all__ = ["Parity"]


@dataclass(frozen=True, kw_only=True)
class Parity(Command):
    """Compute a parity case: CASE describes networks and weights, INPUTS what they are given."""

    case: Annotated[Positional[Path], arg(metavar="CASE.json")]
    """The published config, the shapes of the made-up weights, settings."""
    inputs: Annotated[Positional[Path], arg(metavar="INPUTS.npz")]
    """The arrays that go in."""
    outputs: Annotated[Positional[Path], arg(metavar="OUTPUTS.npz")]
    """Where to write the arrays that come out."""

    def run(self, terminal: Terminal) -> None:
        """Check the place, compute, write."""
        check_suffix(self.outputs, (".npz",), "OUTPUTS")
        check_writable(self.outputs)

        from shapewright.interop.parity import run_parity

        terminal.say(f"Computing '{self.case}' in fp32 on the CPU: seconds for the small cases.")
        names = run_parity(self.case, self.inputs, self.outputs)
        terminal.result({"output": str(self.outputs), "arrays": names}, "\n".join(names))
