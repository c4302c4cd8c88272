import numpy as np
import pytest

from shapewright.geometry.marching_cubes import marching_cubes, published_marching_cubes


def grid_positions(resolution: int) -> np.ndarray:
    axis = np.linspace(-1, 1, resolution, dtype=np.float32)
    return np.stack(np.meshgrid(axis, axis, axis, indexing="ij"), axis=-1)


def sphere(resolution: int, radius: float = 0.6) -> np.ndarray:
    return radius - np.linalg.norm(grid_positions(resolution), axis=-1)


def volume(vertices: np.ndarray, faces: np.ndarray) -> float:
    a, b, c = np.moveaxis(vertices[faces].astype(np.float64), 1, 0)
    return float(np.einsum("nc,nc->n", np.cross(a, b), c).sum() / 6)


def edge_counts(faces: np.ndarray) -> np.ndarray:
    edges = np.sort(np.concatenate([faces[:, [0, 1]], faces[:, [1, 2]], faces[:, [2, 0]]]), axis=1)
    return np.unique(edges, axis=0, return_counts=True)[1]


def test_a_sphere_has_its_volume_outward_normals_and_no_holes() -> None:
    vertices, faces = marching_cubes(sphere(48))
    world = vertices * 2 / 47 - 1
    # 48^3 inscribes the sphere in a polyhedron: a little less than its volume
    assert volume(world, faces) == pytest.approx(4 / 3 * np.pi * 0.6**3, rel=0.005)
    assert np.all(edge_counts(faces) == 2)
    assert np.abs(np.linalg.norm(world, axis=-1) - 0.6).max() < 1e-3


def test_vertices_lie_on_grid_edges() -> None:
    vertices, _ = marching_cubes(sphere(16))
    distance_to_node = np.sort(np.abs(vertices - np.round(vertices)), axis=-1)
    assert distance_to_node[:, :2].max() < 1e-5


def test_noise_within_a_negative_border_gives_a_closed_surface() -> None:
    values = np.random.default_rng(0).normal(size=(6, 7, 8)).astype(np.float32)
    vertices, faces = marching_cubes(np.pad(values, 1, constant_values=-1))
    assert volume(vertices, faces) > 0
    assert np.all(edge_counts(faces) % 2 == 0)


def test_linear_fields_are_met_exactly_in_a_box_of_unequal_sides() -> None:
    x = np.broadcast_to(np.arange(5, dtype=np.float32)[:, None, None], (5, 4, 3))
    vertices, _ = marching_cubes(1.25 - x)
    assert vertices[:, 0] == pytest.approx(1.25, abs=1e-5)
    assert vertices.max(axis=0) == pytest.approx([1.25, 3, 2], abs=1e-5)


@pytest.mark.parametrize("value", [-1.0, 0.0, 1.0])
def test_nothing_crossed_gives_an_empty_mesh(value: float) -> None:
    vertices, faces = marching_cubes(np.full((4, 4, 4), value, dtype=np.float32))
    assert vertices.shape == (0, 3)
    assert faces.shape == (0, 3)


def test_samples_of_exactly_zero_give_no_triangles_without_area() -> None:
    positions = grid_positions(9)
    values = 0.5 - np.abs(positions).max(axis=-1)  # the sides of this cube pass through grid nodes
    vertices, faces = marching_cubes(values)
    a, b, c = np.moveaxis(vertices[faces], 1, 0)
    assert np.linalg.norm(np.cross(b - a, c - a), axis=-1).min() > 0
    assert np.all(edge_counts(faces) == 2)


def test_the_published_joining_has_the_same_vertices_and_no_holes() -> None:
    values = np.random.default_rng(0).normal(size=(6, 7, 8)).astype(np.float32)
    values = np.pad(values, 1, constant_values=-1)
    vertices, faces = published_marching_cubes(values)
    others, _ = marching_cubes(values)
    on_edges = others[np.sort(np.abs(others - np.round(others)), axis=-1)[:, 1] < 1e-5]
    assert len(vertices) == len(on_edges)  # beyond these, the library puts some inside cells
    order, other_order = (np.lexsort(np.round(v, 3).T) for v in (vertices, on_edges))
    np.testing.assert_allclose(vertices[order], on_edges[other_order], atol=1e-4)
    assert np.all(edge_counts(faces) % 2 == 0)
    assert volume(vertices, faces) > 0


def test_a_sphere_is_the_same_both_ways() -> None:
    world, published = (find(sphere(24)) for find in (marching_cubes, published_marching_cubes))
    assert len(world[1]) == len(published[1])
    # quads, which are not flat, are cut along other diagonals
    assert volume(*published) == pytest.approx(volume(*world), rel=1e-3)
    assert np.all(edge_counts(published[1]) == 2)


def test_nothing_crossed_is_empty_when_published_too() -> None:
    vertices, faces = published_marching_cubes(np.full((4, 4, 4), -1.0, dtype=np.float32))
    assert vertices.shape == (0, 3)
    assert faces.shape == (0, 3)
