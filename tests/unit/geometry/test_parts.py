"""Parts that do not touch, and which of them go."""

from dataclasses import replace

import numpy as np
import pytest

from shapewright.geometry.closedness import is_closed, signed_volumes
from shapewright.geometry.mesh import Mesh
from shapewright.geometry.parts import find_parts, remove_specks
from solids import cube_mesh
from unit.geometry.shapes import ball, box, surface_of, union, without

TABLE = box((0.6, 0.6, 0.05), (0, 0, 0.5))
LEG = box((0.06, 0.06, 0.3), (0.4, 0.4, 0.0))  # does not reach the top
SPECK = ball(0.06, (0.8, -0.8, 0.8))
SHARE = 0.02


def volume(mesh: Mesh) -> float:
    return float(signed_volumes(mesh.vertices, mesh.faces).sum())


def test_specks_go_and_legs_stay() -> None:
    whole = surface_of(union(TABLE, LEG))
    found = remove_specks(surface_of(union(TABLE, LEG, SPECK)), SHARE)
    assert (found.removed, found.filled) == (1, 0)
    assert found.told() == ("Removed 1 small floating part (0.9% of the surface).",)
    np.testing.assert_array_equal(found.mesh.vertices, whole.vertices)
    np.testing.assert_array_equal(found.mesh.vertex_colors, whole.vertex_colors)
    assert is_closed(found.mesh.faces)


def test_nothing_small_changes_nothing() -> None:
    mesh = surface_of(union(TABLE, LEG))
    found = remove_specks(mesh, SHARE)
    assert found.mesh is mesh
    assert found.told() == ()
    assert remove_specks(surface_of(union(TABLE, SPECK)), 0.0).removed == 0


def test_the_largest_part_stays_however_small() -> None:
    small = [ball(0.1, (x, y, 0)) for x in (-0.6, 0, 0.6) for y in (-0.6, 0, 0.6)]
    found = remove_specks(surface_of(union(*small, ball(0.15, (0, 0, 0.8)))), 0.9)
    assert found.removed == 9
    assert found.mesh.vertices[:, 2].min() > 0.5
    assert "9 small floating parts" in found.told()[0]


def test_a_hollow_belongs_to_the_solid_around_it() -> None:
    shell = without(ball(0.5, (-0.4, 0, 0)), ball(0.4, (-0.4, 0, 0)))
    mesh = surface_of(union(shell, ball(0.2, (-0.4, 0, 0)), ball(0.3, (0.6, 0, 0))))
    parts = find_parts(mesh.vertices, mesh.faces)
    (hollow,) = np.flatnonzero(parts.is_hollow)
    assert parts.solid_of[hollow] == parts.areas.argmax()
    assert (parts.volumes < 0).sum() == 1
    assert remove_specks(mesh, 0.01).mesh is mesh  # a hollow of a good size is not a speck


def test_a_hollow_goes_with_its_solid() -> None:
    speck = without(ball(0.3, (0.6, 0.6, 0.6)), ball(0.2, (0.6, 0.6, 0.6)))
    body = box((0.9, 0.9, 0.4), (0, 0, -0.5))
    found = remove_specks(surface_of(union(body, speck)), 0.1)
    assert (found.removed, found.filled) == (1, 0)
    assert found.removed_share == pytest.approx(1.63 / (12.24 + 1.63), rel=0.05)  # 4 pi (0.3^2 + 0.2^2)
    assert len(find_parts(found.mesh.vertices, found.mesh.faces).areas) == 1


def test_small_hollows_are_filled() -> None:
    body = box((0.8, 0.8, 0.8))
    found = remove_specks(surface_of(without(body, ball(0.15))), SHARE)
    assert (found.removed, found.filled) == (0, 1)
    assert found.told() == ("Filled 1 small hollow inside.",)
    assert volume(found.mesh) == pytest.approx(volume(surface_of(body)))


def test_a_solid_turned_inside_out_is_no_hollow() -> None:
    mesh = surface_of(union(TABLE, SPECK))
    found = remove_specks(replace(mesh, faces=mesh.faces[:, ::-1]), SHARE)
    assert (found.removed, found.filled) == (1, 0)


def test_triangles_that_share_places_but_no_vertices_are_one_part() -> None:
    cube = cube_mesh()
    corners = cube.vertices[cube.faces].reshape(-1, 3)
    parts = find_parts(corners, np.arange(36).reshape(-1, 3))
    assert parts.areas == pytest.approx([6.0])
    assert parts.volumes == pytest.approx([1.0])
