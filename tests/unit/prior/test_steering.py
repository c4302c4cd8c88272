"""Where denoising begins, and what is mixed: of priors that say nothing, or that are small and random."""

from typing import get_args

import pytest
import torch

from shapewright.diffusion import SampleNoise
from shapewright.prior import Condition, Prior, PriorConfig, SamplerConfig, Solver, Steering, sample

SHAPE = (6, 4)
LEVELS = (160.0, 20.0, 3.0, 0.5, 1e-3)


@pytest.fixture
def silent(monkeypatch: pytest.MonkeyPatch) -> Prior:
    """A prior that finds no noise in anything, so that what it is given is what comes out."""
    monkeypatch.setattr("shapewright.prior.sampling.prior_denoiser", lambda *_, **__: lambda x, _sigma: x)
    config = PriorConfig(latent_tokens=6, latent_channels=4, width=32, layers=1, heads=4)
    return Prior(config)


@pytest.mark.parametrize("method", get_args(Solver))
@pytest.mark.parametrize("levels", [None, LEVELS])
@pytest.mark.parametrize(("strength", "first"), [(0.01, 9), (0.14, 9), (0.5, 5), (1.0, 0)])
def test_the_init_is_noised_to_the_level_it_is_denoised_from(
    silent: Prior, method: Solver, levels: tuple[float, ...] | None, strength: float, first: int
) -> None:
    config = SamplerConfig(steps=10, clip=None, method=method, levels=levels)
    init = torch.linspace(-1, 1, 24).reshape(SHAPE)
    steps: list[tuple[int, int]] = []
    drawn = sample(
        silent,
        Condition(),
        seeds=[3, 4],
        config=config,
        steering=Steering(init=init, strength=strength),
        on_step=lambda *at: steps.append(at),
    )
    noised = init + config.sigmas()[first] * SampleNoise([3, 4])(SHAPE)
    torch.testing.assert_close(drawn, noised, rtol=1e-4, atol=1e-4)
    assert steps[-1] == (10 - first, 10 - first)


def test_guidance_of_equal_rows_is_a_number_and_of_others_stands_alone() -> None:
    assert Steering().scale(4.0) == 4.0
    assert Steering(guidance=torch.tensor([1.0, 1.0])).scale(4.0) == 1.0
    scale = Steering(guidance=torch.tensor([2.0, 3.0])).scale(4.0)
    assert isinstance(scale, torch.Tensor)
    assert scale.shape == (2, 1, 1)
    with pytest.raises(AssertionError, match="batches of their own"):
        Steering(guidance=torch.tensor([1.0, 3.0])).scale(4.0)
