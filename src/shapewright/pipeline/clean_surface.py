"""From the surface of a field to one that people can use: no specks, closed if asked, and light if asked."""

from dataclasses import dataclass

from shapewright.geometry.mesh import Mesh
from shapewright.geometry.parts import remove_specks
from shapewright.geometry.simplify import simplify
from shapewright.geometry.watertight import make_watertight
from shapewright.pipeline.mesh_options import MeshOptions

__all__ = ["CleanSurface", "clean_surface"]


@dataclass(frozen=True, kw_only=True)
class CleanSurface:
    """A surface, and what was done to it."""

    mesh: Mesh
    told: tuple[str, ...]  # sentences


def clean_surface(surface: Mesh, options: MeshOptions) -> CleanSurface:
    """What `options` ask of the surface: specks, the number of faces, closedness, in this order.

    Colours are those of the nearest points of `surface`.
    Raises: ConfigError if so few faces cannot be had; OutputError if the faces bound no volume.
    """
    without_specks = remove_specks(surface, options.smallest_part)
    mesh = without_specks.mesh
    if options.faces is not None:
        mesh = simplify(mesh, options.faces)
    if options.watertight:
        mesh = make_watertight(mesh)
    return CleanSurface(mesh=mesh, told=without_specks.told())
