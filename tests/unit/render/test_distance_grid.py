import math

import pytest
import torch
from torch import Tensor

from shapewright.field import Field, FieldConfig
from shapewright.render.distance_grid import DistanceFunction, crossed_cells, dense_grid, refined_grid

CPU = torch.device("cpu")
RESOLUTION = 65


def as_grid(distance: DistanceFunction, resolution: int = RESOLUTION) -> tuple[Tensor, Tensor, int]:
    """Both twins, and the number of points that the refined one asked for."""
    asked = 0

    def counted(positions: Tensor) -> Tensor:
        nonlocal asked
        asked += len(positions)
        return distance(positions)

    dense = dense_grid(distance, resolution, CPU)
    return dense, refined_grid(counted, resolution, CPU), asked


def assert_same_surface(dense: Tensor, refined: Tensor) -> None:
    assert torch.equal(dense > 0, refined > 0)
    cells = crossed_cells(dense)
    for x in (0, 1):
        for y in (0, 1):
            for z in (0, 1):
                corner = tuple(slice(s, None) if s else slice(None, -1) for s in (x, y, z))
                # not exact: chunks of other sizes may round differently
                torch.testing.assert_close(refined[corner][cells], dense[corner][cells], atol=1e-5, rtol=1e-5)


def rod(direction: tuple[float, float, float], radius: float) -> DistanceFunction:
    axis = torch.nn.functional.normalize(torch.tensor(direction, dtype=torch.float32), dim=0)

    def distance(positions: Tensor) -> Tensor:
        along = (positions @ axis).clamp(-0.7, 0.7)
        return radius - (positions - along[:, None] * axis).norm(dim=-1)

    return distance


def sheet(normal: tuple[float, float, float], thickness: float) -> DistanceFunction:
    axis = torch.nn.functional.normalize(torch.tensor(normal, dtype=torch.float32), dim=0)
    return lambda positions: thickness / 2 - (positions @ axis + 0.0123).abs()


@pytest.mark.parametrize("resolution", [8, 9, 33, 34, 35, 36, 64])
def test_twins_agree_at_any_resolution(resolution: int) -> None:
    dense, refined, _ = as_grid(lambda p: 0.6 - p.norm(dim=-1), resolution)
    assert dense.shape == refined.shape == (resolution,) * 3
    assert_same_surface(dense, refined)


@pytest.mark.parametrize("direction", [(1, 0, 0), (1, 1, 0), (1, 2, 3)])
@pytest.mark.parametrize("voxels", [0.6, 1.0, 3.0])
def test_thin_rods_and_sheets_survive(direction: tuple[float, float, float], voxels: float) -> None:
    thickness = voxels * 2 / (RESOLUTION - 1)
    assert_same_surface(*as_grid(rod(direction, thickness))[:2])
    assert_same_surface(*as_grid(sheet(direction, thickness))[:2])


@pytest.mark.parametrize("slope", [0.3, 1.0, 3.0])
def test_distances_that_are_too_flat_or_too_steep(slope: float) -> None:
    exact = rod((1, 2, 3), 0.03)
    assert_same_surface(*as_grid(lambda p: slope * exact(p))[:2])


@pytest.mark.parametrize("truncation", [0.05, 0.1])
def test_distances_that_level_off(truncation: float) -> None:
    # what a network learns far from the surface, where its squashed target no longer changes
    exact = rod((1, 2, 3), 0.03)
    assert_same_surface(*as_grid(lambda p: truncation * 3 * torch.tanh(exact(p) / truncation / 3))[:2])


@pytest.mark.parametrize("seed", range(6))
def test_scattered_specks(seed: int) -> None:
    generator = torch.Generator().manual_seed(seed)
    centers = torch.rand(40, 3, generator=generator) * 1.8 - 0.9
    radii = 0.01 + 0.05 * torch.rand(40, generator=generator)
    dense, refined, _ = as_grid(lambda p: (radii - torch.cdist(p, centers)).amax(dim=-1))
    assert_same_surface(dense, refined)


@pytest.mark.parametrize("octaves", [2, 4])
@pytest.mark.parametrize("seed", range(3))
def test_random_networks(seed: int, octaves: int) -> None:
    torch.manual_seed(seed)
    config = FieldConfig(
        latent_tokens=16, latent_channels=4, hidden_width=16, hidden_layers=4, generated_layers=1,
        position_octaves=octaves, direction_octaves=None, row_scale=0.5,
    )  # fmt: skip
    field = Field(config)
    weights = field.weights(torch.randn(1, 16, 4))

    def distance(positions: Tensor) -> Tensor:
        return field.query(weights, positions[None]).raw[0, :, 0]

    with torch.no_grad():
        values = distance(torch.rand(4096, 3) * 2 - 1)
        level, spread = values.quantile(0.8), values.std()
        assert_same_surface(*as_grid(lambda p: (distance(p) - level) / spread)[:2])


def test_a_surface_that_leaves_the_refined_blocks_is_followed() -> None:
    # beyond x = 0 the field lies: it claims to be far outside right up to the sheet
    def distance(positions: Tensor) -> Tensor:
        exact = 0.02 - positions[:, 2].abs()
        return torch.where((positions[:, 0] > 0) & (exact < 0), exact - 0.5, exact)

    dense, refined, _ = as_grid(distance)
    assert_same_surface(dense, refined)


@pytest.mark.parametrize("thickness", [0.02, 0.1])
def test_distances_that_are_wild_beyond_their_truncation(thickness: float) -> None:
    # as a network is where its squashed target tells nothing: far away, but steep and uneven
    exact = sheet((1, 2, 3), thickness)

    def distance(positions: Tensor) -> Tensor:
        true = exact(positions)
        return torch.where(true.abs() > 0.2, true * (4 + 3 * torch.sin(40 * positions[:, 0])), true)

    dense = dense_grid(distance, 96, CPU)
    asked = 0

    def counted(positions: Tensor) -> Tensor:
        nonlocal asked
        asked += len(positions)
        return distance(positions)

    assert_same_surface(dense, refined_grid(counted, 96, CPU, farthest=0.3))
    tamed, asked = asked, 0
    refined_grid(counted, 96, CPU)
    assert tamed < asked


@pytest.mark.parametrize("value", [-0.3, 0.3])
def test_no_surface(value: float) -> None:
    _, refined, asked = as_grid(lambda p: torch.full_like(p[:, 0], value))
    assert torch.all(refined == value)
    assert asked == 17**3


def test_a_simple_body_asks_for_few_points() -> None:
    # the reason to have it: 12 times fewer points at 128^3, which is the time saved
    _, _, asked = as_grid(lambda p: 0.5 - p.norm(dim=-1), 128)
    assert asked < 128**3 / 10
    assert asked > math.pi * 0.5**2 * 4 / (2 / 127) ** 2
