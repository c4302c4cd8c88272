"""tanh, and in training now and then noise of the right size."""

import pytest
import torch

from shapewright.encoder import BottleneckConfig
from shapewright.encoder.bottleneck import Bottleneck


def test_outside_training_it_is_tanh() -> None:
    x = torch.randn(4, 2, 3)
    bottleneck = Bottleneck(BottleneckConfig(noise_probability=1.0)).eval()
    assert torch.equal(bottleneck(x), torch.tanh(x))


def test_noise_follows_from_the_generator() -> None:
    bottleneck, x = Bottleneck(BottleneckConfig(noise_probability=1.0)), torch.randn(4, 2, 3)
    one, again, other = (bottleneck(x, torch.Generator().manual_seed(seed)) for seed in (0, 0, 1))
    assert torch.equal(one, again)
    assert not torch.equal(one, other)
    assert not torch.equal(one, torch.tanh(x))


@pytest.mark.parametrize(("probability", "noised"), [(0.0, 0.0), (0.3, 0.3), (1.0, 1.0)])
def test_as_many_assets_are_noised_as_asked_for(probability: float, noised: float) -> None:
    bottleneck = Bottleneck(BottleneckConfig(noise_probability=probability, noise_power=1.0))
    x = torch.zeros(2000, 2, 3)
    changed = bottleneck(x, torch.Generator().manual_seed(0)).ne(0).flatten(1)
    assert bool((changed.any(dim=1) == changed.all(dim=1)).all()), "an asset is noised as a whole"
    assert float(changed.any(dim=1).float().mean()) == pytest.approx(noised, abs=0.04)  # 4 sigma


def test_the_noise_keeps_the_variance_and_is_mostly_small() -> None:
    power = 5.0
    bottleneck = Bottleneck(BottleneckConfig(noise_probability=1.0, noise_power=power))
    latent = torch.ones(20_000, 1, 4)
    noised = bottleneck.noised(latent, torch.Generator().manual_seed(0))
    # x_t = sqrt(1 - v) x + sqrt(v) noise has a second moment of 1 for every v when x is 1
    assert float((noised**2).mean()) == pytest.approx(1, abs=0.02)
    # v = u^power of a uniform u: the mean of v is 1 / (power + 1)
    variance = noised.var(dim=2, unbiased=True).mean()
    assert float(variance) == pytest.approx(1 / (power + 1), abs=0.01)
