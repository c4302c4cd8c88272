import numpy as np
import trimesh

from shapewright.geometry.signed_distance import nearest_surface, winding_number

BALL = trimesh.creation.icosphere(subdivisions=3, radius=0.5)
QUERIES = np.random.default_rng(0).uniform(-1, 1, size=(500, 3))


def test_distance_and_place_on_a_ball():
    near = nearest_surface(BALL.vertices, BALL.faces, QUERIES)
    radius = np.linalg.norm(QUERIES, axis=1)
    # the polyhedron lies up to 0.003 inside the sphere
    np.testing.assert_allclose(near.distance, np.abs(radius - 0.5), atol=4e-3)
    np.testing.assert_allclose(np.linalg.norm(QUERIES - near.points, axis=1), near.distance, atol=1e-9)
    corners = BALL.vertices[BALL.faces[near.face_index]]
    rebuilt = np.einsum("nk,nkc->nc", near.barycentric, corners)
    np.testing.assert_allclose(rebuilt, near.points, atol=1e-5)


def test_winding_number_tells_inside_from_outside_whatever_the_orientation():
    inside = np.linalg.norm(QUERIES, axis=1) < 0.49
    for faces in (BALL.faces, BALL.faces[:, ::-1]):
        winding = winding_number(BALL.vertices, faces, QUERIES)
        assert (np.abs(winding[inside]) > 0.5).all()
        assert (np.abs(winding[np.linalg.norm(QUERIES, axis=1) > 0.51]) < 0.5).all()
