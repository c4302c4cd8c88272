import numpy as np
import trimesh

from shapewright.dataset.inside import ENCLOSED, OPEN, SURFACE, SpaceGrid, decide_inside
from shapewright.geometry.mesh import TexturedMesh
from shapewright.geometry.raycast import Raycaster
from shapewright.geometry.signed_distance import nearest_surface, winding_number

QUERIES = np.random.default_rng(1).uniform(-0.95, 0.95, size=(3000, 3))


def solid(mesh: trimesh.Trimesh) -> TexturedMesh:
    return TexturedMesh(
        vertices=np.asarray(mesh.vertices),
        faces=np.asarray(mesh.faces, dtype=np.int64),
        face_materials=np.zeros(len(mesh.faces), dtype=np.int64),
    )


def inside(whole: TexturedMesh, visible: TexturedMesh, *, trust: bool) -> np.ndarray:
    near = nearest_surface(visible.vertices, visible.faces, QUERIES)
    winding = winding_number(whole.vertices, whole.faces, QUERIES)
    grid = SpaceGrid(whole)
    raycaster = Raycaster(whole.vertices, whole.faces)
    return decide_inside(grid, raycaster, QUERIES, near.points, winding, trust_winding=trust)


def box_without(*sides: int) -> TexturedMesh:
    """A box of half side 0.6 made of sheets, some sides missing (0: -x, 1: +x, ... 5: +z), badly oriented."""
    box = trimesh.creation.box((1.2, 1.2, 1.2))
    axis = np.abs(box.face_normals).argmax(axis=1)
    side = 2 * axis + (box.face_normals[np.arange(12), axis] > 0)
    mesh = solid(box).keep_faces(~np.isin(side, sides))
    flipped = mesh.faces.copy()
    flipped[::3] = flipped[::3, ::-1]  # the winding number is worthless now
    return TexturedMesh(vertices=mesh.vertices, faces=flipped, face_materials=mesh.face_materials)


def test_kinds_of_space():
    grid = SpaceGrid(solid(trimesh.creation.icosphere(subdivisions=4, radius=0.8)))
    points = np.array([[0, 0, 0], [0, 0, 0.8], [0.9, 0.9, 0.9], [1, 1, 1], [-1, -1, -1]])
    assert grid.at(points).tolist() == [ENCLOSED, SURFACE, OPEN, OPEN, OPEN]


def test_a_closed_box_is_solid_however_its_faces_turn():
    box = box_without()
    depth = 0.6 - np.abs(QUERIES).max(axis=1)
    # Within a voxel or two of an edge a probe from one side may still meet the other.
    clear = np.sort(np.abs(QUERIES), axis=1)[:, 1] < 0.56
    np.testing.assert_array_equal(inside(box, box, trust=False)[clear], depth[clear] > 0)


def test_a_box_without_floor_is_solid_where_its_winding_number_says_so():
    box = trimesh.creation.box((1.2, 1.2, 1.2))
    floor = box.face_normals[:, 2] < -0.5
    open_box = solid(box).keep_faces(~floor)
    found = inside(open_box, open_box, trust=False)
    depth = 0.6 - np.abs(QUERIES).max(axis=1)
    upper = (QUERIES[:, 2] > 0.0) & (np.sort(np.abs(QUERIES), axis=1)[:, 1] < 0.56)
    np.testing.assert_array_equal(found[upper], depth[upper] > 0)
    assert not found[depth < 0].any()


def test_an_open_box_is_hollow():
    box = box_without(5)
    assert not inside(box, box, trust=False).any()


def test_a_hidden_hollow_is_filled_and_its_walls_forgotten():
    shell = trimesh.creation.icosphere(subdivisions=4, radius=0.8)
    cavity, core = trimesh.creation.icosphere(radius=0.6), trimesh.creation.box((0.5, 0.5, 0.5))
    cavity.invert()
    whole = solid(trimesh.util.concatenate([shell, cavity, core]))
    visible = whole.keep_faces(np.arange(len(whole.faces)) < len(shell.faces))
    radius = np.linalg.norm(QUERIES, axis=1)
    for trust in (True, False):
        found = inside(whole, visible, trust=trust)
        clear = np.abs(radius - 0.8) > 0.005  # the ball is a polyhedron
        np.testing.assert_array_equal(found[clear], radius[clear] < 0.8)


def test_a_rod_thinner_than_a_voxel_is_inside_by_its_winding_number():
    rod = solid(trimesh.creation.cylinder(0.006, 1.8, sections=12))
    near = nearest_surface(rod.vertices, rod.faces, np.zeros((1, 3)) + 1e-4)
    grid = SpaceGrid(rod)
    raycaster = Raycaster(rod.vertices, rod.faces)
    query = np.full((1, 3), 1e-4)
    found = decide_inside(grid, raycaster, query, near.points, np.ones(1), trust_winding=True)
    assert found.tolist() == [True]
