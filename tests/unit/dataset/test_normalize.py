import numpy as np
import pytest

from shapewright.dataset.normalize import HALF_SIDE, normalize
from shapewright.errors import AssetFileError
from shapewright.geometry.mesh import Material, TexturedMesh

SHEET = np.array([[10, 10, 5], [14, 10, 5], [14, 12, 5], [10, 12, 6]], dtype=float)
FACES = np.array([[0, 1, 2], [0, 2, 3]])


PLAIN = (Material(),)


def mesh(vertices=SHEET, faces=FACES, face_materials=(0, 0), materials=PLAIN) -> TexturedMesh:
    return TexturedMesh(
        vertices=vertices, faces=faces, face_materials=np.array(face_materials), materials=materials
    )


def test_centred_with_the_longest_side_filling_the_box():
    done = normalize(mesh(vertices=np.vstack([SHEET, [[1e6, 0, 0]]])))  # a loose vertex does not count
    used = done.mesh.vertices[done.mesh.faces].reshape(-1, 3)
    np.testing.assert_allclose(used.max(axis=0), [HALF_SIDE, HALF_SIDE / 2, HALF_SIDE / 4])
    np.testing.assert_allclose(used.min(axis=0), [-HALF_SIDE, -HALF_SIDE / 2, -HALF_SIDE / 4])
    np.testing.assert_allclose(done.extents, [4, 2, 1])
    np.testing.assert_allclose((SHEET - done.center) * done.scale, done.mesh.vertices[:4])


def test_degenerate_and_invisible_faces_are_dropped():
    faces = np.array([[0, 1, 2], [0, 0, 1], [0, 2, 3]])
    clear = (Material(), Material(alpha=0.0))
    assert len(normalize(mesh(faces=faces, face_materials=(0, 0, 0))).mesh.faces) == 2
    assert len(normalize(mesh(faces=faces, face_materials=(0, 0, 1), materials=clear)).mesh.faces) == 1


def test_a_wholly_invisible_model_stays():
    assert len(normalize(mesh(materials=(Material(alpha=0.0),))).mesh.faces) == 2


@pytest.mark.parametrize(
    ("vertices", "faces", "message"),
    [
        (SHEET, np.array([[0, 0, 1], [1, 1, 1]]), "empty"),
        (SHEET * 0, FACES, "empty"),
        (SHEET * np.nan, FACES, "not finite"),
        (SHEET, np.zeros((0, 3), dtype=np.int64), "empty"),
    ],
)
def test_useless_meshes_are_refused(vertices, faces, message):
    materials = np.zeros(len(faces), dtype=np.int64)
    with pytest.raises(AssetFileError, match=message):
        normalize(mesh(vertices=vertices, faces=faces, face_materials=materials))
