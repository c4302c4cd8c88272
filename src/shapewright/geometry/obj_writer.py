"""Wavefront OBJ files: with a material and its texture beside them, or with colours at the vertices."""

from __future__ import annotations

import numpy as np

from shapewright.geometry.mesh import Mesh, Texture, vertex_normals
from shapewright.geometry.texture_file import png_bytes

__all__ = ["obj_files"]

MATERIAL = "asset"
PICTURE = "_texture.png"


def obj_files(mesh: Mesh, stem: str) -> dict[str, bytes]:
    """The files of `mesh` (already +Y up) by the end of their names: .obj, and with a texture .mtl and
    _texture.png, which no preview of the object's name overwrites.

    Without a texture colours follow the coordinates, as Blender and MeshLab read them.
    """
    if mesh.texture is None:
        colors = () if mesh.vertex_colors is None else (mesh.vertex_colors,)
        lines = _rows("v", np.hstack([mesh.vertices, *colors]))
        lines += [f"f {a} {b} {c}" for a, b, c in (mesh.faces + 1).tolist()]
        return {".obj": _text(lines)}
    lines = _rows("v", mesh.vertices)
    lines += _rows("vt", mesh.texture.uvs) + _rows("vn", vertex_normals(mesh.vertices, mesh.faces))
    head = [f"mtllib {stem}.mtl", "o asset"]
    lines = [*head, *lines, f"usemtl {MATERIAL}", *_textured_faces(mesh.faces, mesh.texture)]
    return {
        ".obj": _text(lines),
        ".mtl": _text(_material(f"{stem}{PICTURE}")),
        PICTURE: png_bytes(mesh.texture.image),
    }


def _rows(keyword: str, table: np.ndarray) -> list[str]:
    return [f"{keyword} " + " ".join(f"{number:.6g}" for number in row) for row in table.tolist()]


def _textured_faces(faces: np.ndarray, texture: Texture) -> list[str]:
    """Corners as vertex/coordinate/normal; a normal has its vertex's number."""
    corners = np.hstack([faces, texture.faces])[:, [0, 3, 1, 4, 2, 5]] + 1
    return [f"f {a}/{ta}/{a} {b}/{tb}/{b} {c}/{tc}/{c}" for a, ta, b, tb, c, tc in corners.tolist()]


def _material(picture: str) -> list[str]:
    """Lit, without highlights; the texture replaces the white."""
    return [f"newmtl {MATERIAL}", "Kd 1 1 1", "Ks 0 0 0", "d 1", "illum 1", f"map_Kd {picture}"]


def _text(lines: list[str]) -> bytes:
    return ("\n".join(lines) + "\n").encode()
