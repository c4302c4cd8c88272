"""Broken surfaces that become volumes; other people's programs agree that they are."""

from dataclasses import replace

import manifold3d
import numpy as np
import pytest
import trimesh

from shapewright.errors import OutputError
from shapewright.geometry.mesh import Mesh
from shapewright.geometry.simplify import simplify
from shapewright.geometry.watertight import make_watertight
from solids import cube_mesh, grid_mesh, prism_mesh
from unit.geometry.shapes import CHAIR, ball, box, surface_of, union, without


def moved(mesh: Mesh, *by: float) -> Mesh:
    return replace(mesh, vertices=(mesh.vertices + np.array(by)).astype(np.float32))


def joined(*meshes: Mesh) -> Mesh:
    starts = np.cumsum([0, *(len(mesh.vertices) for mesh in meshes)])
    return Mesh(
        vertices=np.concatenate([mesh.vertices for mesh in meshes]),
        faces=np.concatenate([mesh.faces + start for mesh, start in zip(meshes, starts, strict=False)]),
    )


def turned(mesh: Mesh) -> Mesh:
    return replace(mesh, faces=mesh.faces[:, ::-1])


def soup(mesh: Mesh) -> Mesh:
    corners = mesh.vertices[mesh.faces].reshape(-1, 3)
    return Mesh(vertices=corners, faces=np.arange(len(corners)).reshape(-1, 3))


CUBE = cube_mesh()
LOOSE = replace(CUBE, faces=np.concatenate([CUBE.faces[:5, ::-1], CUBE.faces[5:]]))
PRISM = prism_mesh(9)  # for each side two faces, then one at either end
TUBE = replace(PRISM, faces=PRISM.faces.reshape(9, 4, 3)[:, :2].reshape(-1, 3))
BROKEN = {
    "whole": (CUBE, 1.0),
    "open box": (replace(CUBE, faces=CUBE.faces[2:]), 1.0),
    "one triangle missing": (replace(CUBE, faces=CUBE.faces[1:]), 1.0),
    "tube without ends": (TUBE, 9 / 8 * np.sin(2 * np.pi / 9)),
    "doubled faces": (replace(CUBE, faces=np.concatenate([CUBE.faces, CUBE.faces])), 1.0),
    "drawn from both sides": (replace(CUBE, faces=np.concatenate([CUBE.faces, CUBE.faces[:, ::-1]])), 1.0),
    "inside out": (turned(CUBE), 1.0),
    "some faces turned": (LOOSE, 1.0),
    "triangles apart": (soup(CUBE), 1.0),
    "overlapping": (joined(CUBE, moved(CUBE, 0.5, 0.25, 0.1)), 2 - 0.5 * 0.75 * 0.9),
    "overlapping, one inside out": (joined(CUBE, turned(moved(CUBE, 0.5, 0.25, 0.1))), 2 - 0.5 * 0.75 * 0.9),
    "one in the other": (joined(CUBE, cube_mesh(half_side=0.2)), 1.0),
    "apart": (joined(CUBE, moved(CUBE, 2, 0, 0)), 2.0),
    "hollow": (joined(CUBE, turned(cube_mesh(half_side=0.25))), 1 - 0.125),
    "hollow, inside out": (turned(joined(CUBE, turned(cube_mesh(half_side=0.25)))), 1 - 0.125),
    "hollow with a core": (
        joined(cube_mesh(half_side=0.1), CUBE, turned(cube_mesh(half_side=0.25))), 1 - 0.125 + 0.008
    ),
}  # fmt: skip


@pytest.mark.parametrize(("mesh", "volume"), BROKEN.values(), ids=BROKEN)
def test_broken_surfaces_become_volumes(mesh: Mesh, volume: float) -> None:
    made = make_watertight(mesh)
    check_closed(made)
    assert trimesh.Trimesh(made.vertices, made.faces).volume == pytest.approx(volume, rel=1e-5)


def check_closed(mesh: Mesh) -> None:
    """What readers of STL files make of it: vertices at one place are one."""
    read = trimesh.Trimesh(
        mesh.vertices[mesh.faces].reshape(-1, 3), np.arange(mesh.faces.size).reshape(-1, 3)
    )
    assert read.is_watertight
    assert read.is_winding_consistent
    assert read.is_volume
    assert read.volume > 0
    theirs = manifold3d.Mesh(np.asarray(mesh.vertices, np.float32), np.asarray(mesh.faces, np.uint32))
    solid = manifold3d.Manifold(theirs)
    assert solid.status() == manifold3d.Error.NoError
    assert solid.volume() == pytest.approx(read.volume, rel=1e-5)


@pytest.mark.parametrize("faces", [None, 300])
def test_surfaces_of_fields_are_volumes_before_and_after_simplification(faces: int | None) -> None:
    hollow = without(ball(0.3, (-0.5, -0.5, 0.6)), ball(0.15, (-0.5, -0.5, 0.6)))
    mesh = surface_of(union(CHAIR, hollow, box((0.1, 0.1, 0.1), (0.8, 0.8, 0.8))))
    made = make_watertight(mesh if faces is None else simplify(mesh, faces))
    check_closed(made)
    assert len(made.faces) == len(mesh.faces) if faces is None else len(made.faces) <= faces
    assert made.vertex_colors is not None
    np.testing.assert_allclose(made.vertex_colors, (made.vertices + 1) / 2, atol=0.03)


FIN = joined(CUBE, Mesh(vertices=np.array([[0.5, 0.5, 0.5], [0.5, 0.5, -0.5], [2, 2, 0]], np.float32),
                        faces=np.array([[0, 1, 2]])))  # fmt: skip


@pytest.mark.parametrize("mesh", [FIN, grid_mesh(2), replace(CUBE, faces=CUBE.faces[:1])])
def test_what_bounds_no_volume_is_refused(mesh: Mesh) -> None:
    with pytest.raises(OutputError, match="cannot be made watertight"):
        make_watertight(mesh)
