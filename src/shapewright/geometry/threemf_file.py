"""3MF files with colours, by lib3mf: what slicers read.

Source: the 3MF core specification and its materials extension; a unit of ours is a metre.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import lib3mf
import numpy as np

from shapewright.geometry.mesh import Mesh

__all__ = ["read_threemf", "threemf_bytes"]

# lib3mf's own 6 would give neighbours less than a micrometre apart one place: readers that weld corners by
# their place then find the surface open.
DECIMALS = 9
_WHITE = (255, 255, 255)
Palette = dict[tuple[int, int], tuple[int, int, int]]
"""Colours by the number of their group and their own number in it."""


def threemf_bytes(mesh: Mesh) -> bytes:
    """A .3mf file: one object, its corners coloured by a colour group."""
    wrapper: Any = lib3mf.get_wrapper()
    model = wrapper.CreateModel()
    model.SetUnit(lib3mf.ModelUnit.Meter)
    item = model.AddMeshObject()
    item.SetName("asset")
    item.SetGeometry(_structures(lib3mf.Position, mesh.vertices), _structures(lib3mf.Triangle, mesh.faces))
    if mesh.vertex_colors is not None:
        _color(model, item, mesh.vertex_colors, mesh.faces)
    model.AddBuildItem(item, wrapper.GetIdentityTransform())
    writer = model.QueryWriter("3mf")
    writer.SetDecimalPrecision(DECIMALS)
    return bytes(writer.WriteToBuffer())


def _structures(kind: Any, rows: np.ndarray) -> list[Any]:
    """lib3mf's own structures, (N, 3) numbers each."""
    number = np.float32 if kind is lib3mf.Position else np.uint32
    return list((kind * len(rows)).from_buffer_copy(rows.astype(number).tobytes()))


def _color(model: Any, item: Any, colors: np.ndarray, faces: np.ndarray) -> None:
    palette, index = np.unique(np.round(colors * 255).astype(np.uint8), axis=0, return_inverse=True)
    group = model.AddColorGroup()
    numbers = [group.AddColor(lib3mf.Color(r, g, b, 255)) for r, g, b in palette.tolist()]
    corners = np.array(numbers, dtype=np.uint32)[index.reshape(-1)][faces]
    owner = group.GetUniqueResourceID()
    properties = []
    for a, b, c in corners.tolist():
        entry = lib3mf.TriangleProperties()
        entry.ResourceID, entry.PropertyIDs[0], entry.PropertyIDs[1], entry.PropertyIDs[2] = owner, a, b, c
        properties.append(entry)
    item.SetAllTriangleProperties(properties)
    item.SetObjectLevelProperty(owner, numbers[0])  # the specification asks for a default


def read_threemf(path: Path) -> list[Mesh]:
    """The meshes of what is to be built, in place. Corners are apart where there are colours."""
    wrapper: Any = lib3mf.get_wrapper()
    model = wrapper.CreateModel()
    model.QueryReader("3mf").ReadFromFile(str(path))
    palette, found = _palette(model), []
    items = model.GetBuildItems()
    while items.MoveNext():
        item = items.GetCurrent()
        found += _meshes(item.GetObjectResource(), _matrix(item.GetObjectTransform()), palette)
    return found


def _meshes(item: Any, matrix: np.ndarray, palette: Palette) -> list[Mesh]:
    """An object's meshes, or those of its components; `matrix` (4, 3) multiplies rows (x, y, z, 1)."""
    if item.IsComponentsObject():
        found: list[Mesh] = []
        for index in range(item.GetComponentCount()):
            part = item.GetComponent(index)
            inner = np.hstack([_matrix(part.GetTransform()), [[0.0], [0.0], [0.0], [1.0]]])
            found += _meshes(part.GetObjectResource(), inner @ matrix, palette)
        return found
    if not item.IsMeshObject():
        return []
    vertices = _numbers(item.GetVertices(), np.float32)
    faces = _numbers(item.GetTriangleIndices(), np.uint32).astype(np.int64)
    vertices = (vertices @ matrix[:3] + matrix[3]).astype(np.float32)
    colors = _corner_colors(item, palette)
    if colors is None:
        return [Mesh(vertices=vertices, faces=faces)]
    apart = np.arange(faces.size).reshape(-1, 3)
    return [Mesh(vertices=vertices[faces.reshape(-1)], faces=apart, vertex_colors=colors)]


def _matrix(transform: Any) -> np.ndarray:
    return np.array([list(row) for row in transform.Fields], dtype=np.float64)


def _numbers(structures: list[Any], kind: Any) -> np.ndarray:
    """lib3mf's structures of three numbers each as rows (N, 3)."""
    packed = b"".join(bytes(entry) for entry in structures)
    return np.frombuffer(packed, dtype=kind).reshape(-1, 3)


def _palette(model: Any) -> Palette:
    found: Palette = {}
    for groups, name in (
        (model.GetColorGroups(), "GetColor"),
        (model.GetBaseMaterialGroups(), "GetDisplayColor"),
    ):
        while groups.MoveNext():
            group = groups.GetCurrent()
            for number in group.GetAllPropertyIDs():
                color = getattr(group, name)(number)
                found[group.GetUniqueResourceID(), number] = (color.Red, color.Green, color.Blue)
    return found


def _corner_colors(item: Any, palette: Palette) -> np.ndarray | None:
    """Colours (3 F, 3) of all corners; None if the object has none."""
    owner, number, has_default = item.GetObjectLevelProperty()
    default = palette.get((owner, number), _WHITE) if has_default else _WHITE
    entries = item.GetAllTriangleProperties()
    keys = [(entry.ResourceID, number) for entry in entries for number in entry.PropertyIDs]
    if not has_default and not any(key in palette for key in keys):
        return None
    colors = np.array([palette.get(key, default) for key in keys], dtype=np.float32)
    return colors / np.float32(255.0)
