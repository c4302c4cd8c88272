"""A fast, forgiving reader of Wavefront OBJ; real files break most of the format's rules.

Known faults it reads through: faces that point nowhere, bytes that are not UTF-8, polygons of any size and
shape, corners with and without texture coordinates in one file.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from shapewright.errors import AssetFileError
from shapewright.geometry.mesh import Material, TexturedMesh
from shapewright.geometry.mtl_file import UNDEFINED, read_materials
from shapewright.geometry.polygons import triangulate

__all__ = ["read_obj"]


@dataclass
class _Lines:
    """The lines of one file that matter, sorted by kind, in file order."""

    vertices: list[bytes] = field(default_factory=list)
    uvs: list[bytes] = field(default_factory=list)
    corners: list[bytes] = field(default_factory=list)  # all corners of all faces, one after another
    corner_counts: list[int] = field(default_factory=list)
    vertices_so_far: list[int] = field(default_factory=list)  # per face, for negative indices
    uvs_so_far: list[int] = field(default_factory=list)
    face_materials: list[int] = field(default_factory=list)
    material_names: list[str] = field(default_factory=list)
    libraries: list[str] = field(default_factory=list)


def read_obj(path: Path, *, max_texture_px: int = 2048) -> TexturedMesh:
    """The triangles, materials and textures of an OBJ file, in the file's own axes.

    Raises: AssetFileError if the file holds no usable face.
    """
    lines = _sort_lines(path.read_bytes())
    vertices, colors = _vertices(lines.vertices, path)
    if not lines.corner_counts or len(vertices) == 0:
        raise AssetFileError(f"{path} holds no faces; expected an OBJ file with 'v' and 'f' lines.")
    uvs = _numbers(lines.uvs, 2, path)
    corner_vertices, corner_uvs = _corner_indices(lines, len(vertices), len(uvs), path)
    faces, face_corners, face_polygon = triangulate(
        vertices, corner_vertices, np.array(lines.corner_counts, dtype=np.int64)
    )
    if len(faces) == 0:
        raise AssetFileError(f"{path} holds no face whose corners exist; the file may be cut off.")
    # Colours at vertices are the whole colour: what has no material must not darken them.
    undefined = UNDEFINED if colors is None else Material(diffuse=(1.0, 1.0, 1.0))
    return TexturedMesh(
        vertices=vertices,
        faces=faces,
        face_materials=np.array(lines.face_materials, dtype=np.int64)[face_polygon],
        materials=read_materials(
            path.parent, lines.libraries, lines.material_names, undefined, max_texture_px
        ),
        face_uvs=_face_uvs(uvs, corner_uvs, face_corners),
        vertex_colors=colors,
    )


def _sort_lines(data: bytes) -> _Lines:
    lines, material_ids, material = _Lines(), {}, 0
    for line in data.replace(b"\\\r\n", b" ").replace(b"\\\n", b" ").splitlines():
        kind = line[:2]
        if kind == b"v ":
            lines.vertices.append(line[2:])
        elif kind == b"vt":
            lines.uvs.append(line[3:])
        elif kind == b"f ":
            corners = line[2:].split()
            lines.corners += corners
            lines.corner_counts.append(len(corners))
            lines.vertices_so_far.append(len(lines.vertices))
            lines.uvs_so_far.append(len(lines.uvs))
            if not material_ids:
                material_ids[""] = 0
            lines.face_materials.append(material)
        elif kind == b"us":
            name = line.partition(b" ")[2].strip().decode("latin-1")
            material = material_ids.setdefault(name, len(material_ids))
        elif kind == b"mt":
            lines.libraries.append(line.partition(b" ")[2].strip().decode("latin-1"))
    lines.material_names = list(material_ids)
    return lines


def _vertices(rows: list[bytes], path: Path) -> tuple[np.ndarray, np.ndarray | None]:
    """Positions (V, 3) and, in the common extension of six numbers a line, colours (V, 3)."""
    width = len(rows[0].split()) if rows else 3
    if width < 6:
        return _numbers(rows, 3, path), None
    table = _numbers(rows, 6, path)
    return table[:, :3], np.clip(table[:, 3:], 0.0, 1.0).astype(np.float32)


def _numbers(rows: list[bytes], width: int, path: Path) -> np.ndarray:
    """The first `width` numbers of every row, float64; missing ones are 0."""
    if not rows:
        return np.zeros((0, width))
    try:
        tokens = b" ".join(rows).split()
        if len(tokens) == len(rows) * width:
            return np.array(tokens, dtype="S").astype(np.float64).reshape(-1, width)
        split = [(row.split() + [b"0"] * width)[:width] for row in rows]
        return np.array(split, dtype="S").astype(np.float64)
    except ValueError as error:
        raise AssetFileError(f"{path} has a coordinate that is not a number ({error}).") from None


def _corner_indices(
    lines: _Lines, vertex_count: int, uv_count: int, path: Path
) -> tuple[np.ndarray, np.ndarray]:
    """Zero-based vertex and texture indices (C,) of all corners; -1 where there is none."""
    try:
        vertex, uv = _parse_corners(lines.corners)
    except ValueError as error:
        raise AssetFileError(f"{path} has a face that cannot be read ({error}).") from None
    counts = lines.corner_counts
    vertex = np.where(vertex < 0, vertex + np.repeat(lines.vertices_so_far, counts), vertex - 1)
    uv = np.where(uv < 0, uv + np.repeat(lines.uvs_so_far, counts), uv - 1)
    vertex[(vertex < 0) | (vertex >= vertex_count)] = -1
    uv[(uv < 0) | (uv >= uv_count)] = -1
    return vertex, uv


def _parse_corners(corners: list[bytes]) -> tuple[np.ndarray, np.ndarray]:
    """One-based vertex and texture indices as written; 0 means absent."""
    text = b" ".join(corners)
    slashes, doubles = text.count(b"/"), text.count(b"//")
    if doubles == 0 and slashes == 2 * len(corners):  # v/vt/vn
        table = np.array(text.replace(b"/", b" ").split(), dtype="S").astype(np.int64).reshape(-1, 3)
        return table[:, 0], table[:, 1]
    if slashes == 0:  # v
        vertex = np.array(corners, dtype="S").astype(np.int64)
        return vertex, np.zeros_like(vertex)
    parts = [corner.split(b"/") for corner in corners]
    vertex = np.array([int(part[0]) for part in parts], dtype=np.int64)
    uv = np.array([int(part[1]) if len(part) > 1 and part[1] else 0 for part in parts], dtype=np.int64)
    return vertex, uv


def _face_uvs(uvs: np.ndarray, corner_uvs: np.ndarray, face_corners: np.ndarray) -> np.ndarray | None:
    if len(uvs) == 0:
        return None
    index = corner_uvs[face_corners]
    return np.where(index[..., None] < 0, 0.0, uvs[index]).astype(np.float32)
