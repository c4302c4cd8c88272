"""Mesh files in and out: one table of readers, one of writers; the only user of trimesh.

World axes are +Z up. GLB, glTF, OBJ and USDZ files are +Y up by their formats' rule or custom and are
turned on the way in and out: a world point (x, y, z) is (x, z, -y) in the file. The other
formats are left as they are.
"""

from __future__ import annotations

import base64
import io
import math
import zipfile
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import trimesh
from trimesh.exchange.gltf import export_glb
from trimesh.resources import get_bytes
from trimesh.visual.color import ColorVisuals
from trimesh.visual.texture import TextureVisuals

from shapewright.atomic_file import check_writable, replacing
from shapewright.errors import AssetFileError, OutputError
from shapewright.geometry.glb_file import glb_bytes
from shapewright.geometry.light import linear_to_srgb, srgb_to_linear
from shapewright.geometry.mesh import Material, Mesh, TexturedMesh
from shapewright.geometry.obj_file import read_obj
from shapewright.geometry.obj_writer import obj_files
from shapewright.geometry.texture_file import texture_array
from shapewright.geometry.threemf_file import read_threemf, threemf_bytes
from shapewright.geometry.usdz_file import read_usdz, usdz_bytes

__all__ = [
    "READERS",
    "TEXTURED",
    "UNITS_PER_METRE",
    "WRITERS",
    "check_place",
    "load",
    "save",
    "to_trimesh",
    "viewer_page",
]

_Z_UP_FROM_Y_UP = np.array([[1.0, 0.0, 0.0], [0.0, 0.0, -1.0], [0.0, 1.0, 0.0]])
_Y_UP_SUFFIXES = frozenset((".glb", ".gltf", ".obj", ".usdz"))


# STL says nothing of units, and slicers take them for millimetres; the other formats are in metres.
UNITS_PER_METRE = {".stl": 1000.0}


def load(
    path: Path | str, *, max_texture_px: int = 2048, own_rotation: np.ndarray | None = None
) -> TexturedMesh:
    """The mesh in a file, +Z up. `own_rotation` (3, 3) is applied before that, in the file's axes.

    Raises: AssetFileError if the file is missing, of an unknown kind, unreadable, empty or not finite.
    """
    path = Path(path)
    suffix = path.suffix.lower()
    if suffix not in READERS:
        raise AssetFileError(f"{path} has the unknown suffix '{suffix}'; expected one of {_listed(READERS)}.")
    if not path.is_file():
        raise AssetFileError(f"{path} does not exist or is not a file.")
    if path.stat().st_size == 0:
        raise AssetFileError(f"{path} is empty; expected a {suffix[1:].upper()} file.")
    try:
        mesh = READERS[suffix](path, max_texture_px)
    except AssetFileError:
        raise
    except MemoryError:
        raise AssetFileError(f"{path} does not fit into memory.") from None
    except Exception as error:  # readers of damaged files fail in many ways
        reason = f"{type(error).__name__}: {error}" if str(error) else type(error).__name__
        raise AssetFileError(f"{path} cannot be read as {suffix[1:].upper()} ({reason}).") from None
    return _upright(_checked(mesh, path), suffix, own_rotation)


def _checked(mesh: TexturedMesh, path: Path) -> TexturedMesh:
    if len(mesh.faces) == 0:
        raise AssetFileError(f"{path} holds no triangles; expected a mesh, not points or lines.")
    if not np.isfinite(mesh.vertices[mesh.faces]).all():
        raise AssetFileError(f"{path} has vertices that are not finite numbers (NaN or infinity).")
    return mesh


def _upright(mesh: TexturedMesh, suffix: str, own_rotation: np.ndarray | None) -> TexturedMesh:
    rotation = np.eye(3) if own_rotation is None else own_rotation
    if suffix in _Y_UP_SUFFIXES:
        rotation = _Z_UP_FROM_Y_UP @ rotation
    return mesh.transformed(rotation)


def _read_with_trimesh(path: Path, max_texture_px: int) -> TexturedMesh:
    scene = trimesh.load_scene(path, process=False)
    parts = [
        _part(geometry, np.asarray(scene.graph.get(node)[0]), max_texture_px)
        for node in scene.graph.nodes_geometry
        for geometry in [scene.geometry[scene.graph[node][1]]]
        if isinstance(geometry, trimesh.Trimesh) and len(geometry.faces)
    ]
    if not parts:
        raise AssetFileError(f"{path} holds no triangles; expected a mesh, not points or lines.")
    return _joined(parts)


def _part(geometry: trimesh.Trimesh, to_world: np.ndarray, max_texture_px: int) -> TexturedMesh:
    visual: Any = geometry.visual
    vertices = np.asarray(geometry.vertices, dtype=np.float64)
    mesh = TexturedMesh(
        vertices=vertices @ to_world[:3, :3].T + to_world[:3, 3],
        faces=np.asarray(geometry.faces, dtype=np.int64),
        face_materials=np.zeros(len(geometry.faces), dtype=np.int64),
    )
    if isinstance(visual, TextureVisuals):
        return _with_texture_visuals(mesh, visual, max_texture_px)
    if isinstance(visual, ColorVisuals) and visual.kind == "vertex":
        colors = np.asarray(visual.vertex_colors)[:, :3] / np.float32(255.0)
        return replace(mesh, vertex_colors=colors.astype(np.float32), materials=(_WHITE,))
    if isinstance(visual, ColorVisuals) and visual.kind == "face":
        return _with_face_colors(mesh, np.asarray(visual.face_colors))
    return mesh


_WHITE = Material(diffuse=(1.0, 1.0, 1.0))


def _with_face_colors(mesh: TexturedMesh, colors: np.ndarray) -> TexturedMesh:
    palette, index = np.unique(colors, axis=0, return_inverse=True)
    materials = tuple(
        Material(diffuse=(red / 255.0, green / 255.0, blue / 255.0), alpha=alpha / 255.0)
        for red, green, blue, alpha in palette.astype(float).tolist()
    )
    return replace(mesh, face_materials=index.reshape(-1).astype(np.int64), materials=materials)


def _with_texture_visuals(mesh: TexturedMesh, visual: Any, max_texture_px: int) -> TexturedMesh:
    material = _pbr_material(visual.material, max_texture_px)
    mesh = replace(mesh, materials=(material,))
    if visual.uv is not None and len(visual.uv) == len(mesh.vertices):
        mesh = replace(mesh, face_uvs=np.asarray(visual.uv, dtype=np.float32)[mesh.faces])
    colors = visual.vertex_attributes.get("color")
    if colors is not None and len(colors) == len(mesh.vertices):
        # glTF vertex colours are linear light, as floats or as normalised integers.
        colors = np.asarray(colors)[:, :3]
        scale = np.iinfo(colors.dtype).max if colors.dtype.kind in "iu" else 1.0
        mesh = replace(mesh, vertex_colors=linear_to_srgb(colors / scale).astype(np.float32))
    return mesh


def _pbr_material(material: Any, max_texture_px: int) -> Material:
    """A trimesh material (glTF, 3MF) as ours; glTF multiplies texture and factor in linear light."""
    material = material.to_pbr() if hasattr(material, "to_pbr") else material
    factor = material.baseColorFactor
    factor = np.array([255, 255, 255, 255] if factor is None else factor, dtype=np.float64) / 255.0
    alpha = 1.0 if material.alphaMode in (None, "OPAQUE") and factor[3] == 0 else float(factor[3])
    red, green, blue = (float(part) for part in linear_to_srgb(factor[:3]))
    texture = None
    if material.baseColorTexture is not None:
        texture = texture_array(material.baseColorTexture, max_texture_px)
        if not np.all(factor[:3] == 1.0):
            linear = srgb_to_linear(texture[..., :3] / np.float32(255.0)) * factor[:3]
            texture[..., :3] = np.round(linear_to_srgb(linear) * 255.0).astype(np.uint8)
        if material.alphaMode in (None, "OPAQUE"):
            texture[..., 3] = 255
    return Material(diffuse=(red, green, blue), alpha=alpha, texture=texture, name=material.name or "")


def _joined(parts: list[TexturedMesh]) -> TexturedMesh:
    """One mesh of several; parts without colours or coordinates get white and zero where others have them."""
    vertex_starts = np.cumsum([0, *(len(part.vertices) for part in parts)])
    material_starts = np.cumsum([0, *(len(part.materials) for part in parts)])
    has_uvs = any(part.face_uvs is not None for part in parts)
    has_colors = any(part.vertex_colors is not None for part in parts)
    return TexturedMesh(
        vertices=np.concatenate([part.vertices for part in parts]),
        faces=np.concatenate([p.faces + start for p, start in zip(parts, vertex_starts, strict=False)]),
        face_materials=np.concatenate(
            [p.face_materials + start for p, start in zip(parts, material_starts, strict=False)]
        ),
        materials=tuple(material for part in parts for material in part.materials),
        face_uvs=np.concatenate([_uvs_or_zeros(part) for part in parts]) if has_uvs else None,
        vertex_colors=np.concatenate([_colors_or_white(part) for part in parts]) if has_colors else None,
    )


def _uvs_or_zeros(part: TexturedMesh) -> np.ndarray:
    empty = np.zeros((len(part.faces), 3, 2), dtype=np.float32)
    return empty if part.face_uvs is None else part.face_uvs


def _colors_or_white(part: TexturedMesh) -> np.ndarray:
    white = np.ones((len(part.vertices), 3), dtype=np.float32)
    return white if part.vertex_colors is None else part.vertex_colors


def _read_obj(path: Path, max_texture_px: int) -> TexturedMesh:
    return read_obj(path, max_texture_px=max_texture_px)


def _read_threemf(path: Path, max_texture_px: int) -> TexturedMesh:
    parts = [_textured(mesh) for mesh in read_threemf(path) if len(mesh.faces)]
    if not parts:
        raise AssetFileError(f"{path} holds no triangles; expected a mesh, not points or lines.")
    return _joined(parts)


def _textured(mesh: Mesh) -> TexturedMesh:
    return TexturedMesh(
        vertices=mesh.vertices.astype(np.float64),
        faces=mesh.faces,
        face_materials=np.zeros(len(mesh.faces), dtype=np.int64),
        materials=(Material() if mesh.vertex_colors is None else _WHITE,),
        vertex_colors=mesh.vertex_colors,
    )


READERS: dict[str, Callable[[Path, int], TexturedMesh]] = {
    ".obj": _read_obj,
    ".3mf": _read_threemf,
    ".usdz": read_usdz,
    **dict.fromkeys((".glb", ".gltf", ".ply", ".stl", ".off"), _read_with_trimesh),
}


def save(mesh: Mesh, path: Path | str) -> None:
    """Write `mesh` by the path's suffix, whole or not at all; missing folders are made.

    A texture is written where the format has one, the vertex colours otherwise. An OBJ with a texture is
    three files of the same stem: chair.obj, chair.mtl, chair_texture.png.
    Raises: OutputError if the suffix is unknown or the place cannot be written.
    """
    path = Path(path)
    check_place(path)
    suffix = path.suffix.lower()
    files = WRITERS[suffix](_turned_for(suffix, mesh), path.stem)
    with ExitStack() as stack:  # the file that refers to the others is entered first and renamed last
        for ending, data in files.items():
            target = path if ending == suffix else path.with_name(path.stem + ending)
            stack.enter_context(replacing(target)).write_bytes(data)


def check_place(path: Path) -> None:
    """Whether a mesh could be written at `path`, before time is spent.

    Raises: OutputError if the suffix is unknown or the place cannot be written.
    """
    suffix = path.suffix.lower()
    if suffix not in WRITERS:
        raise OutputError(f"{path}: cannot write '{suffix}' files; choose one of {_listed(WRITERS)}.")
    check_writable(path)


def _turned_for(suffix: str, mesh: Mesh) -> Mesh:
    if suffix not in _Y_UP_SUFFIXES:
        return mesh
    return replace(mesh, vertices=(mesh.vertices @ _Z_UP_FROM_Y_UP).astype(np.float32))


def to_trimesh(mesh: Mesh) -> trimesh.Trimesh:
    """The same mesh for users of trimesh: +Z up, colours as sRGB bytes."""
    colors = None if mesh.vertex_colors is None else _bytes(mesh.vertex_colors)
    return trimesh.Trimesh(vertices=mesh.vertices, faces=mesh.faces, vertex_colors=colors, process=False)


def viewer_page(mesh: Mesh) -> str:
    """An HTML page that shows a mesh, to be turned with the mouse; three.js is in it, nothing is fetched.

    It is trimesh's, with a matt material (without one glTF's is metal, which is black there) and a camera
    at the front left that looks down a little.
    """
    colors = None if mesh.vertex_colors is None else srgb_to_linear(mesh.vertex_colors)  # as glTF has them
    scene = to_trimesh(_turned_for(".glb", replace(mesh, vertex_colors=colors))).scene()
    downward, sideward = -math.atan(0.5), math.radians(-45)
    scene.set_camera(angles=(downward, sideward, 0), distance=4.0, center=(0, 0, 0), fov=(40, 40))
    glb = export_glb(scene, include_normals=True, tree_postprocessor=_made_matt)
    with zipfile.ZipFile(io.BytesIO(get_bytes("templates/viewer.zip"))) as archive:
        template = archive.read("viewer.html.template").decode()
    return template.replace("$B64GLTF", base64.b64encode(glb).decode())


def _made_matt(tree: dict[str, Any]) -> None:
    tree["materials"] = [{"pbrMetallicRoughness": {"metallicFactor": 0, "roughnessFactor": 0.9}}]
    for mesh in tree["meshes"]:
        for primitive in mesh["primitives"]:
            primitive["material"] = 0


def _bytes(colors: np.ndarray) -> np.ndarray:
    return np.round(np.clip(colors, 0.0, 1.0) * 255.0).astype(np.uint8)


def _write_with_trimesh(file_type: str) -> Callable[[Mesh], bytes]:
    def write(mesh: Mesh) -> bytes:
        data = to_trimesh(mesh).export(file_type=file_type)
        return data.encode() if isinstance(data, str) else bytes(data)

    return write


Writer = Callable[[Mesh, str], dict[str, bytes]]
"""From a mesh in the format's axes and its file's stem to the contents of files by the end of their names."""


def _one_file(suffix: str, write: Callable[[Mesh], bytes]) -> Writer:
    return lambda mesh, stem: {suffix: write(mesh)}


WRITERS: dict[str, Writer] = {
    ".glb": _one_file(".glb", glb_bytes),
    ".ply": _one_file(".ply", _write_with_trimesh("ply")),
    ".obj": obj_files,
    ".stl": _one_file(".stl", _write_with_trimesh("stl")),
    ".3mf": _one_file(".3mf", threemf_bytes),
    ".usdz": _one_file(".usdz", usdz_bytes),
}

# Formats whose files hold a texture; the others have the vertex colours, STL none.
TEXTURED = frozenset((".glb", ".obj", ".usdz"))


def _listed(table: dict[str, Any]) -> str:
    return ", ".join(sorted(table))
