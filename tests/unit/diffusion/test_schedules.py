"""Noise schedules."""

import math
from collections.abc import Callable
from typing import get_args

import pytest
import torch

from shapewright.diffusion.schedules import MAX_BETA, ScheduleConfig, ScheduleName, schedule_betas
from shapewright.errors import ConfigError


@pytest.mark.parametrize("name", get_args(ScheduleName))
def test_betas_are_usable(name: ScheduleName) -> None:
    betas = schedule_betas(ScheduleConfig(name=name, timesteps=100))
    assert betas.shape == (100,)
    assert betas.dtype == torch.float64
    assert bool((betas > 0).all())
    assert float(betas.max()) <= MAX_BETA


@pytest.mark.parametrize(
    ("name", "alpha_bar"),
    [
        ("exp", lambda t: math.exp(-12 * t)),
        (
            "cosine",
            lambda t: (
                (math.cos((t + 0.008) / 1.008 * math.pi / 2) / math.cos(0.008 / 1.008 * math.pi / 2)) ** 2
            ),
        ),
        ("inv_parabola", lambda t: 1 - t**5),
    ],
)
def test_the_product_of_alphas_is_alpha_bar(name: ScheduleName, alpha_bar: Callable[[float], float]) -> None:
    alphas_cumprod = torch.cumprod(1 - schedule_betas(ScheduleConfig(name=name, timesteps=64)), dim=0)
    # the last step is left out: its beta may be cut at MAX_BETA
    expected = torch.tensor([alpha_bar((i + 1) / 64) for i in range(63)], dtype=torch.float64)
    torch.testing.assert_close(alphas_cumprod[:63], expected, rtol=1e-9, atol=0)


def test_linear_betas_scale_with_the_number_of_steps() -> None:
    betas = schedule_betas(ScheduleConfig(name="linear", timesteps=500))
    torch.testing.assert_close(betas[[0, -1]], torch.tensor([2e-4, 0.04], dtype=torch.float64))


@pytest.mark.parametrize(("timesteps", "power"), [(1, 5.0), (1024, 0.0)])
def test_bad_settings_are_refused(timesteps: int, power: float) -> None:
    with pytest.raises(ConfigError):
        ScheduleConfig(timesteps=timesteps, power=power)
