"""Flat layouts: nothing overlaps, nothing is lost, and scales are about equal."""

import numpy as np
import pytest

from shapewright.geometry.mesh import Mesh, face_areas_and_normals
from shapewright.geometry.uv_atlas import LEAST_FACING, face_charts, unwrap
from solids import cube_mesh, grid_mesh, prism_mesh

SIZE_PX = 512


def helix(turns: int = 3, steps: int = 40) -> Mesh:
    """A spiral ramp: all of it faces up, and its turns lie above each other."""
    angles = np.linspace(0, 2 * np.pi * turns, turns * steps)
    rim = np.column_stack([np.cos(angles), np.sin(angles), 0.1 * angles])
    vertices = np.concatenate([rim * [0.4, 0.4, 1], rim]).astype(np.float32)
    low = np.arange(len(angles) - 1)
    high = low + len(angles)
    faces = np.concatenate([np.stack([low, high, low + 1], 1), np.stack([low + 1, high, high + 1], 1)])
    return Mesh(vertices=vertices, faces=faces)


MESHES = {
    "cube": cube_mesh(),
    "sheet": grid_mesh(12),
    "prism": prism_mesh(24),
    "helix": helix(),
}


def cross(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    return a[:, 0] * b[:, 1] - a[:, 1] * b[:, 0]


def uv_areas(uvs: np.ndarray, faces: np.ndarray) -> np.ndarray:
    corners = uvs[faces].astype(np.float64)
    return np.abs(cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])) / 2


@pytest.mark.parametrize("name", MESHES)
def test_every_triangle_keeps_its_corners_and_lies_within_the_square(name):
    mesh = MESHES[name]
    atlas = unwrap(mesh.vertices, mesh.faces, size_px=SIZE_PX)
    np.testing.assert_array_equal(atlas.source[atlas.faces], mesh.faces)
    assert atlas.uvs.min() >= 1 / SIZE_PX - 1e-6  # off the border, where viewers that repeat would mix
    assert atlas.uvs.max() <= 1 - 1 / SIZE_PX + 1e-6


@pytest.mark.parametrize("name", MESHES)
def test_no_two_triangles_overlap(name):
    mesh = MESHES[name]
    atlas = unwrap(mesh.vertices, mesh.faces, size_px=SIZE_PX)
    rng = np.random.default_rng(0)
    corners = atlas.uvs[atlas.faces].astype(np.float64)
    inner = np.einsum("fnk,fkc->fnc", rng.dirichlet([2, 2, 2], (len(corners), 5)), corners).reshape(-1, 2)
    a, b, c = (corners[:, k, None] - inner[None] for k in range(3))
    parts = [
        left[..., 0] * right[..., 1] - left[..., 1] * right[..., 0]
        for left, right in ((b, c), (c, a), (a, b))
    ]
    slack = 1e-9  # the uvs are fp32: a neighbour may claim a sliver of this area
    covers = np.all([part > slack for part in parts], axis=0) | np.all(
        [part < -slack for part in parts], axis=0
    )
    assert covers.sum(axis=0).max() == 1


def test_a_spiral_is_cut_where_it_would_lie_on_itself():
    mesh = helix()
    charts, axes = face_charts(mesh.vertices, mesh.faces)
    assert 2 <= len(axes) <= 8
    assert set(axes[charts]) == {2}


@pytest.mark.parametrize("name", ["cube", "sheet", "prism"])
def test_scales_differ_no_more_than_the_facing_allows(name):
    mesh = MESHES[name]
    atlas = unwrap(mesh.vertices, mesh.faces, size_px=SIZE_PX)
    shares = uv_areas(atlas.uvs, atlas.faces) / face_areas_and_normals(mesh.vertices, mesh.faces)[0]
    # packing moves corners by part of a cell of its grid: some percent of charts this small
    assert shares.min() >= 0.8 * LEAST_FACING * shares.max()


def test_charts_are_apart_by_the_padding():
    mesh = cube_mesh()
    atlas = unwrap(mesh.vertices, mesh.faces, size_px=SIZE_PX, padding_px=4)
    charts, _ = face_charts(mesh.vertices, mesh.faces)
    boxes = [atlas.uvs[np.unique(atlas.faces[charts == chart])] for chart in range(6)]
    gaps = [
        np.maximum(a.min(0) - b.max(0), b.min(0) - a.max(0)).max() * SIZE_PX
        for i, a in enumerate(boxes)
        for b in boxes[i + 1 :]
    ]
    assert min(gaps) >= 3  # "about": the packed square is scaled to the texture


def test_triangles_without_an_area_lie_with_their_neighbours():
    cube = cube_mesh()
    a, b, _ = cube.faces[0]
    middle = (cube.vertices[a] + cube.vertices[b]) / 2
    vertices = np.concatenate([cube.vertices, middle[None]])
    faces = np.concatenate([cube.faces, [[a, b, len(cube.vertices)]]])
    atlas = unwrap(vertices, faces, size_px=SIZE_PX)
    edges = np.linalg.norm(np.roll(atlas.uvs[atlas.faces], 1, axis=1) - atlas.uvs[atlas.faces], axis=-1)
    assert edges[-1].max() <= edges[:-1].max() * 1.01
