import numpy as np
import trimesh

from shapewright.dataset.points import point_cloud, visible_faces, visible_surface
from shapewright.geometry.mesh import Material, TexturedMesh
from shapewright.geometry.raycast import Raycaster


def textured(*parts: trimesh.Trimesh, materials: tuple[Material, ...] | None = None) -> TexturedMesh:
    """One mesh of several parts, each with its own material."""
    joined = trimesh.util.concatenate(parts)
    owners = np.repeat(np.arange(len(parts)), [len(part.faces) for part in parts])
    return TexturedMesh(
        vertices=np.asarray(joined.vertices),
        faces=np.asarray(joined.faces, dtype=np.int64),
        face_materials=owners,
        materials=materials or tuple(Material() for _ in parts),
    )


def surface(mesh: TexturedMesh, count: int = 2000):
    return visible_surface(mesh, Raycaster(mesh.vertices, mesh.faces), count, np.random.default_rng(0))


def test_what_is_closed_in_is_left_out():
    shell, core = trimesh.creation.box((2, 2, 2)), trimesh.creation.icosphere(radius=0.5)
    points = surface(textured(shell, core)).positions
    assert np.abs(points).max(axis=1).min() > 0.99
    assert len(points) > 1500


def test_what_is_seen_through_an_opening_stays():
    shell, core = trimesh.creation.box((2, 2, 2)), trimesh.creation.icosphere(radius=0.5)
    shell.update_faces(shell.face_normals[:, 2] < 0.5)  # no lid
    points = surface(textured(shell, core)).positions
    assert (np.linalg.norm(points, axis=1) < 0.6).sum() > 50


def test_visible_faces_of_nested_boxes():
    shell, core = trimesh.creation.box((2, 2, 2)), trimesh.creation.box()
    mesh = textured(shell, core)
    raycaster = Raycaster(mesh.vertices, mesh.faces)
    seen = visible_faces(mesh, surface(mesh), raycaster, np.random.default_rng(0))
    assert seen.tolist() == [True] * 12 + [False] * 12


def test_colours_follow_their_faces():
    left, right = trimesh.creation.box(), trimesh.creation.box()
    right.apply_translation((3, 0, 0))
    colors = (Material(diffuse=(1, 0, 0)), Material(diffuse=(0, 0, 1)))
    points = surface(textured(left, right, materials=colors))
    blue = points.positions[:, 0] > 1.5
    np.testing.assert_allclose(points.colors[blue], np.tile([0, 0, 1], (blue.sum(), 1)))
    np.testing.assert_allclose(points.colors[~blue], np.tile([1, 0, 0], ((~blue).sum(), 1)))


def test_point_cloud_is_in_farthest_point_order_and_always_full():
    points = surface(textured(trimesh.creation.icosphere()), 500)
    cloud = point_cloud(points, 64)
    gaps = np.linalg.norm(cloud.positions[:, None] - cloud.positions[None], axis=-1) + 9 * np.eye(64)
    assert gaps[:8, :8].min() > gaps.min(), "a prefix is more spread out than the whole"
    assert len(point_cloud(points, 2000).positions) == 2000
