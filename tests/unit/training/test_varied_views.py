"""Views of varied assets beside views of the asset varied and rendered anew."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from shapewright.dataset.augment import choose_recolor, recolor
from shapewright.dataset.views import Views, render_views
from shapewright.encoder import ViewBatch
from shapewright.geometry.cameras import Camera, random_views
from shapewright.geometry.mesh import Material, Mesh, TexturedMesh, face_areas_and_normals
from shapewright.geometry.raycast import Raycaster
from shapewright.pipeline.asset_input import view_batch
from shapewright.training.variation import Variation
from shapewright.training.varied_views import shows_something, varied_batch, varied_picture
from solids import prism_mesh

MIRROR = np.array([-1, 1, 1], dtype=np.float32)
RGB = (0.75, 0.1, 0.1)


def wedge(factors: tuple[float, float, float] = (1, 1, 1), rgb: tuple[float, float, float] = RGB) -> Mesh:
    """Not symmetric in any way."""
    mesh = prism_mesh(3, rgb=rgb)
    vertices = mesh.vertices.copy()
    vertices[3, 2] += 0.3
    return Mesh(
        vertices=(vertices * np.array(factors)).astype(np.float32),
        faces=mesh.faces,
        vertex_colors=mesh.vertex_colors,
    )


def seen(mesh: Mesh, cameras: list[Camera]) -> Views:
    textured = TexturedMesh(
        vertices=mesh.vertices.astype(np.float64),
        faces=mesh.faces,
        face_materials=np.zeros(len(mesh.faces), dtype=np.int64),
        materials=(Material(diffuse=(1.0, 1.0, 1.0)),),
        vertex_colors=mesh.vertex_colors,
    )
    return render_views(textured, Raycaster(mesh.vertices, mesh.faces), cameras, supersample=1)


def cameras() -> list[Camera]:
    return random_views(np.random.default_rng(0), 4, size_px=24)


def mirrored(camera: Camera) -> Camera:
    """Where a mirror would show this camera, its picture the right way round."""
    return replace(
        camera, origin=camera.origin * MIRROR, x=-camera.x * MIRROR, y=camera.y * MIRROR, z=camera.z * MIRROR
    )


def test_views_as_they_are() -> None:
    views = seen(wedge(), cameras())
    plain, chosen = view_batch(views), varied_batch(views, np.array([2, 0]), Variation())
    for name in ("rgb", "alpha", "origins", "positions"):
        assert torch.equal(getattr(chosen, name), getattr(plain, name)[:, [2, 0]])
    assert np.array_equal(np.asarray(varied_picture(views, 1, Variation())), views.images[1])


def test_a_mirrored_asset_looks_as_if_it_were_rendered() -> None:
    other = wedge((-1, 1, 1))
    anew = view_batch(
        seen(
            Mesh(
                vertices=other.vertices, faces=other.faces[:, ::-1].copy(), vertex_colors=other.vertex_colors
            ),
            [mirrored(c) for c in cameras()],
        )
    )
    changed = varied_batch(seen(wedge(), cameras()), np.arange(4), Variation(mirrored=True))
    assert_same_surface(changed, anew)
    picture = varied_picture(seen(wedge(), cameras()), 0, Variation(mirrored=True))
    same = np.asarray(picture)[..., 3] == np.round(anew.alpha[0, 0].numpy() * 255)
    assert same.mean() > 0.98


def assert_same_surface(changed: ViewBatch, anew: ViewBatch) -> None:
    """Origins, and where both see it the surface; the light does not turn with the asset, so no colours."""
    torch.testing.assert_close(changed.origins, anew.origins, rtol=0, atol=1e-5)
    both = (changed.alpha == 1) & (anew.alpha == 1)
    # rays through edges of pixels may fall on either side
    assert float((changed.alpha == anew.alpha).float().mean()) > 0.98
    assert int(both.sum()) > 100
    distance = (changed.positions - anew.positions)[both].norm(dim=-1)
    assert float(distance.median()) < 1e-4


def test_positions_of_a_stretched_asset_are_on_it() -> None:
    factors = (1.2, 0.9, 1.1)
    changed = varied_batch(seen(wedge(), cameras()), np.arange(4), Variation(factors=factors))
    points = changed.positions[changed.alpha == 1].numpy()
    mesh = wedge(factors)
    centres = mesh.vertices[mesh.faces].mean(axis=1)
    _, normals = face_areas_and_normals(mesh.vertices, mesh.faces)
    off = np.abs(np.einsum("nfd,fd->nf", points[:, None] - centres, normals)).min(axis=1)
    assert np.quantile(off, 0.99) < 1e-3  # pixels on edges see two faces
    ends = changed.origins[0, 0].numpy() - np.array(factors) * cameras()[0].origin
    assert np.abs(ends).max() < 1e-6


def test_pictures_are_stretched_with_the_asset() -> None:
    views = seen(wedge(), cameras())
    plain = varied_picture(views, 0, Variation())
    higher = varied_picture(views, 0, Variation(factors=(1.0, 1.0, 1.25)))
    assert plain.size == (24, 24)
    assert higher.width == 24
    assert 24 < higher.height <= 30


@pytest.mark.parametrize("seed", range(4))
def test_a_recoloured_asset_looks_as_if_it_were_rendered(seed: int) -> None:
    rng = np.random.default_rng(seed)
    views = seen(wedge(), cameras())
    change = choose_recolor(np.tile(np.array(RGB, dtype=np.float32), (50, 1)), rng)
    assert change is not None
    (rgb,) = recolor(np.array([RGB]), change)
    anew = seen(wedge(rgb=tuple(rgb)), cameras())
    for index in range(4):
        picture = np.asarray(varied_picture(views, index, Variation(recolor=change))).astype(int)
        assert np.array_equal(picture[..., 3], views.images[index, ..., 3])
        solid = picture[..., 3] == 255
        apart = np.abs(picture - anew.images[index])[solid]
        assert apart.max() <= 6, "of 255: eight bits, twice, and dark colours"


def test_light_alone_does_not_change_other_colours() -> None:
    views = seen(wedge(), cameras())
    change = choose_recolor(np.tile(np.array((0.1, 0.2, 0.8)), (50, 1)), np.random.default_rng(0))
    assert change is not None
    assert np.array_equal(np.asarray(varied_picture(views, 0, Variation(recolor=change))), views.images[0])


def test_what_shows_nothing() -> None:
    views = seen(wedge(), cameras())
    assert shows_something(views, 0)
    nothing = replace(views, images=views.images * np.array([1, 1, 1, 0], dtype=np.uint8))
    assert not shows_something(nothing, 0)
