import numpy as np
import pytest
import torch
from torch import Tensor

from shapewright.geometry.cameras import turntable
from shapewright.geometry.mesh import Mesh
from shapewright.render import MeshRenderer, extract_mesh
from shapewright.render.differentiable_light import smooth_normals, srgb_to_linear
from shapewright.render.differentiable_mesh import draw, finish, look, render_mesh_views
from shapewright.render.silhouette import edge_numbers
from solids import cube_mesh
from unit.render.solids import WEIGHTS, Solid, box, sphere, union

CAMERAS = turntable(5, size_px=20)[1:3]
BODY = Solid(union(sphere(0.4, (0.2, 0.1, -0.4)), box((0, 0, 0.4), (0.6, 0.5, 0.2))))


def as_tensors(mesh: Mesh, dtype: torch.dtype) -> tuple[Tensor, Tensor, Tensor]:
    assert mesh.vertex_colors is not None
    vertices, colors = (torch.from_numpy(part).to(dtype) for part in (mesh.vertices, mesh.vertex_colors))
    return vertices, torch.from_numpy(mesh.faces), colors


def small_mesh() -> tuple[Tensor, Tensor, Tensor]:
    """A cube with another before it, shaken: no edge lies along a row."""
    rng = np.random.default_rng(0)
    mesh = cube_mesh(half_side=0.7, colors=rng.uniform(0.1, 0.9, size=(8, 3)).astype(np.float32))
    vertices, faces, colors = as_tensors(mesh, torch.float64)
    shaken = vertices + 0.1 * torch.from_numpy(rng.normal(size=(8, 3)))
    smaller = 0.4 * shaken.roll(1, dims=1) - torch.tensor([0.9, 1.0, -0.5])
    return torch.cat([shaken, smaller]), torch.cat([faces, faces + 8]), torch.cat([colors, 1 - colors])


def as_numbers(vertices: Tensor, faces: Tensor, colors: Tensor) -> Tensor:
    seen = render_mesh_views(vertices, faces, colors, CAMERAS)
    return torch.cat([seen.color, seen.coverage[..., None]], dim=-1)


def test_gradients_are_those_of_finite_differences_where_what_is_seen_does_not_change() -> None:
    vertices, faces, colors = small_mesh()
    numbers = edge_numbers(faces)
    sights = [look(vertices, faces, numbers, camera) for camera in CAMERAS]
    assert all(len(sight.crossings.near) > 20 for sight in sights)

    def picture(vertices: Tensor, colors: Tensor) -> Tensor:
        normals, linear = smooth_normals(vertices, faces), srgb_to_linear(colors)
        seen = finish([draw(sight, vertices, normals, linear) for sight in sights])
        return torch.cat([seen.color, seen.coverage[..., None]], dim=-1)

    # float64 and a step of 1e-6: what is left is rounding and the picture's own curvature
    assert torch.autograd.gradcheck(
        picture, (vertices.requires_grad_(), colors.requires_grad_()), atol=1e-5, rtol=1e-4, fast_mode=True
    )


def test_gradients_are_those_of_finite_differences_when_all_is_decided_again() -> None:
    vertices, faces, colors = small_mesh()
    vertices.requires_grad_()
    rng = np.random.default_rng(1)
    pattern = torch.from_numpy(rng.normal(size=(2, 20, 20, 4)))
    (slope,) = torch.autograd.grad((as_numbers(vertices, faces, colors) * pattern).sum(), vertices)
    moves = torch.from_numpy(rng.normal(size=(8, *vertices.shape)))
    step = 1e-6
    with torch.no_grad():
        ends = [
            [(as_numbers(vertices + sign * step * move, faces, colors) * pattern).sum() for sign in (1, -1)]
            for move in moves
        ]
    expected = torch.stack([(high - low) / (2 * step) for high, low in ends])
    found = (moves * slope).sum(dim=(1, 2))
    # the turning of an edge changes how rows and columns share it: that is left out on purpose
    assert (found - expected).norm() / expected.norm() < 0.05


def test_the_gradient_of_coverage_is_that_of_many_rays() -> None:
    """The picture itself changes as the object grows as ray casting with 100 rays a pixel says."""
    mesh = extract_mesh(BODY, WEIGHTS, resolution=24)
    vertices, faces, colors = as_tensors(mesh, torch.float32)
    scale = torch.ones((), requires_grad=True)
    seen = render_mesh_views(vertices * scale, faces, colors, CAMERAS[:1])
    (slope,) = torch.autograd.grad(seen.coverage.sum(), scale)

    def area(size: float) -> float:
        grown = Mesh(vertices=mesh.vertices * np.float32(size), faces=mesh.faces)
        return float(MeshRenderer(grown).render(CAMERAS[0], supersample=10)[..., 3].sum())

    # a step that moves outlines by a tenth of a pixel, as the rays are apart
    assert slope.item() == pytest.approx((area(1.02) - area(0.98)) / 0.04, rel=0.05)


@pytest.mark.parametrize("supersample", [1, 2])
def test_the_picture_is_the_plain_renderers(supersample: int) -> None:
    mesh = extract_mesh(BODY, WEIGHTS, resolution=24)
    camera = turntable(5, size_px=64)[1]
    seen = render_mesh_views(*as_tensors(mesh, torch.float32), [camera], supersample=supersample)
    color, coverage = seen.color[0].numpy(), seen.coverage[0].numpy()
    plain, many = (MeshRenderer(mesh).render(camera, supersample=n) for n in (supersample, 8))
    covered = many[..., 3] == 1
    error = np.abs(color - plain[..., :3])[covered].max(axis=-1)
    # but where one part is seen before the other, whose outline the plain renderer does not mix
    assert np.quantile(error, 0.93) < 1e-4
    assert color[many[..., 3] == 0].max() < 0.05
    # over black, at outlines too
    assert np.abs(color - many[..., :3] * many[..., 3:]).mean() < 2e-3 / supersample
    assert np.abs(coverage - many[..., 3]).max() < 0.3
    assert np.abs(coverage - many[..., 3]).mean() < 2e-3 / supersample


@pytest.mark.gpu
def test_a_cuda_device_gives_the_same_picture_and_gradients() -> None:
    results: list[list[Tensor]] = []
    for device in ("cpu", "cuda"):
        vertices, faces, colors = (part.to(device) for part in small_mesh())
        vertices, colors = vertices.float().requires_grad_(), colors.float().requires_grad_()
        picture = as_numbers(vertices, faces, colors)
        results.append([picture, *torch.autograd.grad(picture.square().sum(), (vertices, colors))])
    for here, there in zip(*results, strict=True):
        # sums in another order, in float32
        torch.testing.assert_close(there.cpu(), here, rtol=1e-3, atol=1e-3)
