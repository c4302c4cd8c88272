import numpy as np
import pytest
import trimesh

from shapewright.dataset.views import render_views
from shapewright.geometry.cameras import look_at, turntable
from shapewright.geometry.light import LIGHT_DIRECTION, shade
from shapewright.geometry.mesh import Material, TexturedMesh
from shapewright.geometry.raycast import Raycaster

RED = Material(diffuse=(0.8, 0.1, 0.1))


def render(mesh, cameras, supersample=2):
    return render_views(mesh, Raycaster(mesh.vertices, mesh.faces), cameras, supersample=supersample)


def solid(mesh: trimesh.Trimesh, material: Material = RED) -> TexturedMesh:
    return TexturedMesh(
        vertices=np.asarray(mesh.vertices),
        faces=np.asarray(mesh.faces, dtype=np.int64),
        face_materials=np.zeros(len(mesh.faces), dtype=np.int64),
        materials=(material,),
    )


def test_colour_alpha_and_depth_of_a_box_seen_straight_on():
    camera = look_at(np.array([0.0, -4.0, 0.0]), np.zeros(3), size_px=31)
    views = render(solid(trimesh.creation.box((1, 1, 1))), [camera])
    assert views.images.shape == (1, 31, 31, 4)
    assert views.images.dtype == np.uint8
    middle = views.images[0, 15, 15]
    expected = shade(np.array([[0.8, 0.1, 0.1]]), np.array([[0.0, -1.0, 0.0]]))[0]
    np.testing.assert_allclose(middle / 255, [*expected, 1], atol=3e-3)
    assert views.depths[0, 15, 15] == pytest.approx(3.5, abs=1e-4)
    assert views.images[0, 0, 0, 3] == 0
    assert np.isinf(views.depths[0, 0, 0])
    edge = views.images[0, :, :, 3]
    assert ((edge > 0) & (edge < 255)).any(), "edges are smooth"


def test_depth_gives_the_surface_back():
    ball = trimesh.creation.icosphere(subdivisions=4, radius=0.8)
    camera = turntable(3, size_px=24)[1]
    views = render(solid(ball), [camera], supersample=1)
    origins, directions = camera.rays()
    seen = np.isfinite(views.depths[0])
    along = views.depths[0][seen] / (directions[seen] @ camera.z)
    surface = origins[seen] + along[:, None] * directions[seen]
    np.testing.assert_allclose(np.linalg.norm(surface, axis=-1), 0.8, atol=5e-3)  # the ball is a polyhedron


def test_light_falls_from_the_fixed_direction_on_both_sides():
    sheet = TexturedMesh(
        vertices=np.array([[-1, -1, 0], [1, -1, 0], [1, 1, 0], [-1, 1, 0]], dtype=float),
        faces=np.array([[0, 1, 2], [0, 2, 3]]),
        face_materials=np.zeros(2, dtype=np.int64),
        materials=(Material(diffuse=(1, 1, 1)),),
    )
    both = [look_at(np.array([0, 0, z]), np.zeros(3), size_px=9) for z in (4.0, -4.0)]
    views = render(sheet, both)
    expected = shade(np.ones((1, 3)), np.array([[0.0, 0.0, 1.0]]))[0, 0] * 255
    np.testing.assert_allclose(views.images[:, 4, 4, 0], expected, atol=1)
    assert abs(LIGHT_DIRECTION[2]) > 0.7


def test_rays_pass_transparent_texels():
    texture = np.zeros((2, 2, 4), dtype=np.uint8)
    front = TexturedMesh(
        vertices=np.array(
            [[-1, -1, 1], [1, -1, 1], [0, 1, 1], [-1, -1, 0], [1, -1, 0], [0, 1, 0]], dtype=float
        ),
        faces=np.array([[0, 1, 2], [3, 4, 5]]),
        face_materials=np.array([0, 1]),
        materials=(Material(texture=texture), RED),
        face_uvs=np.zeros((2, 3, 2), dtype=np.float32),
    )
    views = render(front, [look_at(np.array([0, 0, 4.0]), np.zeros(3), size_px=9)])
    assert views.depths[0, 4, 4] == pytest.approx(4.0, abs=1e-3)
    assert views.images[0, 4, 4, 0] > views.images[0, 4, 4, 1] > 0


def test_an_object_in_a_corner_or_outside_the_picture_or_around_the_camera():
    """Only the pixels of its box are computed: they must be all that see it."""
    box = trimesh.creation.box((1, 1, 1))
    aside = look_at(np.array([0.0, -4.0, 0.0]), np.array([1.4, 0.0, 1.4]), size_px=31)
    away = look_at(np.array([0.0, -4.0, 0.0]), np.array([0.0, -8.0, 0.0]), size_px=31)
    past = look_at(np.array([0.0, -4.0, 0.0]), np.array([9.0, -3.0, 0.0]), size_px=31)
    inside = look_at(np.array([0.0, 0.0, 0.0]), np.array([1.0, 0.2, 0.0]), size_px=31)
    views = render(solid(box), [aside, away, past, inside])
    for camera, image in zip((aside, away, past, inside), views.images, strict=True):
        origins, directions = camera.rays()
        cast = Raycaster(box.vertices, box.faces).cast(origins.reshape(-1, 3), directions.reshape(-1, 3))
        hit = (cast.face_index >= 0).reshape(31, 31)
        assert (image[..., 3] > 0)[hit].all()
        assert (image[..., 3] < 255)[~hit].all()
    counts = [(image[..., 3] > 0).sum() for image in views.images]
    assert 0 < counts[0] < 31 * 31
    assert counts[1:] == [0, 0, 31 * 31]
