"""Fewer triangles, the same outline."""

from dataclasses import replace

import numpy as np
import pytest

from shapewright.errors import ConfigError
from shapewright.geometry.closedness import is_closed, signed_volumes
from shapewright.geometry.mesh import Mesh
from shapewright.geometry.sampling import interpolate, sample_surface
from shapewright.geometry.signed_distance import nearest_surface
from shapewright.geometry.simplify import simplify
from solids import grid_mesh
from unit.geometry.shapes import CHAIR, Solid, ball, box, surface_of

CELL = 2 / 39


def farthest(one: Mesh, other: Mesh) -> float:
    """The largest distance of points on one surface to the other."""
    places = sample_surface(one.vertices, one.faces, 5000, np.random.default_rng(0))
    points = interpolate(one.vertices, one.faces, *places)
    return float(nearest_surface(other.vertices, other.faces, points).distance.max())


@pytest.mark.parametrize(
    ("solid", "faces"),
    [(ball(0.7), 600), (box((0.7, 0.5, 0.3)), 100), (CHAIR, 600)],
    ids=["ball", "box", "chair"],
)
def test_the_surface_stays_where_it_is(solid: Solid, faces: int) -> None:
    mesh = surface_of(solid)
    assert len(mesh.faces) > 5 * faces
    light = simplify(mesh, faces)
    assert faces - 2 <= len(light.faces) <= faces
    assert is_closed(light.faces)
    # outlines are kept to a third of the grid's cells, both ways: nothing is lost, nothing sticks out
    assert farthest(light, mesh) < CELL / 3
    assert farthest(mesh, light) < CELL / 3
    volume, before = (signed_volumes(m.vertices, m.faces).sum() for m in (light, mesh))
    assert volume == pytest.approx(before, rel=0.02)  # positive: normals still point outwards


def test_colours_are_those_of_the_place() -> None:
    light = simplify(surface_of(CHAIR), 400)
    assert light.vertex_colors is not None
    assert light.vertex_colors.dtype == np.float32
    np.testing.assert_allclose(light.vertex_colors, (light.vertices + 1) / 2, atol=CELL / 2)
    assert simplify(replace(surface_of(CHAIR), vertex_colors=None), 400).vertex_colors is None


def test_every_vertex_is_needed() -> None:
    light = simplify(surface_of(ball(0.5)), 200)
    assert np.array_equal(np.unique(light.faces), np.arange(len(light.vertices)))


def test_a_light_surface_is_left_alone() -> None:
    mesh = surface_of(ball(0.5), 12)
    assert simplify(mesh, len(mesh.faces)) is mesh


def test_open_surfaces_are_simplified_too() -> None:
    light = simplify(grid_mesh(40), 300)
    assert 200 < len(light.faces) <= 300
    assert farthest(light, grid_mesh(40)) < 0.02


def test_a_number_that_no_surface_of_its_kind_has_is_refused() -> None:
    with pytest.raises(ConfigError, match="cannot be simplified to 6 faces"):
        simplify(surface_of(lambda points: np.maximum(ball(0.3)(points), ball(0.2, (0.7, 0, 0))(points))), 6)
