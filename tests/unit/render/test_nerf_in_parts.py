"""Rendering in parts is rendering, with less kept for the gradient."""

import pytest
import torch
from torch import Tensor

from shapewright.field import Field
from shapewright.render.nerf import NerfConfig, NerfImage, render_nerf
from shapewright.render.nerf_in_parts import render_nerf_in_parts
from shapewright.render.ray_marks import RayMarks, draw_marks
from unit.render.solids import SMALL

CONFIG = NerfConfig(coarse_samples=6, fine_samples=5)


def scene(rays: int = 7) -> tuple[Field, list[Tensor], Tensor, Tensor, RayMarks]:
    torch.manual_seed(0)
    field = Field(SMALL)
    weights = [w.detach().requires_grad_() for w in field.weights(torch.randn(2, 4, 4))]
    origins = torch.tensor([0.0, 0.0, -3.0]) + torch.randn(2, rays, 3) * 0.1
    directions = torch.nn.functional.normalize(
        torch.randn(2, rays, 3) * 0.2 + torch.tensor([0, 0, 1.0]), dim=-1
    )
    return field, weights, origins, directions, draw_marks(origins, 6, 5, torch.Generator().manual_seed(1))


def scalar(image: NerfImage) -> Tensor:
    assert image.coarse is not None
    return image.color.square().sum() + image.coarse.transmittance.sum() + image.distance.sum()


@pytest.mark.parametrize("rays_at_once", [1, 4, 6, 100])
def test_parts_are_the_whole_and_so_are_their_gradients(rays_at_once: int) -> None:
    field, weights, *rays, marks = scene()
    whole = render_nerf(field, weights, *rays, CONFIG, marks=marks)
    parts = render_nerf_in_parts(field, weights, *rays, CONFIG, marks, rays_at_once=rays_at_once)
    assert whole.coarse is not None
    assert parts.coarse is not None
    for name in ("color", "transmittance", "distance"):
        torch.testing.assert_close(getattr(parts, name), getattr(whole, name))
        torch.testing.assert_close(getattr(parts.coarse, name), getattr(whole.coarse, name))
    inputs = [*weights, *field.mlp.parameters()]
    for ours, theirs in zip(
        torch.autograd.grad(scalar(parts), inputs), torch.autograd.grad(scalar(whole), inputs), strict=True
    ):
        assert bool(theirs.any())
        # sums over rays in another order
        torch.testing.assert_close(ours, theirs, rtol=1e-4, atol=1e-5)


def kept_for_the_gradient(rays_at_once: int) -> int:
    """Bytes that the forward pass leaves for the backward pass."""
    field, weights, *rays, marks = scene(rays=60)
    kept: list[int] = []

    def pack(tensor: Tensor) -> Tensor:
        kept.append(tensor.untyped_storage().nbytes())
        return tensor

    with torch.autograd.graph.saved_tensors_hooks(pack, lambda tensor: tensor):
        render_nerf_in_parts(field, weights, *rays, CONFIG, marks, rays_at_once=rays_at_once)
    return sum(kept)


def test_little_is_kept_of_what_is_computed_again() -> None:
    assert kept_for_the_gradient(rays_at_once=20) < 0.1 * kept_for_the_gradient(rays_at_once=1000)


def test_without_gradients_nothing_is_kept() -> None:
    field, weights, *rays, marks = scene()
    with torch.no_grad():
        parts = render_nerf_in_parts(field, weights, *rays, CONFIG, marks, rays_at_once=4)
        whole = render_nerf(field, weights, *rays, CONFIG, marks=marks)
    torch.testing.assert_close(parts.color, whole.color)
    assert not parts.color.requires_grad


def test_marks_are_what_the_generator_would_have_drawn() -> None:
    field, weights, *rays, marks = scene()
    drawn = render_nerf(field, weights, *rays, CONFIG, generator=torch.Generator().manual_seed(1))
    assert torch.equal(render_nerf(field, weights, *rays, CONFIG, marks=marks).color, drawn.color)
