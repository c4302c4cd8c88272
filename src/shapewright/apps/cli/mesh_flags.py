"""The options of all commands that write meshes."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated

from tyro.conf import arg

from shapewright.apps.cli.command import AnyInt
from shapewright.errors import ConfigError

if TYPE_CHECKING:
    from shapewright.pipeline.mesh_options import MeshOptions

__all__ = ["MeshFlags"]

Metres = Annotated[float | None, arg(metavar="METRES", help_behavior_hint="")]
Pixels = Annotated[int | None, arg(metavar="PX", help_behavior_hint="")]


@dataclass(frozen=True, kw_only=True)
class MeshFlags:
    """How the surface is taken, cleaned and written."""

    resolution: int = 128
    """Grid points along each side of the box that the surface is taken from."""
    faces: AnyInt = None
    """Simplify to at most so many triangles, keeping outline and colours."""
    texture_size: Pixels = None
    """Width and height of the texture, 1024 if not given."""
    vertex_colors: bool = False
    """Colours at the vertices instead of a texture: smaller files, less detail."""
    height: Metres = None
    """Scale the object to this height; without it, it fits a box of 2 units a side."""
    watertight: bool = False
    """Closed, manifold and without overlaps, for printing; a report says how thin it is."""
    keep_parts: bool = False
    """Keep small floating parts, which are removed otherwise."""

    def options(self) -> "MeshOptions":
        """What is wanted, checked. Raises: ConfigError."""
        from shapewright.pipeline.mesh_options import SMALLEST_PART, TEXTURE_PX, MeshOptions

        if self.vertex_colors and self.texture_size is not None:
            raise ConfigError("--vertex-colors are instead of a texture: leave out --texture-size.")
        texture_px = TEXTURE_PX if self.texture_size is None else self.texture_size
        return MeshOptions(
            resolution=self.resolution,
            texture_px=None if self.vertex_colors else texture_px,
            height_m=self.height,
            faces=self.faces,
            smallest_part=0.0 if self.keep_parts else SMALLEST_PART,
            watertight=self.watertight,
        )
