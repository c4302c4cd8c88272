"""Which surfaces bound a volume."""

import numpy as np
import pytest

from shapewright.geometry.closedness import is_closed, open_edges, signed_volumes, welded
from solids import cube_mesh


def test_a_cube_is_closed_and_its_parts_are_not() -> None:
    faces = cube_mesh().faces
    assert is_closed(faces)
    assert is_closed(faces[:, ::-1])
    assert not is_closed(faces[:-1])
    assert not is_closed(faces[:0])
    turned = faces.copy()
    turned[0] = turned[0, ::-1]
    assert not is_closed(turned)
    assert not is_closed(np.concatenate([faces, faces]))


def test_open_edges_go_around_the_hole() -> None:
    cube = cube_mesh()
    assert len(open_edges(cube.faces)) == 0
    edges = open_edges(cube.faces[2:])  # without its first side
    assert len(edges) == 4
    assert set(edges[:, 0]) == set(edges[:, 1]) == {0, 1, 2, 3}


def test_volume_has_the_sign_of_the_orientation() -> None:
    cube = cube_mesh()
    assert signed_volumes(cube.vertices, cube.faces).sum() == pytest.approx(1.0)
    assert signed_volumes(cube.vertices + 5, cube.faces[:, ::-1]).sum() == pytest.approx(-1.0)


def test_corners_at_one_place_become_one() -> None:
    cube = cube_mesh()
    vertices, faces = welded(cube.vertices[cube.faces].reshape(-1, 3), np.arange(36).reshape(-1, 3))
    assert vertices.shape == (8, 3)
    assert is_closed(faces)
    vertices[faces[0, 0]] = vertices[faces[0, 1]]
    assert len(welded(vertices, faces)[1]) == 10
