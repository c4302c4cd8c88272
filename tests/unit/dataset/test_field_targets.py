import numpy as np
import pytest
import trimesh

from shapewright.dataset.field_targets import SHEET_THICKNESS, SOLID_THICKNESS, field_targets
from shapewright.dataset.points import visible_surface
from shapewright.geometry.mesh import Material, TexturedMesh
from shapewright.geometry.raycast import Raycaster

COUNT = 4000


def targets(mesh: trimesh.Trimesh):
    textured = TexturedMesh(
        vertices=np.asarray(mesh.vertices),
        faces=np.asarray(mesh.faces, dtype=np.int64),
        face_materials=np.zeros(len(mesh.faces), dtype=np.int64),
        materials=(Material(diffuse=(1.0, 0.5, 0.0)),),
    )
    rng = np.random.default_rng(0)
    raycaster = Raycaster(textured.vertices, textured.faces)
    surface = visible_surface(textured, raycaster, 2000, rng)
    return field_targets(textured, surface, raycaster, COUNT, rng)


@pytest.mark.parametrize("inverted", [False, True])
def test_a_ball_whichever_way_its_faces_turn(inverted):
    ball = trimesh.creation.icosphere(subdivisions=4, radius=0.8)
    if inverted:
        ball.invert()
    made = targets(ball)
    assert made.thickness == SOLID_THICKNESS
    assert made.ambiguous_share == 0
    radius = np.linalg.norm(made.queries, axis=1)
    # 2e-3: the ball is a polyhedron
    np.testing.assert_allclose(made.signed_distance, 0.8 - radius + SOLID_THICKNESS, atol=2e-3)
    outward = made.queries / np.maximum(radius, 1e-6)[:, None]
    agreement = np.einsum("nc,nc->n", made.normals / 127.0, outward)
    assert agreement[radius > 0.05].min() > 0.95
    np.testing.assert_array_equal(made.colors, np.tile([255, 128, 0], (COUNT, 1)))


def test_an_open_sheet_gets_thickness_on_both_sides():
    sheet = trimesh.Trimesh(
        [[-0.9, -0.9, 0], [0.9, -0.9, 0], [0.9, 0.9, 0], [-0.9, 0.9, 0]], [[0, 1, 2], [0, 2, 3]]
    )
    made = targets(sheet)
    assert made.thickness == SHEET_THICKNESS
    over = np.abs(made.queries[:, :2]).max(axis=1) < 0.9
    height = made.queries[over, 2]
    np.testing.assert_allclose(made.signed_distance[over], SHEET_THICKNESS - np.abs(height), atol=1e-5)
    facing = made.normals[over, 2] * np.sign(height)
    assert (facing[np.abs(height) > 1e-3] == 127).all(), "normals face the query"


def test_what_is_hidden_plays_no_part():
    shell, core = (
        trimesh.creation.icosphere(subdivisions=4, radius=0.8),
        trimesh.creation.icosphere(radius=0.4),
    )
    made = targets(trimesh.util.concatenate([shell, core]))
    radius = np.linalg.norm(made.queries, axis=1)
    np.testing.assert_allclose(made.signed_distance, 0.8 - radius + SOLID_THICKNESS, atol=2e-3)


def test_rods_get_the_thickness_of_sheets():
    assert targets(trimesh.creation.cylinder(0.01, 1.8)).thickness == SHEET_THICKNESS
    assert targets(trimesh.creation.box((1.8, 1.0, 0.3))).thickness == SOLID_THICKNESS


def test_queries_are_spread_as_said_and_any_slice_is_fair():
    made = targets(trimesh.creation.icosphere(radius=0.5))
    near = np.abs(np.linalg.norm(made.queries, axis=1) - 0.5) < 0.06
    assert 0.5 < near.mean() < 0.8
    assert abs(near[: COUNT // 2].mean() - near[COUNT // 2 :].mean()) < 0.05
    assert np.abs(made.queries).max() <= 1
    np.testing.assert_array_equal(made.queries, made.queries.astype(np.float16).astype(np.float32))
