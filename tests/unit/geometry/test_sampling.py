import numpy as np

from shapewright.geometry.sampling import farthest_point_order, interpolate, sample_surface, surface_lattice

VERTICES = np.array([[0, 0, 0], [1, 0, 0], [0, 1, 0], [0, 0, 0], [3, 0, 1], [0, 3, 1]], dtype=float)
FACES = np.array([[0, 1, 2], [0, 0, 1], [3, 4, 5]])


def plain_order(points, count):
    order, nearest = [0], np.linalg.norm(points - points[0], axis=1)
    while len(order) < count:
        order.append(int(nearest.argmax()))
        nearest = np.minimum(nearest, np.linalg.norm(points - points[order[-1]], axis=1))
    return order


def test_samples_are_on_their_faces_in_proportion_to_area():
    face_index, barycentric = sample_surface(VERTICES, FACES, 10_000, np.random.default_rng(0))
    np.testing.assert_allclose(barycentric.sum(axis=1), 1, atol=1e-6)
    assert (barycentric >= 0).all()
    cross = np.cross(VERTICES[4] - VERTICES[3], VERTICES[5] - VERTICES[3])
    expected = 0.5 / (0.5 + np.linalg.norm(cross) / 2)
    # stratified: each face is off by one point at the most
    assert abs((face_index == 0).sum() - expected * 10_000) <= 1
    assert not (face_index == 1).any(), "a degenerate face has no area"
    points = interpolate(VERTICES, FACES, face_index, barycentric)
    np.testing.assert_allclose(points[face_index == 0][:, 2], 0, atol=1e-7)


def test_farthest_point_order_equals_the_plain_algorithm():
    points = np.random.default_rng(1).normal(size=(200, 3)).astype(np.float32)
    assert farthest_point_order(points, 50).tolist() == plain_order(points, 50)


def test_coincident_points_are_never_taken_twice():
    points = np.zeros((10, 3), dtype=np.float32)
    assert sorted(farthest_point_order(points, 10).tolist()) == list(range(10))


def test_a_lattice_leaves_no_part_of_a_face_uncovered():
    points = surface_lattice(VERTICES, FACES, 0.1)
    face_index, barycentric = sample_surface(VERTICES, FACES, 500, np.random.default_rng(0))
    samples = interpolate(VERTICES, FACES, face_index, barycentric)
    gaps = np.linalg.norm(samples[:, None] - points[None], axis=-1).min(axis=1)
    assert gaps.max() <= 0.1 / np.sqrt(2)
    assert len(points) < 10_000
