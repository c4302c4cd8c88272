"""What is wanted of a mesh file: how fine, how heavy, how large, and whether it is to be closed."""

import math
from dataclasses import dataclass
from typing import TypedDict

from shapewright.errors import ConfigError

__all__ = ["RESOLUTION", "SMALLEST_PART", "TEXTURE_PX", "MeshChanges", "MeshOptions"]

RESOLUTION = 128
TEXTURE_PX = 1024
# In 72 objects of the shipped model all floating parts below this were specks, or crumbs of a torn foot;
# legs, trunks and lamp shades that were apart had 1.8 % of the area and more.
SMALLEST_PART = 0.005

RESOLUTIONS = (8, 1024)
TEXTURES_PX = (16, 8192)
FEWEST_FACES = 4  # a tetrahedron


@dataclass(frozen=True, kw_only=True)
class MeshOptions:
    """How the surface of an asset is taken, cleaned and written.

    Raises: ConfigError for a value outside its range.
    """

    resolution: int = RESOLUTION
    """Grid points along each side of the box that the surface is taken from."""
    texture_px: int | None = TEXTURE_PX
    """Side of the texture; None for colours at the vertices."""
    height_m: float | None = None
    """Height in the file, in metres; None leaves the units of the box."""
    faces: int | None = None
    """At most so many triangles; None for all that the grid gives."""
    smallest_part: float = SMALLEST_PART
    """Floating parts of less than this share of the surface are removed; 0 keeps all."""
    watertight: bool = False
    """Closed, manifold and free of overlaps, as printers need it."""

    @property
    def moves_vertices(self) -> bool:
        """Whether the mesh has other vertices than those of the grid's surface."""
        return self.faces is not None or self.watertight

    def __post_init__(self) -> None:
        _check_in("The resolution of the surface", self.resolution, RESOLUTIONS, "grid points a side")
        if self.texture_px is not None:
            _check_in("The size of the texture", self.texture_px, TEXTURES_PX, "pixels a side")
        if self.height_m is not None and not (math.isfinite(self.height_m) and self.height_m > 0):
            raise ConfigError(f"The height must be a positive number of metres, not {self.height_m:g}.")
        if self.faces is not None and self.faces < FEWEST_FACES:
            raise ConfigError(f"A surface has at least {FEWEST_FACES} faces; {self.faces} were asked for.")
        if not 0 <= self.smallest_part < 1:
            raise ConfigError(
                f"The smallest part is a share of the surface, 0 to below 1, not {self.smallest_part:g}."
            )


class MeshChanges(TypedDict, total=False):
    """The fields of MeshOptions as keyword arguments, each of which may be left out."""

    resolution: int
    texture_px: int | None
    height_m: float | None
    faces: int | None
    smallest_part: float
    watertight: bool


def _check_in(what: str, value: int, bounds: tuple[int, int], unit: str) -> None:
    low, high = bounds
    if not low <= value <= high:
        raise ConfigError(f"{what} must be in {low}..{high} {unit}, not {value}.")
