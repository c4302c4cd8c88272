"""Triangle meshes: the plain coloured one we make, and the textured one that asset files hold."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import numpy as np

__all__ = [
    "ROUGHNESS",
    "Material",
    "Mesh",
    "Texture",
    "TexturedMesh",
    "face_areas_and_normals",
    "vertex_normals",
]

ROUGHNESS = 0.9  # of the matt materials in the files that we write


@dataclass(frozen=True, kw_only=True)
class Texture:
    """A picture on a mesh: where each of the mesh's faces lies in it."""

    image: np.ndarray  # (h, w, 3) uint8 sRGB, first row at the top (v = 1)
    uvs: np.ndarray  # (T, 2) float32 in [0, 1], v upwards
    source: np.ndarray  # (T,) int64, the mesh's vertex that each of them stands for
    faces: np.ndarray  # (F, 3) int64, into `uvs`, in the order of the mesh's faces


@dataclass(frozen=True, kw_only=True)
class Mesh:
    """Triangles with optional sRGB vertex colours, and a texture that shows them in more detail."""

    vertices: np.ndarray  # (V, 3) float32
    faces: np.ndarray  # (F, 3) int64
    vertex_colors: np.ndarray | None = None  # (V, 3) float32, sRGB in [0, 1]
    texture: Texture | None = None


@dataclass(frozen=True, kw_only=True)
class Material:
    """A diffuse material. A texture replaces the diffuse colour; readers multiply beforehand if need be."""

    diffuse: tuple[float, float, float] = (0.8, 0.8, 0.8)  # sRGB in [0, 1]
    alpha: float = 1.0
    texture: np.ndarray | None = None  # (h, w, 4) uint8 sRGB, first row at the top (v = 1)
    name: str = ""
    texture_name: str = ""  # base name of the texture's file; often says what it shows, such as "oak.jpg"


@dataclass(frozen=True, kw_only=True)
class TexturedMesh:
    """Triangles with materials, texture coordinates and vertex colours, as asset files hold them."""

    vertices: np.ndarray  # (V, 3) float64
    faces: np.ndarray  # (F, 3) int64
    face_materials: np.ndarray  # (F,) int64, into `materials`
    materials: tuple[Material, ...] = field(default_factory=lambda: (Material(),))
    face_uvs: np.ndarray | None = None  # (F, 3, 2) float32
    vertex_colors: np.ndarray | None = None  # (V, 3) float32 sRGB in [0, 1]; multiplied with the material

    def surface_colors(self, face_index: np.ndarray, barycentric: np.ndarray) -> np.ndarray:
        """Colour and alpha (N, 4) float32 in [0, 1] at points on faces.

        `barycentric` (N, 3) weighs the corners of face `face_index` (N,).
        """
        material_index = self.face_materials[face_index]
        flat = np.array([(*m.diffuse, m.alpha) for m in self.materials], dtype=np.float32)
        rgba = flat[material_index]
        if self.face_uvs is not None:
            self._paint_textures(rgba, material_index, face_index, barycentric)
        if self.vertex_colors is not None:
            corners = self.vertex_colors[self.faces[face_index]]
            rgba[:, :3] *= np.einsum("nk,nkc->nc", barycentric, corners)
        return rgba

    def _paint_textures(
        self, rgba: np.ndarray, material_index: np.ndarray, face_index: np.ndarray, barycentric: np.ndarray
    ) -> None:
        assert self.face_uvs is not None
        for index in np.unique(material_index):
            material = self.materials[index]
            if material.texture is None:
                continue
            here = np.flatnonzero(material_index == index)
            uvs = np.einsum("nk,nkc->nc", barycentric[here], self.face_uvs[face_index[here]])
            texels = _bilinear(material.texture, uvs)
            rgba[here, :3] = texels[:, :3]
            rgba[here, 3] *= texels[:, 3]

    def transformed(self, matrix: np.ndarray, offset: np.ndarray | None = None) -> TexturedMesh:
        """The same surface with vertices moved to `matrix @ v + offset`."""
        vertices = self.vertices @ np.asarray(matrix, dtype=np.float64).T
        return replace(self, vertices=vertices if offset is None else vertices + offset)

    def keep_faces(self, mask: np.ndarray) -> TexturedMesh:
        """Only the faces where `mask` (F,) is true; vertices stay."""
        return replace(
            self,
            faces=self.faces[mask],
            face_materials=self.face_materials[mask],
            face_uvs=None if self.face_uvs is None else self.face_uvs[mask],
        )


def face_areas_and_normals(vertices: np.ndarray, faces: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Areas (F,) and unit normals (F, 3), float64, counter-clockwise; degenerate faces get a zero normal."""
    corners = vertices[faces].astype(np.float64)
    cross = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
    length = np.linalg.norm(cross, axis=-1)
    return length / 2.0, cross / np.maximum(length, 1e-300)[:, None]


def vertex_normals(vertices: np.ndarray, faces: np.ndarray) -> np.ndarray:
    """Unit normals (V, 3) float32: means of the adjacent faces' normals, weighted by area.

    A vertex of no face with an area gets (0, 0, 1).
    """
    areas, face_normals = face_areas_and_normals(vertices, faces)
    weighted = np.repeat(face_normals * areas[:, None], 3, axis=0)
    index = faces.reshape(-1)
    sums = [np.bincount(index, weighted[:, axis], minlength=len(vertices)) for axis in range(3)]
    normals = np.stack(sums, axis=-1)
    length = np.linalg.norm(normals, axis=-1, keepdims=True)
    return np.where(length > 1e-20, normals / np.maximum(length, 1e-20), (0.0, 0.0, 1.0)).astype(np.float32)


def _bilinear(texture: np.ndarray, uvs: np.ndarray) -> np.ndarray:
    """Texels (N, 4) float32 in [0, 1] at `uvs` (N, 2), v upwards, repeating outside the unit square."""
    height, width = texture.shape[:2]
    x = np.nan_to_num(uvs[:, 0]) % 1.0 * width - 0.5
    y = (1.0 - np.nan_to_num(uvs[:, 1]) % 1.0) * height - 0.5
    x_low, y_low = np.floor(x).astype(np.int64), np.floor(y).astype(np.int64)
    x_part = (x - x_low).astype(np.float32)[:, None]
    y_part = (y - y_low).astype(np.float32)[:, None]
    flat = texture.reshape(-1, 4)
    x0, x1 = x_low % width, (x_low + 1) % width
    y0, y1 = (y_low % height) * width, ((y_low + 1) % height) * width
    top = flat[y0 + x0] * (1 - x_part) + flat[y0 + x1] * x_part
    bottom = flat[y1 + x0] * (1 - x_part) + flat[y1 + x1] * x_part
    return (top * (1 - y_part) + bottom * y_part) / np.float32(255.0)
