import pytest
import torch
from torch import Tensor

from shapewright.field import Field, FieldConfig
from shapewright.render.distance_grid import DistanceFunction, dense_grid
from shapewright.render.sparse_grid import NodeFunction, ends_of_crossed_edges, sparse_grid
from unit.render.test_distance_grid import CPU, RESOLUTION, rod, sheet


class Asked:
    """A distance as a function of nodes, off by up to `error`, which counts what it is asked."""

    def __init__(self, distance: DistanceFunction, resolution: int, error: float = 0.0) -> None:
        self.distance, self.resolution, self.error, self.count = distance, resolution, error, 0

    def __call__(self, nodes: Tensor) -> Tensor:
        self.count += len(nodes)
        noise = torch.rand(len(nodes), generator=torch.Generator().manual_seed(len(nodes))) * 2 - 1
        return self.distance(nodes * (2.0 / (self.resolution - 1)) - 1.0) + self.error * noise


def both(
    distance: DistanceFunction, resolution: int = RESOLUTION, error: float = 0.0
) -> tuple[Tensor, Tensor]:
    rough: NodeFunction = Asked(distance, resolution, error)
    exact: NodeFunction = Asked(distance, resolution)
    return dense_grid(distance, resolution, CPU), sparse_grid(rough, exact, resolution, CPU, margin=error)


def assert_same_surface(dense: Tensor, sparse: Tensor, error: float = 1e-5) -> None:
    """error: chunks of other sizes may round differently."""
    assert torch.equal(dense > 0, sparse > 0)
    ends = ends_of_crossed_edges(dense)
    torch.testing.assert_close(sparse[ends], dense[ends], atol=error, rtol=1e-5)


@pytest.mark.parametrize("resolution", [8, 9, 33, 34, 35, 36, 64])
@pytest.mark.parametrize("error", [0.0, 0.01])
def test_twins_agree_at_any_resolution(resolution: int, error: float) -> None:
    assert_same_surface(*both(lambda p: 0.6 - p.norm(dim=-1), resolution, error))


@pytest.mark.parametrize("direction", [(1, 0, 0), (1, 1, 0), (1, 2, 3)])
@pytest.mark.parametrize("voxels", [0.6, 1.0, 3.0])
def test_thin_rods_and_sheets_survive(direction: tuple[float, float, float], voxels: float) -> None:
    thickness = voxels * 2 / (RESOLUTION - 1)
    assert_same_surface(*both(rod(direction, thickness)))
    assert_same_surface(*both(sheet(direction, thickness)))


@pytest.mark.parametrize("slope", [0.3, 1.0, 3.0])
def test_distances_that_are_too_flat_or_too_steep(slope: float) -> None:
    exact = rod((1, 2, 3), 0.03)
    assert_same_surface(*both(lambda p: slope * exact(p)))


@pytest.mark.parametrize("error", [0.0, 0.005])
@pytest.mark.parametrize("seed", range(6))
def test_scattered_specks(seed: int, error: float) -> None:
    generator = torch.Generator().manual_seed(seed)
    centers = torch.rand(40, 3, generator=generator) * 1.8 - 0.9
    radii = 0.01 + 0.05 * torch.rand(40, generator=generator)
    assert_same_surface(*both(lambda p: (radii - torch.cdist(p, centers)).amax(dim=-1), error=error))


def test_a_surface_that_leaves_what_is_bounded_is_followed() -> None:
    def distance(positions: Tensor) -> Tensor:
        exact = 0.02 - positions[:, 2].abs()
        return torch.where((positions[:, 0] > 0) & (exact < 0), exact - 0.5, exact)

    assert_same_surface(*both(distance))


@pytest.mark.parametrize("octaves", [2, 4, 15])
@pytest.mark.parametrize("seed", range(3))
def test_random_networks(seed: int, octaves: int) -> None:
    torch.manual_seed(seed)
    config = FieldConfig(
        latent_tokens=16, latent_channels=4, hidden_width=16, hidden_layers=4, generated_layers=1,
        position_octaves=octaves, direction_octaves=None, row_scale=0.5,
    )  # fmt: skip
    field = Field(config)
    with torch.no_grad():
        weights = field.weights(torch.randn(1, 16, 4))
        values = field.query(weights, torch.rand(1, 4096, 3) * 2 - 1).raw[0, :, 0]
        level, spread = values.quantile(0.8), values.std()
        dense, sparse = both(lambda p: (field.query(weights, p[None]).raw[0, :, 0] - level) / spread, 33)
    assert_same_surface(dense, sparse)


def test_noise_is_asked_for_everywhere() -> None:
    def noise(positions: Tensor) -> Tensor:
        return torch.sin(positions @ torch.tensor([5e3, 7e3, 9e3])) - 0.9

    dense, sparse = both(noise, 33)
    assert_same_surface(dense, sparse)
    asked = Asked(noise, 33)
    sparse_grid(asked, asked, 33, CPU, margin=0.0)
    assert asked.count == 9**3 + 33**3


def test_a_simple_body_asks_for_few_points() -> None:
    rough, exact = (Asked(lambda p: 0.5 - p.norm(dim=-1), 128) for _ in range(2))
    sparse_grid(rough, exact, 128, CPU, margin=0.0)
    # measured 55 thousand and 13 thousand of two million
    assert rough.count < 128**3 / 35
    assert exact.count < 128**3 / 100
