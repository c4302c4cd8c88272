import numpy as np
import pytest
import torch

from shapewright.geometry import light
from shapewright.geometry.mesh import vertex_normals
from shapewright.render.differentiable_light import (
    diffuse_light,
    linear_to_srgb,
    smooth_normals,
    srgb_to_linear,
)
from solids import cube_mesh, grid_mesh

COLORS = torch.linspace(-0.1, 1.1, 241, dtype=torch.float64)


def test_light_and_colours_are_the_plain_ones() -> None:
    normals = torch.nn.functional.normalize(
        torch.randn(50, 3, generator=torch.Generator().manual_seed(0)).double(), dim=-1
    )
    assert diffuse_light(normals).numpy() == pytest.approx(light.diffuse_light(normals.numpy()), abs=1e-7)
    assert srgb_to_linear(COLORS).numpy() == pytest.approx(light.srgb_to_linear(COLORS.numpy()), abs=1e-12)
    assert linear_to_srgb(COLORS).numpy() == pytest.approx(light.linear_to_srgb(COLORS.numpy()), abs=1e-12)


@pytest.mark.parametrize("function", [srgb_to_linear, linear_to_srgb])
def test_slopes_are_finite_everywhere_and_right_inside(function) -> None:
    colors = COLORS.clone().requires_grad_()
    (slope,) = torch.autograd.grad(function(colors).sum(), colors)
    assert slope.isfinite().all()
    inside = torch.tensor([0.001, 0.01, 0.2, 0.9], dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(function, inside)


@pytest.mark.parametrize("mesh", [cube_mesh(), grid_mesh(9)])
def test_normals_are_the_plain_ones(mesh) -> None:
    found = smooth_normals(torch.from_numpy(mesh.vertices), torch.from_numpy(mesh.faces))
    assert found.numpy() == pytest.approx(vertex_normals(mesh.vertices, mesh.faces), abs=1e-5)


def test_a_vertex_without_faces_has_no_normal_and_no_gradient() -> None:
    vertices = torch.eye(4, 3, requires_grad=True)
    normals = smooth_normals(vertices, torch.tensor([[0, 1, 2]]))
    assert normals[3].abs().max() == 0
    (slope,) = torch.autograd.grad(normals.square().sum(), vertices)
    assert slope.isfinite().all()
    assert np.array_equal(slope[3].numpy(), np.zeros(3))
