import numpy as np
import pytest
import torch
from scipy.spatial import cKDTree
from torch import Tensor

from shapewright.field import Field, FieldConfig
from shapewright.geometry.cameras import look_at, turntable
from shapewright.render import MeshRenderer, extract_mesh
from shapewright.render.differentiable_surface import (
    find_topology,
    query_distances,
    render_surface_views,
    vertex_positions,
)
from unit.render.solids import WEIGHTS, Solid, box, sphere, union

CAMERAS = turntable(3, size_px=48)
TOWARDS = -CAMERAS[0].z  # from the origin to the first camera


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


@pytest.mark.parametrize("what", ["color", "coverage"])
@pytest.mark.parametrize("changed", ["latent", "field"])
def test_gradients_reach_a_networks_latent_and_parameters(what: str, changed: str) -> None:
    field, latent = random_network()
    pattern = torch.outer(torch.arange(32.0).sin(), torch.arange(32.0).cos()) + 0.5

    def loss() -> Tensor:
        seen = render_surface_views(
            field, field.weights(latent), turntable(5, size_px=32)[1:2], resolution=24
        )
        picture = seen.coverage if what == "coverage" else seen.color.mean(dim=-1)
        return (picture * pattern).sum()

    tensor = latent if changed == "latent" else field.mlp.linears()[0].weight
    (slope,) = torch.autograd.grad(loss(), tensor)
    step = 0.004 * slope / slope.norm()
    losses: list[float] = []
    with torch.no_grad():
        tensor.sub_(4 * step)
        for _ in range(9):
            losses.append(loss().item())
            tensor.add_(step)
    # The median: with a few steps a centre or a sliver between two is passed, and the picture jumps. Single
    # differences scatter by some percent around the slope, as every outline's cells change.
    assert np.median(np.diff(losses)) / 0.004 == pytest.approx(slope.norm().item(), rel=0.1)


def random_network() -> tuple[Field, Tensor]:
    """A smooth random field with a fifth of the box inside, and the latent it is of."""
    config = FieldConfig(
        latent_tokens=4,
        latent_channels=8,
        hidden_width=16,
        hidden_layers=3,
        generated_layers=1,
        position_octaves=1,
        direction_octaves=None,
        row_scale=0.3,
    )
    with torch.random.fork_rng():
        torch.manual_seed(4)
        field, latent = Field(config), torch.randn(1, 4, 8)
        with torch.no_grad():
            distance = field.query(field.weights(latent), torch.rand(1, 4000, 3) * 2 - 1).raw[0, :, 0]
            field.mlp.linears()[-1].bias[0] -= distance.quantile(0.8)
    return field, latent.requires_grad_()


# The second leaves the box: it is closed by a border that is not asked, and beside which nodes that no other
# edge needs are interpolated in the grid.
@pytest.mark.parametrize(("radius", "tolerance"), [(0.7, 1e-5), (1.2, 2e-3)])
def test_vertices_are_those_of_the_mesh(radius: float, tolerance: float) -> None:
    field = Solid(sphere(radius))
    topology = find_topology(field, WEIGHTS, resolution=20)
    positions = vertex_positions(topology, topology.values)
    mesh = extract_mesh(field, WEIGHTS, resolution=20)
    distance, _ = cKDTree(positions.numpy()).query(mesh.vertices)
    assert len(positions) == len(mesh.vertices)
    assert distance.max() < tolerance
    chosen = torch.tensor([5, 77, 3])
    assert torch.equal(vertex_positions(topology, topology.values[chosen], chosen), positions[chosen])
    asked = query_distances(field, WEIGHTS, topology, torch.arange(len(positions)))
    again = vertex_positions(topology, asked)
    assert (again - positions).abs().max() < tolerance


def test_vertices_stay_on_their_edges_when_signs_change() -> None:
    topology = find_topology(Solid(sphere(0.5)), WEIGHTS, resolution=20)
    values = (-topology.values).requires_grad_()
    positions = vertex_positions(topology, values)
    nodes = (topology.ends - 1) * (2 / 19) - 1
    middle = nodes.mean(dim=1)
    torch.testing.assert_close(positions, middle)
    (slope,) = torch.autograd.grad(positions.sum(), values)
    assert slope.abs().max() == 0


def test_colours_follow_the_positions_at_which_they_are_asked() -> None:
    """A ball seen from the front moves towards the camera: its colours, which depend on place, change."""
    shift = torch.tensor(0.0, requires_grad=True)

    def red(shift: Tensor) -> Tensor:
        field = Solid(
            lambda positions: 0.6 - (positions - shift * positions.new_tensor(TOWARDS)).norm(dim=-1)
        )
        seen = render_surface_views(field, WEIGHTS, CAMERAS[:1], resolution=24)
        return seen.color[0, 24, 24, 1]

    (slope,) = torch.autograd.grad(red(shift), shift)
    with torch.no_grad():
        expected = (red(shift + 0.01) - red(shift - 0.01)) / 0.02
    assert expected.abs() > 0.1
    # float32, and vertices of small triangles that pass under the pixel
    assert slope.item() == pytest.approx(expected.item(), rel=0.1)


def test_an_object_beside_the_picture_is_black_and_takes_gradients() -> None:
    weights = [torch.zeros(1, 4, 9, requires_grad=True)]
    away = look_at(np.array([0.0, -4.0, 0.0]), np.array([0.0, -8.0, 0.0]), size_px=16)
    radius = torch.tensor(0.5, requires_grad=True)
    seen = render_surface_views(ball(radius), weights, [away], resolution=16)
    assert seen.coverage.max() == 0
    (slope,) = torch.autograd.grad(seen.color.sum() + seen.coverage.sum(), radius)
    assert slope == 0
