import math
from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import Tensor

from shapewright.errors import ConfigError
from shapewright.field import Field, FieldOutput, FieldWeights
from shapewright.geometry.cameras import look_at, turntable
from shapewright.render.nerf import (
    NerfConfig,
    RayRange,
    intersect_box,
    place_by_importance,
    render_nerf,
    render_nerf_image,
)
from shapewright.render.ray_marks import strata
from unit.render.solids import SMALL, WEIGHTS, Solid, box, sphere

FINE = NerfConfig(coarse_samples=256, fine_samples=512)


def rays(*pairs: tuple[tuple[float, float, float], tuple[float, float, float]]) -> tuple[Tensor, Tensor]:
    """Origins and normalised directions (1, R, 3) of rays given as pairs."""
    origins, directions = torch.tensor(pairs, dtype=torch.float32).unbind(1)
    return origins[None], torch.nn.functional.normalize(directions, dim=-1)[None]


ACROSS = ((-4.0, 0.0, 0.0), (1.0, 0.0, 0.0))
PAST = ((-4.0, 0.0, 3.0), (1.0, 0.0, 0.0))
FROM_INSIDE = ((0.0, 0.0, 0.0), (0.0, 0.0, 1.0))
AWAY = ((-4.0, 0.0, 0.0), (-1.0, 0.0, 0.0))
GRAZING = ((-4.0, -1.0 + 1e-7, 1.0 - 1e-7), (0.0, 1.0, 1.0))


def random_field(seed: int = 0, *, directions: bool = False) -> tuple[Field, list[Tensor]]:
    torch.manual_seed(seed)
    config = replace(SMALL, direction_octaves=2 if directions else None)
    field = Field(config)
    with torch.no_grad():
        field.mlp.shared[-1].weight.mul_(5)
    return field, field.weights(torch.randn(2, 4, 4))


def test_where_rays_are_in_the_box() -> None:
    found = intersect_box(*rays(ACROSS, PAST, FROM_INSIDE, AWAY))
    assert found.near[0] == pytest.approx([3, 0, 0, 0])
    assert found.far[0] == pytest.approx([5, 0, 1, 0])


def test_a_ray_that_clips_a_corner_by_less_than_a_thousandth_misses() -> None:
    distance = math.sqrt(2) * (1 - 2e-4)
    inwards = torch.tensor([1.0, 1.0, 0.0]) / math.sqrt(2)
    along = torch.tensor([1.0, -1.0, 0.0]) / math.sqrt(2)
    for shift, hits in ((distance, False), (math.sqrt(2) - 0.01, True)):
        origin = inwards * shift - along * 3
        found = intersect_box(origin.view(1, 1, 3), along.view(1, 1, 3))
        assert bool(found.far > found.near) == hits


def test_a_body_of_known_thickness_lets_through_what_it_should() -> None:
    field = Solid(box((0, 0, 0), (0.3, 0.5, 0.5)), density=2.0)
    image = render_nerf(field, WEIGHTS, *rays(ACROSS), FINE)
    assert image.transmittance.item() == pytest.approx(math.exp(-2 * 0.6), rel=5e-3)
    assert image.coarse is not None
    assert image.coarse.transmittance.item() == pytest.approx(math.exp(-2 * 0.6), rel=2e-2)


def test_an_opaque_body_shows_its_front_in_colour_and_distance() -> None:
    image = render_nerf(Solid(sphere(0.5), density=1e4), WEIGHTS, *rays(ACROSS), FINE)
    assert image.transmittance.item() < 1e-6
    assert image.distance.item() == pytest.approx(3.5, abs=1e-3)
    assert image.color[0, 0] == pytest.approx([1 / (1 + math.exp(1)), 0.5, 0.5], abs=1e-3)


def test_rays_that_miss_see_the_background_and_nothing_of_the_field() -> None:
    config = NerfConfig(background=(0.2, 0.4, 0.8))
    image = render_nerf(Solid(sphere(9.0)), WEIGHTS, *rays(PAST, AWAY), config)
    assert image.color[0] == pytest.approx(np.tile([0.2, 0.4, 0.8], (2, 1)))
    assert image.transmittance[0] == pytest.approx([1, 1])
    assert image.distance[0] == pytest.approx([0, 0])


def test_the_background_shows_through_in_proportion() -> None:
    field = Solid(box((0, 0, 0), (0.3, 0.5, 0.5)), density=2.0)
    black = render_nerf(field, WEIGHTS, *rays(ACROSS), FINE)
    grey = render_nerf(field, WEIGHTS, *rays(ACROSS), replace(FINE, background=(0.5, 0.5, 0.5)))
    torch.testing.assert_close(grey.color - black.color, 0.5 * black.transmittance[..., None].expand(1, 1, 3))


def test_against_the_integral_written_out_sample_by_sample() -> None:
    field, weights = random_field()
    origins, directions = (x.expand(2, -1, -1) for x in rays(ACROSS, FROM_INSIDE))
    image = render_nerf(
        field,
        weights,
        origins,
        directions,
        NerfConfig(coarse_samples=5, fine_samples=0, background=(1, 0, 0)),
    )
    found = intersect_box(origins, directions)
    for asset in range(2):
        for ray in range(2):
            near, far = found.near[asset, ray], found.far[asset, ray]
            color, passed = torch.zeros(3), torch.ones(())
            for k in range(5):  # midpoints of equal parts: their shares are those parts
                position = (
                    origins[asset, ray] + (near + (far - near) * (k + 0.5) / 5) * directions[asset, ray]
                )
                seen = field.query([w[asset : asset + 1] for w in weights], position[None, None])
                through = torch.exp(-seen.density_fine[0, 0] * (far - near) / 5)
                color, passed = color + passed * (1 - through) * seen.color_fine[0, 0], passed * through
            torch.testing.assert_close(image.color[asset, ray], color + passed * torch.tensor([1.0, 0, 0]))
            torch.testing.assert_close(image.transmittance[asset, ray], passed)


def test_the_fine_level_integrates_fine_outputs_over_both_levels_positions() -> None:
    asked: list[int] = []

    class Counting(Solid):
        def query(
            self, weights: FieldWeights, positions: Tensor, directions: Tensor | None = None
        ) -> FieldOutput:
            asked.append(positions.shape[1])
            return super().query(weights, positions, directions)

    render_nerf(Counting(sphere(0.5)), WEIGHTS, *rays(ACROSS, PAST), NerfConfig())
    assert asked == [2 * 64, 2 * 128]


@pytest.mark.parametrize("shape", [(1, 1), (1, 7), (2, 33)])
@pytest.mark.parametrize("use_directions", [False, True])
def test_any_number_of_rays(shape: tuple[int, int], use_directions: bool) -> None:
    field, weights = random_field(directions=use_directions)
    weights = [w[: shape[0]] for w in weights]
    generator = torch.Generator().manual_seed(0)
    directions = torch.nn.functional.normalize(torch.randn(*shape, 3, generator=generator), dim=-1)
    origins = -3 * directions + torch.randn(*shape, 3, generator=generator) * 0.3
    config = NerfConfig(coarse_samples=8, fine_samples=16)
    image = render_nerf(field, weights, origins, directions, config, use_directions=use_directions)
    assert image.color.shape == (*shape, 3)
    one = render_nerf(
        field, weights, origins[:, -1:], directions[:, -1:], config, use_directions=use_directions
    )
    torch.testing.assert_close(image.color[:, -1:], one.color, atol=1e-5, rtol=1e-4)


def test_gradients_reach_the_weights_and_agree_with_differences() -> None:
    field, weights = random_field()
    field, weights = field.double(), [w.double() for w in weights]
    origins, directions = (x.expand(2, -1, -1).double() for x in rays(ACROSS, PAST, FROM_INSIDE))
    # no fine samples: where they fall is not differentiated, so differences would see them move
    config = NerfConfig(coarse_samples=12, fine_samples=0)
    first = weights[0].detach().requires_grad_()

    def render(first: Tensor) -> Tensor:
        image = render_nerf(field, [first, *weights[1:]], origins, directions, config)
        return image.color.sum() + image.transmittance.sum()

    (gradient,) = torch.autograd.grad(render(first), first)
    step = torch.zeros_like(first)
    step[0, 1, 2] = 1e-5
    expected = (render(first + step) - render(first - step)) / 2e-5
    # the field's outputs pass through fp32
    assert gradient[0, 1, 2].item() == pytest.approx(expected.item(), rel=2e-2, abs=1e-3)
    assert gradient.abs().sum() > 0


def test_gradients_are_finite_for_all_kinds_of_rays() -> None:
    field, weights = random_field()
    origins, directions = (x.expand(2, -1, -1) for x in rays(ACROSS, PAST, AWAY, FROM_INSIDE, GRAZING))
    generator = torch.Generator().manual_seed(0)
    image = render_nerf(field, weights, origins, directions, NerfConfig(), generator=generator)
    assert image.coarse is not None
    (image.color.sum() + image.coarse.color.sum() + image.transmittance.sum()).backward()
    gradients = [p.grad for p in field.parameters() if p.grad is not None]
    assert gradients
    assert all(torch.isfinite(g).all() for g in gradients)


def test_a_generator_stratifies_and_repeats_itself() -> None:
    like = torch.zeros(2, 3, 3)
    drawn = strata(10, like, torch.Generator().manual_seed(1))
    assert torch.equal(drawn, strata(10, like, torch.Generator().manual_seed(1)))
    assert torch.equal((drawn * 10).floor(), torch.arange(10.0).expand(2, 3, 10))
    assert drawn[0, 0].tolist() != drawn[1, 2].tolist()
    assert strata(4, like, None)[0, 0].tolist() == [0.125, 0.375, 0.625, 0.875]


def test_importance_samples_go_where_the_weight_is() -> None:
    edges = torch.linspace(2, 4, 21).view(1, 1, 21)
    importance = torch.zeros(1, 1, 20)
    importance[..., 10] = 1.0  # between 3.0 and 3.1
    placed = place_by_importance(strata(1000, torch.zeros(1, 1, 3), None), importance, edges)
    # the blur gives the two neighbours half as much each
    assert ((placed >= 2.9) & (placed <= 3.2)).float().mean() > 0.99
    assert ((placed >= 3.0) & (placed <= 3.1)).float().mean() == pytest.approx(0.5, abs=0.01)
    assert torch.all(placed.diff() >= 0)


def test_importance_samples_without_weights_are_even() -> None:
    edges = torch.tensor([0.0, 1.0, 2.0, 3.0]).view(1, 1, 4)
    placed = place_by_importance(strata(6, torch.zeros(1, 1, 3), None), torch.zeros(1, 1, 3), edges)
    assert placed[0, 0] == pytest.approx([0.25, 0.75, 1.25, 1.75, 2.25, 2.75], abs=1e-5)


def test_shares_of_samples_fill_the_range() -> None:
    found = RayRange(near=torch.tensor([[1.0]]), far=torch.tensor([[4.0]]))
    assert found.edges(torch.tensor([[[1.5, 2.0, 3.5]]]))[0, 0].tolist() == [1.0, 1.75, 2.75, 4.0]


@pytest.mark.parametrize("counts", [(0, 4), (4, -1)])
def test_sample_counts_are_checked(counts: tuple[int, int]) -> None:
    with pytest.raises(ConfigError, match="at least 1 coarse"):
        NerfConfig(coarse_samples=counts[0], fine_samples=counts[1])


def test_a_picture_of_a_sphere() -> None:
    # 0.5 at distance 4 seen under 0.7 rad: a disc of about 0.35 of the width in radius
    picture = render_nerf_image(Solid(sphere(0.5), density=500), WEIGHTS, turntable(1, size_px=41)[0])
    assert picture.shape == (41, 41, 4)
    assert picture.dtype == np.float32
    assert picture[20, 20, 3] == pytest.approx(1, abs=1e-3)
    assert picture[0, 0, 3] == 0
    radius = math.tan(math.asin(0.5 / 4)) / math.tan(0.35) * 20
    assert picture[..., 3].sum() == pytest.approx(math.pi * radius**2, rel=0.05)
    assert picture.min() >= 0
    assert picture.max() <= 1


def test_a_picture_does_not_depend_on_its_parts_and_takes_a_background() -> None:
    camera = look_at(np.array([2.0, 2.0, 1.0]), np.zeros(3), size_px=9)
    field = Solid(sphere(0.5), density=3.0)
    config = NerfConfig(coarse_samples=16, fine_samples=16)
    picture = render_nerf_image(field, WEIGHTS, camera, config)
    parts = render_nerf_image(field, WEIGHTS, camera, config, rays_at_once=7)
    assert parts == pytest.approx(picture, abs=1e-5)
    blue = render_nerf_image(field, WEIGHTS, camera, config, background=(0.0, 0.0, 1.0))
    alpha = picture[..., 3:]
    assert blue[..., :3] == pytest.approx(picture[..., :3] * alpha + (1 - alpha) * [0, 0, 1], abs=1e-5)
    assert np.all(blue[..., 3] == 1)
