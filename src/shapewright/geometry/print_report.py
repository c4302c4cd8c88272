"""What whoever prints an object wants to know of its surface before."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from shapewright.geometry.closedness import is_closed, signed_volumes, welded
from shapewright.geometry.mesh import Mesh, face_areas_and_normals
from shapewright.geometry.parts import find_parts
from shapewright.geometry.raycast import Raycaster
from shapewright.geometry.sampling import interpolate, sample_surface

__all__ = ["PrintReport", "report_for_printing", "thinnest_part"]

SAMPLES = 20_000
THINNEST_SHARE = 0.01
# Rays start so far below the surface, as a share of the object's size, not to meet the face they come from.
SKIN = 1e-4


@dataclass(frozen=True, kw_only=True)
class PrintReport:
    """Closed or not, how many parts, how large and how thin. Lengths in metres, or in units of the mesh."""

    closed: bool  # every edge joins two faces that agree on what is outside
    parts: int
    hollows: int  # closed off inside of parts
    faces: int
    size: tuple[float, float, float]
    volume: float | None  # None unless closed
    thinnest: float | None  # a hundredth of the surface has less behind it; None where no ray met a far side
    in_metres: bool

    def facts(self) -> dict[str, object]:
        """For machines: millimetres and cubic centimetres, or units of the box where no height was given."""
        length, volume = ("mm", "cm3") if self.in_metres else ("units", "units3")
        return {
            "closed": self.closed,
            "parts": self.parts,
            "hollows": self.hollows,
            "faces": self.faces,
            f"size_{length}": [round(side * self._length_unit, 4) for side in self.size],
            f"volume_{volume}": _rounded(self.volume, self._volume_unit),
            f"thinnest_{length}": _rounded(self.thinnest, self._length_unit),
        }

    def told(self) -> str:
        """For people, in one line."""
        length, volume = (" mm", " cm³") if self.in_metres else ("", " cubic units")
        sides = " x ".join(f"{side * self._length_unit:.3g}" for side in self.size)
        parts = "1 part" if self.parts == 1 else f"{self.parts} parts that do not touch"
        if self.hollows:
            parts += f" and {self.hollows} hollow{'' if self.hollows == 1 else 's'} inside"
        told = [f"{'closed' if self.closed else 'not closed'}, {parts}", f"size {sides}{length or ' units'}"]
        if self.volume is not None:
            told.append(f"volume {self.volume * self._volume_unit:.3g}{volume}")
        if self.thinnest is not None:
            told.append(f"thinnest part about {self.thinnest * self._length_unit:.2g}{length or ' units'}")
        return f"For printing: {', '.join(told)}."

    @property
    def _length_unit(self) -> float:
        return 1e3 if self.in_metres else 1.0

    @property
    def _volume_unit(self) -> float:
        return 1e6 if self.in_metres else 1.0


def report_for_printing(mesh: Mesh, *, height_m: float | None = None) -> PrintReport:
    """The report on a surface, +Z up, that will be `height_m` metres high in its file, or as it is."""
    extent = np.ptp(mesh.vertices[np.unique(mesh.faces)].astype(np.float64), axis=0)
    scale = 1.0 if height_m is None else height_m / float(extent[2])
    vertices, faces = welded(mesh.vertices, mesh.faces)
    closed = is_closed(faces)
    parts = find_parts(vertices, faces)
    thinnest = thinnest_part(mesh)
    x, y, z = (float(side) * scale for side in extent)
    return PrintReport(
        closed=closed,
        parts=int((~parts.is_hollow).sum()),
        hollows=int(parts.is_hollow.sum()),
        faces=len(mesh.faces),
        size=(x, y, z),
        volume=float(signed_volumes(vertices, faces).sum()) * scale**3 if closed else None,
        thinnest=None if thinnest is None else thinnest * scale,
        in_metres=height_m is not None,
    )


def thinnest_part(mesh: Mesh, *, share: float = THINNEST_SHARE) -> float | None:
    """How thick the object is behind the thinnest `share` of its surface; None if no ray met a far side.

    From points spread over the area a ray goes straight inward; its length to the far side is the thickness
    there. The smallest of all would be that of a sharp edge, which any object has, hence the share.
    Source: the shape diameter of Shapira et al. 2008, with one ray in place of a cone.
    """
    places = sample_surface(mesh.vertices, mesh.faces, SAMPLES, np.random.default_rng(0))
    inward = -face_areas_and_normals(mesh.vertices, mesh.faces)[1][places[0]]
    skin = SKIN * float(np.ptp(mesh.vertices, axis=0).max())
    origins = interpolate(mesh.vertices, mesh.faces, *places) + skin * inward
    lengths = Raycaster(mesh.vertices, mesh.faces).cast(origins, inward).distance + skin
    met = lengths[np.isfinite(lengths)]
    return float(np.quantile(met, share)) if len(met) else None


def _rounded(value: float | None, unit: float) -> float | None:
    return None if value is None else round(value * unit, 4)
