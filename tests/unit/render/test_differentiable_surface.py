import numpy as np
import pytest
import torch
from torch import Tensor

from shapewright.geometry.cameras import turntable
from shapewright.render import MeshRenderer, extract_mesh
from shapewright.render.differentiable_surface import find_topology, render_surface_views
from unit.render.solids import WEIGHTS, Solid, box, sphere, union

CAMERAS = turntable(3, size_px=48)


def ball(radius: Tensor) -> Solid:
    return Solid(lambda positions: radius - positions.norm(dim=-1))


def plain_picture(field: Solid, index: int, supersample: int, resolution: int) -> np.ndarray:
    """By ray casting, over black."""
    mesh = extract_mesh(field, WEIGHTS, resolution=resolution)
    picture = MeshRenderer(mesh).render(CAMERAS[index], supersample=supersample)
    return np.concatenate([picture[..., :3] * picture[..., 3:], picture[..., 3:]], axis=-1)


def test_a_radius_is_recovered_from_a_silhouette() -> None:
    camera = turntable(1, size_px=32)
    with torch.no_grad():
        wanted = render_surface_views(ball(torch.tensor(0.6)), WEIGHTS, camera, resolution=24)
    radius = torch.tensor(0.4, requires_grad=True)
    losses: list[float] = []
    for _ in range(8):
        seen = render_surface_views(ball(radius), WEIGHTS, camera, resolution=24)
        loss = (seen.coverage.sum() / wanted.coverage.sum() - 1).square()
        (slope,) = torch.autograd.grad(loss, radius)
        radius = (radius - 0.045 * slope).detach().requires_grad_()
        losses.append(loss.item())
    assert losses == sorted(losses, reverse=True)
    # a twentieth of a pixel, which is 0.09 wide here
    assert radius.item() == pytest.approx(0.6, abs=0.005)


def test_an_object_without_surface_is_black_with_gradients_of_zero() -> None:
    weights = [torch.zeros(1, 4, 9, requires_grad=True)]
    seen = render_surface_views(Solid(sphere(-0.3)), weights, CAMERAS, resolution=16)
    assert seen.color.shape == (3, 48, 48, 3)
    assert seen.coverage.shape == (3, 48, 48)
    assert seen.color.abs().max() == seen.coverage.abs().max() == 0
    (seen.color.sum() + seen.coverage.sum()).backward()
    assert weights[0].grad is not None
    assert weights[0].grad.abs().max() == 0


def test_inside_outlines_the_picture_is_the_plain_renderers() -> None:
    field = Solid(union(box((0, 0, 0.1), (0.5, 0.4, 0.1)), sphere(0.3, (0.3, 0.2, -0.4))))
    seen = render_surface_views(field, WEIGHTS, CAMERAS[1:2], resolution=32)
    plain = plain_picture(field, 1, 1, 32)
    flat = np.abs(seen.color[0].detach().numpy() - plain[..., :3]).max(axis=-1)
    solid = plain_picture(field, 1, 8, 32)
    inner = solid[..., 3] == 1
    assert inner.sum() > 100
    # quads, which are not flat, are cut along other diagonals; outlines before another part are mixed
    assert np.median(flat[inner]) < 1e-3
    assert np.quantile(flat[inner], 0.9) < 1e-2
    assert seen.coverage[0].detach().numpy() == pytest.approx(solid[..., 3], abs=0.25)
    assert seen.coverage.sum().item() == pytest.approx(solid[..., 3].sum(), rel=0.005)


def test_triangles_found_before_are_used_again() -> None:
    field = ball(torch.tensor(0.5))
    topology = find_topology(field, WEIGHTS, resolution=24)
    asked = field.queried
    again = render_surface_views(field, WEIGHTS, CAMERAS, resolution=24, topology=topology)
    assert field.queried - asked < asked / 2
    assert torch.equal(again.color, render_surface_views(field, WEIGHTS, CAMERAS, resolution=24).color)
