import math

import numpy as np
import pytest

from shapewright.geometry.cameras import look_at
from shapewright.geometry.light import shade
from shapewright.geometry.mesh import Mesh
from shapewright.render.shading import MeshRenderer, render_mesh
from shapewright.render.surface import extract_mesh
from unit.render.solids import WEIGHTS, Solid, sphere


def square(color: tuple[float, float, float] | None) -> Mesh:
    """The square [-0.5, 0.5]^2 at y = 0, facing -y."""
    corners = [(-0.5, 0, -0.5), (0.5, 0, -0.5), (0.5, 0, 0.5), (-0.5, 0, 0.5)]
    return Mesh(
        vertices=np.array(corners, dtype=np.float32),
        faces=np.array([[0, 1, 2], [0, 2, 3]]),
        vertex_colors=None if color is None else np.tile(np.float32(color), (4, 1)),
    )


CAMERA = look_at(np.array([0.0, -2.0, 0.0]), np.zeros(3), size_px=33, fov_rad=2 * math.atan(0.5))


def test_a_flat_colour_is_lit_by_the_reference_light() -> None:
    picture = render_mesh(square((1.0, 0.5, 0.25)), CAMERA)
    expected = shade(np.array([[1.0, 0.5, 0.25]]), np.array([[0.0, -1.0, 0.0]]))[0]
    assert picture[16, 16] == pytest.approx([*expected, 1.0], abs=1e-4)
    assert picture.shape == (33, 33, 4)
    assert picture.dtype == np.float32


def test_both_sides_are_lit_alike() -> None:
    behind = look_at(np.array([0.0, 2.0, 0.0]), np.zeros(3), size_px=9)
    front = look_at(np.array([0.0, -2.0, 0.0]), np.zeros(3), size_px=9)
    mesh = square((0.2, 0.9, 0.4))
    assert render_mesh(mesh, behind)[4, 4] == pytest.approx(render_mesh(mesh, front)[4, 4], abs=1e-5)


def test_a_mesh_without_colours_is_grey() -> None:
    red, green, blue, alpha = render_mesh(square(None), CAMERA)[16, 16]
    assert red == green == blue
    assert alpha == 1


def test_edges_are_antialiased_and_the_background_is_transparent_or_given() -> None:
    mesh = square((1.0, 1.0, 1.0))
    plain = render_mesh(mesh, CAMERA, supersample=1)
    smooth = render_mesh(mesh, CAMERA, supersample=4)
    assert set(np.unique(plain[..., 3])) == {0, 1}
    assert len(np.unique(smooth[..., 3])) > 2
    # the square spans half of the view: pixels 8 to 24 of 33, whose middles reach from -1 to 1
    assert smooth[..., 3].sum() == pytest.approx(16 * 16, rel=0.02)
    blue = render_mesh(mesh, CAMERA, background=(0.0, 0.0, 1.0))
    assert blue[0, 0] == pytest.approx([0, 0, 1, 1])
    # straight alpha: the half-covered pixels of the transparent picture keep the square's own colour
    edge = (smooth[..., 3] > 0) & (smooth[..., 3] < 1)
    assert smooth[edge][:, :3] == pytest.approx(np.tile(smooth[16, 16, :3], (edge.sum(), 1)), abs=1e-5)


def test_up_is_up_and_left_is_left() -> None:
    mesh = square((1.0, 1.0, 1.0))
    colors = np.array([(1, 0, 0), (0, 1, 0), (0, 0, 1), (1, 1, 1)], dtype=np.float32)
    picture = render_mesh(Mesh(vertices=mesh.vertices, faces=mesh.faces, vertex_colors=colors), CAMERA)
    # seen from -y, +x is to the right
    assert picture[23, 9, :3].argmax() == 0
    assert picture[23, 23, :3].argmax() == 1
    assert picture[9, 23, :3].argmax() == 2
    assert picture[9, 9, :3].min() > 0.5


def test_a_sphere_looks_round_with_smooth_light() -> None:
    mesh = extract_mesh(Solid(sphere(0.6)), WEIGHTS, resolution=32)
    renderer = MeshRenderer(mesh)
    picture = renderer.render(CAMERA)
    assert np.array_equal(picture, renderer.render(CAMERA))
    assert np.array_equal(picture, render_mesh(mesh, CAMERA))
    inside = picture[12:21, 12:21, :3]
    assert np.abs(np.diff(inside, axis=0)).max() < 0.1
