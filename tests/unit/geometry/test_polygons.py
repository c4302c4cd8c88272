import numpy as np
import pytest

from shapewright.geometry.mesh import face_areas_and_normals
from shapewright.geometry.polygons import triangulate

ARROW = np.array(
    [[0, 0, 0], [2, 0, 0], [2, 2, 0], [1, 0.5, 0], [0, 2, 0]], dtype=float
)  # concave at corner 3
LETTER_U = np.array(
    [[0, 0, 0], [3, 0, 0], [3, 3, 0], [2, 3, 0], [2, 1, 0], [1, 1, 0], [1, 3, 0], [0, 3, 0]], dtype=float
)


def area(points: np.ndarray) -> float:
    x, y = points[:, 0], points[:, 1]
    return 0.5 * abs(float(np.dot(x, np.roll(y, -1)) - np.dot(y, np.roll(x, -1))))


@pytest.mark.parametrize("polygon", [ARROW, LETTER_U, LETTER_U[::-1], np.roll(ARROW, 2, axis=0)])
def test_concave_polygons_are_covered_once(polygon):
    turned = polygon @ np.linalg.qr(np.random.default_rng(0).normal(size=(3, 3)))[0].T  # any plane
    faces, corners, polygons = triangulate(turned, np.arange(len(polygon)), np.array([len(polygon)]))
    assert len(faces) == len(polygon) - 2
    areas, normals = face_areas_and_normals(turned, faces)
    assert areas.sum() == pytest.approx(area(polygon))
    np.testing.assert_allclose(normals, np.tile(normals[0], (len(normals), 1)), atol=1e-6)
    np.testing.assert_array_equal(faces, corners)
    assert set(polygons) == {0}


def test_mixed_polygons_keep_track_of_corners_and_owners():
    corner_vertices = np.array([0, 1, 2, 0, 1, 2, 3, 4, 1, 2, 0, 1])
    counts = np.array([3, 5, 2, 2])
    faces, corners, polygons = triangulate(ARROW, corner_vertices, counts)
    np.testing.assert_array_equal(faces, corner_vertices[corners])
    assert sorted(polygons.tolist()) == [0, 1, 1, 1]


def test_broken_corners_and_flat_polygons_do_no_harm():
    line = np.array([[0, 0, 0], [1, 0, 0], [2, 0, 0], [1, 0, 0]], dtype=float)
    faces, _, _ = triangulate(line, np.array([0, 1, 2, 3, 0, -1, 2]), np.array([4, 3]))
    assert len(faces) == 2
