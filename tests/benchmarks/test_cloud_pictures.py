"""Pictures of point clouds, against the renderers' own cameras."""

import numpy as np

from benchmarks.scripts import script
from shapewright.geometry.cameras import turntable

PICTURES = script("cloud_pictures")


def test_points_stand_where_the_rays_of_their_pixels_go() -> None:
    camera = turntable(8, size_px=33)[1]
    origins, directions = camera.rays()
    rows, columns = np.array([0, 16, 30]), np.array([5, 16, 2])
    points = (origins + 3 * directions)[rows, columns]
    places, depths = PICTURES.projected(camera, points)
    np.testing.assert_allclose(places, np.stack([columns, rows], axis=1), atol=1e-3)
    assert (depths > 0).all()


def test_near_points_cover_far_ones() -> None:
    camera = turntable(8, size_px=32)[1]
    line = camera.origin + np.array([[1.5], [3.0]]) * camera.z
    colors = np.array([[1.0, 0, 0], [0, 0, 1.0]])
    middle = PICTURES.cloud_picture(np.concatenate([line, colors], axis=1), size_px=32, radius=0.3)[16, 16]
    np.testing.assert_allclose(middle, [1, 0, 0], atol=0.02)


def test_no_cloud_is_a_white_picture() -> None:
    assert (PICTURES.cloud_picture(np.zeros((4, 6)), size_px=16) == 1).all()
