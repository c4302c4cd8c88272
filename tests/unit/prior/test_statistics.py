"""Standardising latents."""

import pytest
import torch

from shapewright.errors import ModelError
from shapewright.prior import LatentStatistics


@pytest.fixture
def latents() -> torch.Tensor:
    draws = torch.randn(500, 3, 2, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    scales = torch.tensor([[1e-3, 1.0], [5.0, 0.2], [1.0, 0.0]], dtype=torch.float64)
    return (draws * scales + torch.arange(6.0).reshape(3, 2)).float()


def test_measuring_in_batches_is_measuring_at_once(latents: torch.Tensor) -> None:
    measured = LatentStatistics.measure([latents[:1], latents[1:300], latents[300:]])
    torch.testing.assert_close(measured.mean, latents.mean(dim=0))
    expected = latents.std(dim=0, correction=0)
    # one number never varies and keeps its scale
    expected[2, 1] = 1.0
    torch.testing.assert_close(measured.std, expected)


def test_standardised_latents_are_standard(latents: torch.Tensor) -> None:
    standardised = LatentStatistics.measure([latents]).standardise(latents)
    torch.testing.assert_close(standardised.mean(dim=0), torch.zeros(3, 2), rtol=0, atol=1e-3)
    assert standardised.std(dim=0, correction=0).flatten()[:5].tolist() == pytest.approx([1.0] * 5, rel=0.01)
    assert standardised[:, 2, 1].abs().max() < 1e-5


def test_restoring_is_the_inverse_within_the_bound(latents: torch.Tensor) -> None:
    statistics = LatentStatistics.measure([latents], clip=3.0)
    inside = (latents - statistics.mean).abs() < 3 * statistics.std
    restored = statistics.restore(statistics.standardise(latents))
    torch.testing.assert_close(restored[inside], latents[inside], rtol=1e-5, atol=1e-5)
    far = statistics.restore(torch.full((3, 2), 100.0))
    torch.testing.assert_close(far, statistics.mean + 3 * statistics.std)


def test_they_survive_a_file(latents: torch.Tensor) -> None:
    statistics = LatentStatistics.measure([latents], clip=3.5)
    again = LatentStatistics.from_tensors(statistics.tensors())
    assert torch.equal(again.mean, statistics.mean)
    assert torch.equal(again.std, statistics.std)
    assert again.clip == 3.5


@pytest.mark.parametrize(
    "damage",
    [
        {"std": torch.zeros(3, 2)},
        {"mean": torch.full((3, 2), torch.nan)},
        {"mean": torch.zeros(2, 2)},
        {"clip": torch.tensor(0.0)},
        {"extra": torch.zeros(1)},
    ],
)
def test_damaged_ones_are_refused(damage: dict[str, torch.Tensor]) -> None:
    good = {"mean": torch.zeros(3, 2), "std": torch.ones(3, 2), "clip": torch.tensor(4.0)}
    with pytest.raises(ModelError):
        LatentStatistics.from_tensors(good | damage)
