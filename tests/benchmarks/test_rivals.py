"""The rivals: the same draws, the same transformer, and that both can be trained and sampled."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from benchmarks.scripts import script
from shapewright.dataset.loader import AssetRecord
from shapewright.errors import DatasetError
from shapewright.pointe import POINT_SCALING
from shapewright.prior import Condition, LatentStatistics
from shapewright.training.latents import LatentSet
from shapewright.training.point_draws import PointDraws, in_point_frame
from shapewright.training.variation import Augmentation, draw_variation, varied
from tiny_assets import shelf

RIVALS = script("rivals")
TOLD = 6
CLOUD = 64  # points of the shelf's assets that are drawn from


class Anything:
    """A vector for every sample, drawn from its mark."""

    def draw(self, rows: np.ndarray, marks: np.ndarray) -> Condition:
        return Condition(text_pooled=torch.from_numpy(marks).float()[:, None].expand(-1, TOLD))


def table(draws: int = 3) -> tuple[LatentSet, list[AssetRecord]]:
    """Latents of a shelf's assets, varied."""
    records = shelf()
    changes = [
        draw_variation(record, 64, Augmentation() if draw else Augmentation.none(), rng)
        for rng in (np.random.default_rng(4),)
        for draw in range(draws)
        for record in records
    ]
    count = len(changes)
    return LatentSet(
        latents=torch.randn(count, 4, 5, generator=torch.Generator().manual_seed(0)),
        assets=[record.id for record in records] * draws,
        captions=[["a thing"]] * count,
        variations=changes,
    ), records


def contest():
    return RIVALS.Contest(told=TOLD, width=32, layers=1, heads=2, points=12, batch_size=4)


def test_clouds_are_of_the_latents_own_draws() -> None:
    latents, records = table()
    draws = RIVALS.shared_draws(latents, records, CLOUD)
    assert len(draws) == len(latents)
    assert latents.variations is not None
    for entry in (0, 7, 13):
        record = records[entry % len(records)]
        assert draws.record(entry) is record
        expected = varied(record, slice(0, 1), CLOUD, latents.variations[entry]).points
        np.testing.assert_array_equal(draws.cloud(entry), in_point_frame(expected))
    assert any(not np.array_equal(draws.cloud(entry), draws.cloud(entry + 6)) for entry in range(6))


def test_latents_that_do_not_say_how_they_were_varied_are_refused() -> None:
    latents, records = table()
    plain = LatentSet(latents=latents.latents, assets=latents.assets, captions=latents.captions)
    with pytest.raises(DatasetError, match="do not say how their assets were varied"):
        RIVALS.shared_draws(plain, records)


def test_assets_with_fewer_points_than_a_cloud_are_refused() -> None:
    latents, records = table()
    with pytest.raises(DatasetError, match="An asset has 256 points; clouds take 257"):
        RIVALS.shared_draws(latents, records, 257)


def test_both_networks_are_one_transformer_and_learn() -> None:
    latents, records = table()
    draws = RIVALS.shared_draws(latents, records, CLOUD)
    statistics = LatentStatistics.measure([latents.latents])
    first = RIVALS.latent_objective(contest(), latents, statistics, Anything())
    second = RIVALS.point_objective(contest(), draws, Anything(), RIVALS.PointForm())
    assert [p.shape for p in first.model.backbone.parameters()] == [
        p.shape for p in second.model.backbone.parameters()
    ]
    np.testing.assert_array_equal(first.batch(3).names, second.batch(3).names)
    for objective in (first, second):
        losses = objective.losses(objective.model, objective.batch(0), torch.Generator().manual_seed(0))
        assert torch.isfinite(losses["loss"])


def test_operations_grow_with_the_tokens() -> None:
    latents, records = table()
    draws = RIVALS.shared_draws(latents, records, CLOUD)

    def operations(points: int) -> float:
        sizes = replace(contest(), points=points)
        objective = RIVALS.point_objective(sizes, draws, Anything(), RIVALS.PointForm())
        return RIVALS.flops_of_example(objective, sizes.batch_size)

    few, many = operations(12), operations(48)
    # linear layers over 14 and 50 tokens, and attention, which grows faster
    assert 50 / 14 * 0.9 < many / few < (50 / 14) ** 2
    matrices = 12 * 32**2 * 2  # of a block, each entry a product and a sum
    assert few > 3 * 12 * matrices * 0.9


def test_own_scales_standardise() -> None:
    draws = PointDraws(records=shelf(), points=64)
    scaling = RIVALS.measured_scaling(draws)
    clouds = np.concatenate([draws.cloud(entry) for entry in range(len(draws))])
    scaled = scaling.scale(torch.from_numpy(clouds).double()).numpy()
    np.testing.assert_allclose(scaled.mean(axis=0), 0, atol=1e-6)
    np.testing.assert_allclose(scaled.std(axis=0), 1, atol=1e-6)


@pytest.mark.parametrize("own_scales", [False, True])
def test_forms_of_the_baseline(own_scales: bool) -> None:
    form = RIVALS.PointForm(prediction="eps", variance=True, own_scales=own_scales)
    draws = PointDraws(records=shelf(), points=64)
    model = RIVALS.point_objective(contest(), draws, Anything(), form).model
    assert model.config.predict_variance
    assert model.config.diffusion.prediction == "eps"
    assert (model.stage.scaling == POINT_SCALING) is not own_scales
