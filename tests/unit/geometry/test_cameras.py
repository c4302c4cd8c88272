import math
from dataclasses import replace

import numpy as np
import pytest

from shapewright.geometry.cameras import STANDARD_ELEVATION_RAD, look_at, random_views, turntable


def test_standard_turntable_follows_the_reference():
    cameras = turntable(20, size_px=64)
    for index, camera in enumerate(cameras):
        azimuth = 2 * math.pi * index / 20
        forward = np.array([math.sin(azimuth), math.cos(azimuth), -0.5])
        forward /= np.linalg.norm(forward)
        np.testing.assert_allclose(camera.z, forward, atol=1e-6)
        np.testing.assert_allclose(camera.origin, -4 * forward, atol=1e-5)
        np.testing.assert_allclose(camera.x, [math.cos(azimuth), -math.sin(azimuth), 0], atol=1e-6)
        np.testing.assert_allclose(camera.y, np.cross(camera.z, camera.x), atol=1e-6)
        assert camera.fov_x_rad == camera.fov_y_rad == 0.7
    assert math.isclose(math.sin(STANDARD_ELEVATION_RAD), 0.5 / math.sqrt(1.25))


def test_last_turntable_frame_does_not_repeat_the_first():
    cameras = turntable(8, size_px=4)
    assert np.linalg.norm(cameras[0].z - cameras[-1].z) > 0.1


def test_rays_follow_the_pixel_convention():
    camera = turntable(1, size_px=5)[0]
    origins, directions = camera.rays()
    assert origins.shape == directions.shape == (5, 5, 3)
    np.testing.assert_allclose(np.linalg.norm(directions, axis=-1), 1, atol=1e-6)
    np.testing.assert_allclose(directions[2, 2], camera.z, atol=1e-6)
    corner = camera.z + math.tan(0.35) * (camera.x + camera.y)  # last pixel: right and down
    np.testing.assert_allclose(directions[4, 4], corner / np.linalg.norm(corner), atol=1e-6)
    assert directions[0, 2, 2] > directions[4, 2, 2], "the first row looks further up"


def test_offset_moves_rays_by_a_part_of_a_pixel():
    camera = turntable(1, size_px=5)[0]
    whole, moved = camera.rays()[1], camera.rays(offset_px=(1.0, 0.0))[1]
    np.testing.assert_allclose(moved[:, :-1], whole[:, 1:], atol=1e-6)


def test_one_pixel_looks_straight_ahead():
    camera = turntable(1, size_px=1)[0]
    np.testing.assert_allclose(camera.rays()[1][0, 0], camera.z, atol=1e-6)


@pytest.mark.parametrize("origin", [(0, 0, 3), (0, 0, -3), (3, 0, 0), (-1, 2, 0.5)])
def test_look_at_axes_are_orthonormal_and_right_handed(origin):
    camera = look_at(np.array(origin), np.zeros(3), size_px=8)
    axes = np.stack([camera.x, camera.y, camera.z])
    np.testing.assert_allclose(axes @ axes.T, np.eye(3), atol=1e-6)
    assert np.linalg.det(axes) == pytest.approx(1, abs=1e-5)
    assert camera.y[2] <= 1e-6, "y points down"


def test_random_views_surround_the_object_and_depend_on_the_seed_only():
    views = random_views(np.random.default_rng(3), 12, size_px=8)
    again = random_views(np.random.default_rng(3), 12, size_px=8)
    origins = np.stack([view.origin for view in views])
    np.testing.assert_array_equal(origins, np.stack([view.origin for view in again]))
    np.testing.assert_allclose(np.linalg.norm(origins, axis=-1), 4, atol=1e-5)
    assert (origins[:, 2] < 0).any(), "some look from below"
    assert (origins[:, 2] > 2).any(), "some look from above"
    azimuths = np.sort(np.arctan2(origins[:, 0], origins[:, 1]))
    assert np.diff(azimuths).max() < 2 * 2 * math.pi / 12 + 1e-6, "no gap wider than two strata"


def test_a_window_of_rays_is_a_part_of_all():
    camera = turntable(3, size_px=9)[1]
    window = (slice(2, 5), slice(4, 9))
    for some, every in zip(
        camera.rays(offset_px=(0.25, -0.25), window=window), camera.rays(offset_px=(0.25, -0.25)), strict=True
    ):
        np.testing.assert_array_equal(some, every[window])


def test_rays_through_some_pixels_are_those_of_the_whole_picture() -> None:
    camera = replace(turntable(3, size_px=7)[1], height_px=5, fov_y_rad=0.4)
    origins, directions = camera.rays()
    rows, columns = np.array([0, 4, 2, 2]), np.array([6, 0, 3, 3])
    some = camera.rays_through(rows, columns)
    assert np.array_equal(some[0], origins[rows, columns])
    assert np.array_equal(some[1], directions[rows, columns])


def test_a_shrunk_camera_looks_through_the_middles_of_the_blocks() -> None:
    camera = replace(turntable(1, size_px=12)[0], height_px=6, fov_y_rad=0.3)
    small = camera.shrunk(3)
    assert (small.width_px, small.height_px) == (4, 2)
    rows, columns = np.mgrid[0:2, 0:4]
    _, middles = camera.rays_through(3 * rows.ravel() + 1, 3 * columns.ravel() + 1)
    np.testing.assert_allclose(small.rays()[1].reshape(-1, 3), middles, atol=1e-6)
    # between pixels where the blocks have no middle one
    half = camera.shrunk(2)
    np.testing.assert_allclose(half.rays()[1], camera.rays(offset_px=(0.5, 0.5))[1][::2, ::2], atol=1e-6)
    assert camera.shrunk(1).fov_x_rad == pytest.approx(camera.fov_x_rad)
