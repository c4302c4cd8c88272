import numpy as np

from shapewright.geometry.mesh import Material, TexturedMesh, face_areas_and_normals, vertex_normals

SQUARE = np.array([[0, 0, 0], [1, 0, 0], [1, 1, 0], [0, 1, 0]], dtype=float)
TWO_FACES = np.array([[0, 1, 2], [0, 2, 3]])


def quadrants() -> np.ndarray:
    """Red at the top left, green top right, blue bottom left, white and transparent bottom right."""
    texture = np.zeros((8, 8, 4), dtype=np.uint8)
    texture[:4, :4] = (255, 0, 0, 255)
    texture[:4, 4:] = (0, 255, 0, 255)
    texture[4:, :4] = (0, 0, 255, 255)
    texture[4:, 4:] = (255, 255, 255, 0)
    return texture


def textured_square(**changes) -> TexturedMesh:
    parts = {
        "vertices": SQUARE,
        "faces": TWO_FACES,
        "face_materials": np.zeros(2, dtype=np.int64),
        "materials": (Material(diffuse=(0.1, 0.2, 0.3), texture=quadrants()),),
        "face_uvs": SQUARE[TWO_FACES][..., :2].astype(np.float32),
    }
    return TexturedMesh(**{**parts, **changes})


def at(mesh: TexturedMesh, x: float, y: float) -> np.ndarray:
    """The colour at a point of the square: the first face is below the diagonal."""
    face, weights = (0, (1 - x, x - y, y)) if x >= y else (1, (1 - y, x, y - x))
    return mesh.surface_colors(np.array([face]), np.array([weights], dtype=np.float32))[0]


def test_texture_replaces_the_diffuse_colour_with_v_upwards():
    mesh = textured_square()
    np.testing.assert_allclose(at(mesh, 0.2, 0.8), (1, 0, 0, 1), atol=1e-5)
    np.testing.assert_allclose(at(mesh, 0.8, 0.8), (0, 1, 0, 1), atol=1e-5)
    np.testing.assert_allclose(at(mesh, 0.2, 0.2), (0, 0, 1, 1), atol=1e-5)
    np.testing.assert_allclose(at(mesh, 0.8, 0.2)[3], 0, atol=1e-5)


def test_texture_repeats_outside_the_unit_square():
    uvs = SQUARE[TWO_FACES][..., :2] + np.array([3, -2])
    mesh = textured_square(face_uvs=uvs.astype(np.float32))
    np.testing.assert_allclose(at(mesh, 0.2, 0.8), (1, 0, 0, 1), atol=1e-4)


def test_flat_material_alpha_and_vertex_colours():
    mesh = textured_square(face_uvs=None, materials=(Material(diffuse=(1, 1, 1), alpha=0.5),))
    np.testing.assert_allclose(at(mesh, 0.5, 0.5), (1, 1, 1, 0.5))
    colors = np.array([[1, 0, 0], [0, 1, 0], [0, 0, 1], [0, 0, 0]], dtype=np.float32)
    mesh = textured_square(face_uvs=None, vertex_colors=colors, materials=(Material(diffuse=(1, 1, 1)),))
    np.testing.assert_allclose(at(mesh, 0.5, 0.25), (0.5, 0.25, 0.25, 1), atol=1e-6)


def test_uvs_that_are_not_numbers_do_not_spread():
    uvs = np.full((2, 3, 2), np.nan, dtype=np.float32)
    assert np.isfinite(at(textured_square(face_uvs=uvs), 0.3, 0.2)).all()


def test_areas_and_normals_with_a_degenerate_face():
    faces = np.array([[0, 1, 2], [0, 0, 1]])
    areas, normals = face_areas_and_normals(SQUARE, faces)
    np.testing.assert_allclose(areas, [0.5, 0])
    np.testing.assert_allclose(normals, [[0, 0, 1], [0, 0, 0]])


def test_vertex_normals_are_units_and_survive_loose_vertices():
    vertices = np.vstack([SQUARE, [[5, 5, 5]]])
    np.testing.assert_allclose(vertex_normals(vertices, TWO_FACES), np.tile([0, 0, 1], (5, 1)))


def test_keep_faces_and_transformed():
    mesh = textured_square().keep_faces(np.array([False, True]))
    assert len(mesh.faces) == len(mesh.face_uvs) == len(mesh.face_materials) == 1
    moved = mesh.transformed(2 * np.eye(3), np.array([1.0, 0, 0]))
    np.testing.assert_allclose(moved.vertices, SQUARE * 2 + (1, 0, 0))
