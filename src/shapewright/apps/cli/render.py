"""`shapewright render`: pictures of a latent."""

import math
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

from tyro.conf import Positional, arg

from shapewright.apps.cli.command import AnyText, Command, Device
from shapewright.apps.cli.outputs import check_suffix
from shapewright.apps.cli.terminal import Terminal
from shapewright.atomic_file import check_writable
from shapewright.errors import ConfigError

if TYPE_CHECKING:
    from shapewright.geometry.cameras import Camera

__all__ = ["Render"]

DISTANCE = 4.0  # of the standard turntable


@dataclass(frozen=True, kw_only=True)
class Render(Command):
    """Picture a latent: a PNG of one view, or a GIF that turns once."""

    latent: Annotated[Positional[Path], arg(metavar="LATENT")]
    """A latent file, from `generate --latent` or `encode`."""
    output: Path = Path("render.png")
    """A .png for one view, a .gif for a turntable."""
    mode: Literal["mesh", "nerf"] = "mesh"
    """Ray cast the surface, or integrate the density along every ray (slower)."""
    size_px: int = 256
    """Width and height."""
    azimuth_deg: float = 45.0
    """Direction to look from, for a PNG, around the object."""
    elevation_deg: float = 26.6
    """Height to look from, as an angle above the horizon."""
    frames: int = 24
    """Pictures in a GIF."""
    transparent: bool = False
    """Keep the background of a PNG transparent instead of white."""
    resolution: int = 128
    """Grid points along each side of the box that the surface is taken from."""
    model: AnyText = None
    """The model that made the latent; the one its file names if not given."""
    device: Device = "auto"
    """Where to compute."""

    def __post_init__(self) -> None:
        if not 8 <= self.size_px <= 8192:
            raise ConfigError(f"--size-px must be in 8..8192, not {self.size_px}.")
        if self.frames < 2:
            raise ConfigError(f"--frames must be at least 2, not {self.frames}.")
        if not -89 <= self.elevation_deg <= 89:
            raise ConfigError(f"--elevation-deg must be in -89..89, not {self.elevation_deg:g}.")

    def run(self, terminal: Terminal) -> None:
        """Open, picture, write."""
        check_suffix(self.output, (".png", ".gif"), "--output")
        check_writable(self.output)

        from shapewright.apps.cli.assets import open_latents
        from shapewright.pipeline.device import describe_device

        pipeline, (asset,) = open_latents([self.latent], model=self.model, device=self.device)
        is_turntable = self.output.suffix.lower() == ".gif"
        what = f"{self.frames} views" if is_turntable else "one view"
        terminal.say(
            f"Rendering {what} of '{self.latent}' ({self.mode}) on {describe_device(pipeline.device)}: "
            f"{'a few seconds' if self.mode == 'mesh' else 'seconds for each view'}."
        )
        with terminal.progress("Rendering") as advance:
            if is_turntable:
                asset.turntable(
                    self.output,
                    frames=self.frames,
                    size_px=self.size_px,
                    mode=self.mode,
                    resolution=self.resolution,
                    progress=advance,
                )
            else:
                asset.picture(
                    self.output,
                    self._camera(),
                    mode=self.mode,
                    background=None if self.transparent else (1.0, 1.0, 1.0),
                    resolution=self.resolution,
                )
        terminal.result({"output": str(self.output)}, str(self.output))

    def _camera(self) -> "Camera":
        import numpy as np

        from shapewright.geometry.cameras import look_at

        azimuth, elevation = math.radians(self.azimuth_deg), math.radians(self.elevation_deg)
        level = math.cos(elevation)
        outward = (-math.sin(azimuth) * level, -math.cos(azimuth) * level, math.sin(elevation))
        origin = [DISTANCE * part for part in outward]
        return look_at(np.array(origin), np.zeros(3), size_px=self.size_px)
