import numpy as np
import pytest

from shapewright.geometry.cameras import Camera, look_at
from shapewright.render.antialiasing import antialiased, spread, supersampled
from shapewright.render.studio import Studio
from solids import cube_mesh

CAMERA = look_at(np.array([1.5, -3.5, 1.5]), np.zeros(3), size_px=48)
CUBE = Studio(cube_mesh(colors=np.random.default_rng(0).random((8, 3)).astype(np.float32)))


def seen(origins: np.ndarray, directions: np.ndarray) -> np.ndarray:
    return CUBE.seen(origins, directions, CAMERA)


def test_as_smooth_as_with_all_rays_everywhere_for_a_part_of_them() -> None:
    cast = 0

    def counted(origins: np.ndarray, directions: np.ndarray) -> np.ndarray:
        nonlocal cast
        cast += len(origins)
        return seen(origins, directions)

    fast, full = antialiased(counted, CAMERA), supersampled(seen, CAMERA)
    assert cast < 0.5 * 16 * 48 * 48
    # where one ray is cast, colours change by less than 0.03 to the next pixel
    assert np.abs(fast - full).max() < 0.03
    edges = (full[..., 3] > 0) & (full[..., 3] < 1)
    assert edges.sum() > 50
    np.testing.assert_array_equal(fast[edges], full[edges])
    rough = antialiased(seen, CAMERA, samples=1)
    assert np.abs(rough - full).max() > 0.3


def test_an_upright_edge_gets_as_many_steps_as_rays() -> None:
    points = spread(16)
    for axis in (0, 1):
        np.testing.assert_allclose(np.sort(points[:, axis]), (np.arange(16) + 0.5) / 16 - 0.5)


def test_edges_keep_their_colour_and_match_the_background_that_browsers_lay_under() -> None:
    clear = antialiased(seen, CAMERA)
    blue = (0.1, 0.2, 0.9)
    opaque = antialiased(seen, CAMERA, background=blue)
    alpha = clear[..., 3:]
    np.testing.assert_allclose(opaque[..., :3], clear[..., :3] * alpha + (1 - alpha) * blue, atol=1e-6)
    assert (opaque[..., 3] == 1).all()
    assert opaque[0, 0, :3] == pytest.approx(blue)


def test_edges_are_not_darker_than_what_they_belong_to() -> None:
    def half(origins: np.ndarray, directions: np.ndarray) -> np.ndarray:
        return np.where(directions[:, :1] > 0.001, np.float32(1), np.float32(0)).repeat(4, axis=1)

    camera: Camera = look_at(np.array([0.0, -4.0, 0.0]), np.zeros(3), size_px=9)
    picture = antialiased(half, camera)
    partly = (picture[..., 3] > 0) & (picture[..., 3] < 1)
    assert partly.any()
    assert picture[partly][:, :3] == pytest.approx(1.0)
