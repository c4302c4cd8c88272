import numpy as np

from shapewright.geometry.raycast import Raycaster

VERTICES = np.array([[-1, -1, 0], [1, -1, 0], [0, 1, 0]], dtype=np.float32)


def test_hits_and_misses():
    hits = Raycaster(VERTICES, np.array([[0, 1, 2]])).cast(
        np.array([[0, 0, 2], [0, 0, -2], [5, 5, 2]]), np.array([[0, 0, -1], [0, 0, 1], [0, 0, -1]])
    )
    np.testing.assert_array_equal(hits.face_index, [0, 0, -1])
    np.testing.assert_allclose(hits.distance, [2, 2, np.inf])
    np.testing.assert_allclose(hits.barycentric[0] @ VERTICES, [0, 0, 0], atol=1e-6)


def test_no_rays_are_no_error():
    hits = Raycaster(VERTICES, np.array([[0, 1, 2]])).cast(np.zeros((0, 3)), np.zeros((0, 3)))
    assert len(hits.face_index) == 0
