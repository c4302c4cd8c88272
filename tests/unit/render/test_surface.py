import numpy as np
import pytest
import torch
from scipy.spatial import cKDTree

from shapewright.errors import ConfigError, EmptySurfaceError
from shapewright.geometry.mesh import vertex_normals
from shapewright.render.surface import extract_mesh, signed_distance_grid
from unit.render.solids import WEIGHTS, Solid, box, sphere, union


def test_a_sphere_lies_where_the_field_says_with_the_fields_colours() -> None:
    mesh = extract_mesh(Solid(sphere(0.6)), WEIGHTS, resolution=48)
    assert np.linalg.norm(mesh.vertices, axis=-1) == pytest.approx(0.6, abs=2e-3)
    assert mesh.vertex_colors is not None
    assert mesh.vertex_colors == pytest.approx(1 / (1 + np.exp(-2 * mesh.vertices)), abs=1e-5)
    assert mesh.vertices.dtype == mesh.vertex_colors.dtype == np.float32
    assert mesh.faces.dtype == np.int64


def test_the_mesh_does_not_depend_on_how_its_grid_was_taken() -> None:
    field = Solid(union(box((0, 0, 0.1), (0.5, 0.4, 0.03)), sphere(0.2, (0.3, 0.2, -0.5))))
    fast = extract_mesh(field, WEIGHTS, resolution=64)
    asked = field.queried
    plain = extract_mesh(field, WEIGHTS, resolution=64, refine=False, points_at_once=1000)
    assert asked < (field.queried - asked) / 3
    assert np.array_equal(fast.faces, plain.faces)
    assert fast.vertices == pytest.approx(plain.vertices, abs=1e-5)


def test_a_surface_that_leaves_the_box_is_closed_there() -> None:
    mesh = extract_mesh(Solid(sphere(1.2)), WEIGHTS, resolution=32)
    voxel = 2 / 31
    assert np.abs(mesh.vertices).max() <= 1 + voxel
    edges = np.sort(
        np.concatenate([mesh.faces[:, [0, 1]], mesh.faces[:, [1, 2]], mesh.faces[:, [2, 0]]]), axis=1
    )
    assert np.all(np.unique(edges, axis=0, return_counts=True)[1] == 2)


def test_squeezing_the_border_scales_the_mesh_as_the_reference_does() -> None:
    field = Solid(sphere(0.6))
    mesh = extract_mesh(field, WEIGHTS, resolution=32)
    squeezed = extract_mesh(field, WEIGHTS, resolution=32, as_published=True)
    # the same vertices in another order
    distance, nearest = cKDTree(squeezed.vertices).query(mesh.vertices * 31 / 33)
    assert distance.max() < 1e-6
    assert len(set(nearest)) == len(squeezed.vertices)


def test_an_empty_field_is_an_error_that_says_what_to_do() -> None:
    with pytest.raises(EmptySurfaceError, match="try another seed"):
        extract_mesh(Solid(sphere(-0.2)), WEIGHTS, resolution=16)


def test_a_grid_too_small_is_refused() -> None:
    with pytest.raises(ConfigError, match="at least 8"):
        signed_distance_grid(Solid(sphere(0.5)), WEIGHTS, 4)


def test_the_grid_holds_the_squashed_distance_at_both_ends_of_the_box() -> None:
    grid = signed_distance_grid(Solid(sphere(0.5)), WEIGHTS, 9, refine=False)
    assert grid[0, 0, 0] == pytest.approx(float(np.tanh((0.5 - 3**0.5) / 0.1)), abs=1e-6)
    assert grid[4, 4, 4] == pytest.approx(float(np.tanh(5)), abs=1e-6)
    assert grid[6, 4, 4] == pytest.approx(0, abs=1e-6)
    assert not grid.requires_grad


def test_vertex_normals_point_outwards() -> None:
    mesh = extract_mesh(Solid(sphere(0.6)), WEIGHTS, resolution=48)
    normals = vertex_normals(mesh.vertices, mesh.faces)
    assert np.linalg.norm(normals, axis=-1) == pytest.approx(1, abs=1e-5)
    assert np.einsum("nc,nc->n", normals, mesh.vertices / 0.6).min() > 0.95


def test_a_vertex_without_a_face_has_some_unit_normal() -> None:
    vertices = np.array([[0, 0, 0], [1, 0, 0], [0, 1, 0], [5, 5, 5]], dtype=np.float32)
    normals = vertex_normals(vertices, np.array([[0, 2, 1]]))
    assert normals == pytest.approx(np.array([[0, 0, -1], [0, 0, -1], [0, 0, -1], [0, 0, 1]]))


def test_torch_inference_state_is_left_alone() -> None:
    extract_mesh(Solid(sphere(0.5)), WEIGHTS, resolution=16)
    assert torch.is_grad_enabled()
