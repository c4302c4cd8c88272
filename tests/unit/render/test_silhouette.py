import math

import numpy as np
import pytest
import torch
from torch import Tensor

from shapewright.geometry.cameras import look_at
from shapewright.render.differentiable_mesh import render_mesh_views
from shapewright.render.silhouette import edge_numbers

# Looks along +y at a window of 2 x 2 at y = 0; pixels are 1/16 wide there.
CAMERA = look_at(np.array([0.0, -2.0, 0.0]), np.zeros(3), size_px=33, fov_rad=2 * math.atan(0.5))
PIXEL = 1 / 16


def rectangle(
    *, width: float = 1.2, height: float = 0.8, angle: float = 0.0, depth: float = 0.0, cells: int = 1
) -> tuple[Tensor, Tensor]:
    """A rectangle facing the camera, of cells^2 squares of two triangles each."""
    steps = torch.linspace(-0.5, 0.5, cells + 1, dtype=torch.float64)
    x, z = torch.meshgrid(steps * width, steps * height, indexing="ij")
    c, s = math.cos(angle), math.sin(angle)
    vertices = torch.stack([c * x - s * z, torch.full_like(x, depth), s * x + c * z], dim=-1).view(-1, 3)
    corner = (torch.arange(cells)[:, None] * (cells + 1) + torch.arange(cells)).flatten()
    lower = torch.stack([corner, corner + cells + 1, corner + 1], dim=-1)
    upper = torch.stack([corner + 1, corner + cells + 1, corner + cells + 2], dim=-1)
    return vertices, torch.cat([lower, upper])


def coverage(vertices: Tensor, faces: Tensor, supersample: int = 1) -> Tensor:
    colors = torch.ones_like(vertices)
    return render_mesh_views(vertices, faces, colors, [CAMERA], supersample=supersample).coverage[0]


@pytest.mark.parametrize("angle", [0.0, 0.1, 0.5, math.pi / 4, 1.0])
@pytest.mark.parametrize("cells", [1, 40])
def test_coverage_adds_up_to_the_area_and_its_gradient_to_the_outline(angle: float, cells: int) -> None:
    vertices, faces = rectangle(angle=angle + 0.01, cells=cells)  # not along rows
    scale = torch.ones((), dtype=torch.float64, requires_grad=True)
    area = coverage(vertices * scale, faces).sum() * PIXEL**2
    # corners are rounded: nothing is known there but where two edges cross lines
    assert area.item() == pytest.approx(1.2 * 0.8, rel=0.01)
    (slope,) = torch.autograd.grad(area, scale)
    assert slope.item() == pytest.approx(2 * 1.2 * 0.8, rel=0.05)


@pytest.mark.parametrize("cells", [7, 40])
def test_triangles_smaller_than_pixels_give_the_same_outline(cells: int) -> None:
    large, small = (coverage(*rectangle(angle=0.3, cells=n)) for n in (1, cells))
    # at corners an edge in place of its neighbour may count
    assert (large - small).abs().max() < 0.1
    assert (large - small).abs().gt(1e-6).sum() <= 8


def test_an_edge_between_two_centres_is_seen_where_it_is() -> None:
    vertices, faces = rectangle(width=1.0)  # from -0.5 to 0.5: the centres of pixels 8 and 24
    for moved in (0.1, 0.4, 0.6, 0.9):
        middle = coverage(vertices + torch.tensor([moved * PIXEL, 0, 0]), faces)[16]
        right = [min(1.0, 0.5 + moved), max(0.0, moved - 0.5)]
        left = [1 - value for value in right]
        assert middle[24:26].tolist() == pytest.approx(right, abs=1e-6)
        assert middle[8:10].tolist() == pytest.approx(left, abs=1e-6)


def test_an_outline_before_another_surface_mixes_the_two() -> None:
    front, faces = rectangle(width=1.0, depth=-0.5)
    back, _ = rectangle(width=1.9, height=1.9)
    vertices = torch.cat([front, back]).requires_grad_()
    colors = torch.cat([torch.ones_like(front), torch.zeros_like(back)])
    seen = render_mesh_views(vertices, torch.cat([faces, faces + len(front)]), colors, [CAMERA])
    assert (seen.coverage[0, 3:30, 3:30] == 1).all()
    red = seen.color[0, 16, :, 0]
    # the front one's sides are at 16 +- 16 * 0.5 * 2 / 1.5
    share = 16 + 32 / 3 - 26
    assert 0 < red[27] < red[26]
    assert red[28] == 0
    (slope,) = torch.autograd.grad(red.sum(), vertices)
    assert 0 < share < 1
    assert slope[2:4, 0].sum() > 0 > slope[:2, 0].sum()
    assert slope[len(front) :].abs().sum() == 0


def test_an_outline_behind_another_surface_is_not_seen() -> None:
    back, faces = rectangle(width=0.5, height=0.5, depth=0.3)
    front, _ = rectangle(width=1.5, height=1.5)
    vertices = torch.cat([back, front])
    colors = torch.cat([torch.zeros_like(back), torch.ones_like(front)])
    both = render_mesh_views(vertices, torch.cat([faces, faces + len(back)]), colors, [CAMERA])
    alone = render_mesh_views(front, faces, torch.ones_like(front), [CAMERA])
    torch.testing.assert_close(both.color, alone.color)


def test_supersampling_smooths_what_lies_between_centres() -> None:
    vertices, faces = rectangle(width=0.4 * PIXEL, angle=0.2)  # thinner than a pixel
    exact = 0.4 * PIXEL * 0.8 / PIXEL**2
    assert coverage(vertices, faces, supersample=4).sum().item() == pytest.approx(exact, rel=0.1)


def test_an_edge_has_one_number_from_both_of_its_sides() -> None:
    numbers = edge_numbers(torch.tensor([[0, 1, 2], [2, 1, 3]]))
    assert numbers[0, 1] == numbers[1, 0]
    assert len(numbers.unique()) == 5
