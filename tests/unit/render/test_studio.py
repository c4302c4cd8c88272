import numpy as np
import pytest

from shapewright.geometry.cameras import look_at, turntable
from shapewright.geometry.corner_normals import corner_normals
from shapewright.geometry.mesh import Material, TexturedMesh
from shapewright.render.studio import Studio
from shapewright.render.studio_light import studio_light
from solids import cube_mesh

FRONT = look_at(np.array([0.0, -3.0, 0.0]), np.zeros(3), size_px=32)


def textured(texture: np.ndarray, *, turned: bool = False) -> TexturedMesh:
    """The square [-0.5, 0.5]^2 at y = 0 with a texture all over it."""
    vertices = np.array([(-0.5, 0, -0.5), (0.5, 0, -0.5), (0.5, 0, 0.5), (-0.5, 0, 0.5)])
    faces = np.array([[0, 1, 2], [0, 2, 3]])
    uvs = np.array([(0, 0), (1, 0), (1, 1), (0, 1)], dtype=np.float32)[faces]
    if turned:
        faces, uvs = faces[:, ::-1], uvs[:, ::-1]
    return TexturedMesh(
        vertices=vertices,
        faces=faces,
        face_materials=np.zeros(2, dtype=np.int64),
        materials=(Material(texture=texture),),
        face_uvs=uvs,
    )


def test_textures_show_upright_and_their_holes_are_seen_through() -> None:
    texture = np.full((2, 2, 4), 255, dtype=np.uint8)
    texture[0, :, 1:3] = 0  # red above
    texture[1, 0, :2] = 0  # blue below on the left
    texture[1, 1, 3] = 0  # nothing below on the right
    picture = Studio(textured(texture.repeat(8, axis=0).repeat(8, axis=1))).picture(FRONT)
    above, left, right = picture[12, 12], picture[19, 12], picture[19, 19]
    assert above[0] > 0.5 > above[2]
    assert left[2] > 0.5 > left[0]
    assert (above[3], left[3], right[3]) == (1, 1, 0)


def test_both_sides_are_lit_alike_whichever_way_faces_turn() -> None:
    texture = np.full((1, 1, 4), 200, dtype=np.uint8)
    pictures = [Studio(textured(texture, turned=turned)).picture(FRONT) for turned in (False, True)]
    np.testing.assert_allclose(pictures[0], pictures[1], atol=1e-5)


def test_every_view_is_lit_and_white_does_not_clip_to_flat() -> None:
    studio = Studio(cube_mesh(colors=np.ones((8, 3), dtype=np.float32)))
    for camera in turntable(5, size_px=32):
        picture = studio.picture(camera)
        lit = picture[picture[..., 3] == 1][:, :3]
        assert lit.min() > 0.3
        assert lit.mean() > 0.6


def test_the_light_has_a_bright_and_a_dark_side_and_stays_in_range() -> None:
    normals = np.random.default_rng(0).normal(size=(2000, 3)).astype(np.float32)
    normals /= np.linalg.norm(normals, axis=1, keepdims=True)
    seen = normals[normals @ FRONT.z < 0]
    light = studio_light(seen, FRONT)
    assert 0.08 < light.min() < 0.4
    assert 0.9 < light.max() <= 1.05
    assert light[seen[:, 0] < -0.5].mean() > light[seen[:, 0] > 0.5].mean() + 0.1


def test_edges_of_boxes_are_sharp_and_flat_parts_whole() -> None:
    mesh = cube_mesh()
    normals = corner_normals(mesh.vertices, mesh.faces)
    assert np.abs(normals).max(axis=-1) == pytest.approx(1)
    split = mesh.vertices[mesh.faces].reshape(-1, 3)  # as files with texture seams have them
    np.testing.assert_allclose(corner_normals(split, np.arange(len(split)).reshape(-1, 3)), normals)


def test_round_parts_are_smooth() -> None:
    turn = np.arange(16) * 2 * np.pi / 16
    ring = np.stack([np.cos(turn), np.sin(turn)], axis=-1)
    vertices = np.concatenate([np.c_[ring, np.zeros(16)], np.c_[ring, np.ones(16)]])
    a = np.arange(16)
    b = (a + 1) % 16
    faces = np.concatenate([np.stack([a, b, b + 16], -1), np.stack([a, b + 16, a + 16], -1)])
    normals = corner_normals(vertices, faces)
    outward = vertices[faces] * [1, 1, 0]
    # weighed by area, one side's two triangles may count once or twice: up to a third of the 22.5 degrees
    assert (normals * outward).sum(axis=-1).min() > np.cos(np.radians(8))
