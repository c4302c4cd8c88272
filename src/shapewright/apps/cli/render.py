"""`shapewright render`: pictures of latents and of model files."""

import math
from collections.abc import Callable, Sequence
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
    from shapewright.apps.cli.subjects import Subject
    from shapewright.geometry.cameras import Camera

__all__ = ["Render"]

DISTANCE = 4.0  # of the standard turntable


@dataclass(frozen=True, kw_only=True)
class Render(Command):
    """Picture latents or model files: a PNG of one view, a strip, a sheet of several, or a turntable."""

    files: Annotated[Positional[tuple[Path, ...]], arg(metavar="FILE ...")]
    """Latents or model files (GLB, OBJ, ...); several make one sheet with captions."""
    output: Path = Path("render.png")
    """A .png for views, a .gif, .webp or .mp4 for a turntable. The sides of an .mp4 are made even."""
    mode: Literal["mesh", "nerf"] = "mesh"
    """Of a latent: ray cast the surface, or integrate the density along every ray (slower)."""
    size_px: int = 256
    """Width and height of a view."""
    views: int = 1
    """Views in a PNG, evenly around the object."""
    azimuth_deg: float = 45.0
    """Direction to look from in the first view, around the object."""
    elevation_deg: float = 26.6
    """Height to look from, as an angle above the horizon."""
    frames: int = 24
    """Pictures in a turntable."""
    fps: float = 12.0
    """Pictures a second in a turntable."""
    background: str = "white"
    """white, black, transparent (not in .mp4) or a colour as #rrggbb."""
    resolution: int = 128
    """Grid points along each side of the box that the surface of a latent is taken from."""
    model: AnyText = None
    """The model that made the latents; the one the first file names if not given."""
    device: Device = "auto"
    """Where to compute."""

    def __post_init__(self) -> None:
        if not self.files:
            raise ConfigError("Nothing to picture: give a latent or a model file.")
        if not 8 <= self.size_px <= 8192:
            raise ConfigError(f"--size-px must be in 8..8192, not {self.size_px}.")
        if not 1 <= self.views <= 64:
            raise ConfigError(f"--views must be in 1..64, not {self.views}.")
        if self.frames < 2:
            raise ConfigError(f"--frames must be at least 2, not {self.frames}.")
        if not -89 <= self.elevation_deg <= 89:
            raise ConfigError(f"--elevation-deg must be in -89..89, not {self.elevation_deg:g}.")

    def run(self, terminal: Terminal) -> None:
        """Check, open, picture, write."""
        from shapewright.render.background import read_background
        from shapewright.render.turntable import MOVIE_WRITERS, check_movie

        check_suffix(self.output, (".png", *MOVIE_WRITERS), "--output")
        check_writable(self.output)
        background = read_background(self.background)
        is_movie = self.output.suffix.lower() != ".png"
        if is_movie:
            check_movie(self.output, fps=self.fps, transparent=background is None)
            if len(self.files) > 1:
                raise ConfigError(f"A turntable shows one object, not {len(self.files)}: give a .png.")

        from shapewright.apps.cli.subjects import open_subjects

        subjects = open_subjects(
            self.files,
            mode=self.mode,
            background=background,
            resolution=self.resolution,
            model=self.model,
            device=self.device,
        )
        count = self.frames if is_movie else self.views * len(self.files)
        terminal.say(
            f"Rendering {'one view' if count == 1 else f'{count} views'} of "
            f"{', '.join(repr(str(path)) for path in self.files)}: "
            f"{'a second for every ten' if self.mode == 'mesh' else 'seconds for each of a latent'}."
        )
        with terminal.progress("Rendering") as advance:
            write = self._write_turntable if is_movie else self._write_png
            write(subjects, advance)
        terminal.result({"output": str(self.output)}, str(self.output))

    def _write_turntable(self, subjects: "Sequence[Subject]", advance: Callable[[int, int], None]) -> None:
        from shapewright.pipeline.pictures import save_movie_of

        cameras = self._cameras(self.frames)
        save_movie_of(subjects[0].view, cameras, self.output, fps=self.fps, progress=advance)

    def _write_png(self, subjects: "Sequence[Subject]", advance: Callable[[int, int], None]) -> None:
        from shapewright.pipeline.pictures import save_png, save_sheet
        from shapewright.render.contact_sheet import Strip

        strips: list[Strip] = []
        for subject in subjects:
            pictures = [subject.view(camera) for camera in self._cameras(self.views)]
            strips.append(Strip(caption=subject.caption, pictures=pictures))
            advance(len(strips), len(subjects))
        if len(strips) == 1:
            save_png(strips[0].pictures, self.output)
        else:
            save_sheet(strips, self.output, cell_px=self.size_px)

    def _cameras(self, count: int) -> "list[Camera]":
        """The first as the angles say, the others evenly on around the object."""
        import numpy as np

        from shapewright.geometry.cameras import look_at

        elevation = math.radians(self.elevation_deg)
        level = math.cos(elevation)
        found: list[Camera] = []
        for index in range(count):
            azimuth = math.radians(self.azimuth_deg + 360.0 * index / count)
            outward = (-math.sin(azimuth) * level, -math.cos(azimuth) * level, math.sin(elevation))
            origin = [DISTANCE * part for part in outward]
            found.append(look_at(np.array(origin), np.zeros(3), size_px=self.size_px))
        return found
