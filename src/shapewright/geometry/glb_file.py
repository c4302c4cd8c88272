"""Binary glTF 2.0, meshes with a texture or vertex colours, or points, written directly: trimesh rounds
linear colours.

Source: the glTF 2.0 specification: +Y up, COLOR_0 is linear light and multiplies the base colour.
"""

from __future__ import annotations

import json
import struct
from typing import Any

import numpy as np

from shapewright.geometry.light import srgb_to_linear
from shapewright.geometry.mesh import ROUGHNESS, Mesh, vertex_normals
from shapewright.geometry.texture_file import png_bytes

__all__ = ["glb_bytes", "points_glb_bytes"]

_ARRAY_BUFFER, _ELEMENT_BUFFER = 34962, 34963
_FLOAT, _UINT32 = 5126, 5125
_POINTS, _TRIANGLES = 0, 4


def glb_bytes(mesh: Mesh) -> bytes:
    """A .glb file of `mesh` (already +Y up): smooth normals and a matt material that shows the texture, or
    the vertex colours where there is none."""
    normals = vertex_normals(mesh.vertices, mesh.faces)
    texture = mesh.texture
    if texture is None:
        arrays, faces, image = _vertex_arrays(mesh.vertices, normals), mesh.faces, None
        if mesh.vertex_colors is not None:
            arrays.append(("COLOR_0", _linear(mesh.vertex_colors)))
    else:
        arrays = _vertex_arrays(mesh.vertices[texture.source], normals[texture.source])
        down = np.column_stack([texture.uvs[:, 0], 1.0 - texture.uvs[:, 1]])
        arrays.append(("TEXCOORD_0", np.ascontiguousarray(down, dtype="<f4")))
        faces, image = texture.faces, png_bytes(texture.image)
    indices = np.ascontiguousarray(faces.reshape(-1), dtype="<u4")
    binary = b"".join(array.tobytes() for _, array in arrays) + indices.tobytes()
    return _container(_document(arrays, indices, image), binary + (image or b""))


def _vertex_arrays(positions: np.ndarray, normals: np.ndarray) -> list[tuple[str, np.ndarray]]:
    return [
        ("POSITION", np.ascontiguousarray(positions, dtype="<f4")),
        ("NORMAL", np.ascontiguousarray(normals, dtype="<f4")),
    ]


def points_glb_bytes(positions: np.ndarray, colors: np.ndarray) -> bytes:
    """A .glb file of points (N, 3), already +Y up, with sRGB colours (N, 3): they have no normals, so
    viewers show them without light."""
    arrays = [("POSITION", np.ascontiguousarray(positions, dtype="<f4")), ("COLOR_0", _linear(colors))]
    binary = b"".join(array.tobytes() for _, array in arrays)
    return _container(_document(arrays, None, None), binary)


def _linear(colors: np.ndarray) -> np.ndarray:
    return np.ascontiguousarray(srgb_to_linear(colors), dtype="<f4")


def _document(
    arrays: list[tuple[str, np.ndarray]], indices: np.ndarray | None, image: bytes | None
) -> dict[str, Any]:
    """One mesh of triangles, or of points without indices. In the buffer: arrays, indices, image."""
    views: list[dict[str, Any]] = []
    accessors: list[dict[str, Any]] = []
    start = 0
    for name, array in arrays:
        views.append(_view(start, array.nbytes, _ARRAY_BUFFER))
        accessors.append(_accessor(len(accessors), _FLOAT, len(array), f"VEC{array.shape[1]}"))
        if name == "POSITION":
            accessors[-1] |= {"min": array.min(axis=0).tolist(), "max": array.max(axis=0).tolist()}
        start += array.nbytes
    primitive: dict[str, Any] = {
        "attributes": {name: index for index, (name, _) in enumerate(arrays)},
        "material": 0,
        "mode": _POINTS if indices is None else _TRIANGLES,
    }
    if indices is not None:
        views.append(_view(start, indices.nbytes, _ELEMENT_BUFFER))
        accessors.append(_accessor(len(accessors), _UINT32, len(indices), "SCALAR"))
        primitive["indices"] = len(arrays)
        start += indices.nbytes
    document: dict[str, Any] = {
        "asset": {"version": "2.0", "generator": "shapewright"},
        "scene": 0,
        "scenes": [{"nodes": [0]}],
        "nodes": [{"mesh": 0, "name": "asset"}],
        "meshes": [{"name": "asset", "primitives": [primitive]}],
        "materials": [_material(textured=image is not None)],
        "accessors": accessors,
        "bufferViews": views,
    }
    if image is not None:
        document["images"] = [{"name": "color", "mimeType": "image/png", "bufferView": len(views)}]
        document["samplers"] = [_SMOOTH_AND_CLAMPED]
        document["textures"] = [{"source": 0, "sampler": 0}]
        views.append({"buffer": 0, "byteOffset": start, "byteLength": len(image)})
        start += len(image)
    return document | {"buffers": [{"byteLength": start}]}


# Mip maps between texels and between sizes; the edge repeats its last texel.
_SMOOTH_AND_CLAMPED = {"magFilter": 9729, "minFilter": 9987, "wrapS": 33071, "wrapT": 33071}


def _material(*, textured: bool) -> dict[str, Any]:
    surface: dict[str, Any] = {
        "baseColorFactor": [1.0, 1.0, 1.0, 1.0],
        "metallicFactor": 0.0,
        "roughnessFactor": ROUGHNESS,
    }
    if textured:
        surface["baseColorTexture"] = {"index": 0}
    name = "texture" if textured else "vertex colors"
    return {"name": name, "doubleSided": True, "pbrMetallicRoughness": surface}


def _accessor(view: int, component: int, count: int, shape: str) -> dict[str, Any]:
    return {"bufferView": view, "componentType": component, "count": count, "type": shape}


def _view(start: int, size: int, target: int) -> dict[str, Any]:
    return {"buffer": 0, "byteOffset": start, "byteLength": size, "target": target}


def _container(document: dict[str, Any], binary: bytes) -> bytes:
    """Header, then the JSON chunk padded with spaces, then the binary chunk padded with zeros."""
    text = json.dumps(document, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 4)
    binary += b"\0" * (-len(binary) % 4)
    total = 12 + 8 + len(text) + 8 + len(binary)
    return b"".join(
        (
            struct.pack("<4sII", b"glTF", 2, total),
            struct.pack("<I4s", len(text), b"JSON"), text,
            struct.pack("<I4s", len(binary), b"BIN\0"), binary,
        )
    )  # fmt: skip
