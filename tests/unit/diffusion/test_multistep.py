"""Multistep samplers: against flows whose end is known, against Heun's, and for what they cost."""

import math
from collections.abc import Callable

import pytest
import torch
from torch import Tensor

from shapewright.diffusion import dpmpp2m, dpmpp3m, heun, karras_sigmas, unipc
from shapewright.diffusion.multistep import integral_weights

Sampler = Callable[..., Tensor]
SAMPLERS = (dpmpp2m, dpmpp3m, unipc)


def normal_denoiser(x: Tensor, sigma: float) -> Tensor:
    """Exact for data that is N(1.5, 0.5^2)."""
    return (x * 0.25 + 1.5 * sigma**2) / (0.25 + sigma**2)


def two_points_denoiser(x: Tensor, sigma: float) -> Tensor:
    """Exact for data that is -1 or 1: not linear in x."""
    return torch.tanh(x / sigma**2)


@pytest.mark.parametrize(
    ("sampler", "order", "sigma_min"), [(dpmpp2m, 2, 0.1), (dpmpp3m, 3, 0.3), (unipc, 3, 0.3)]
)
def test_order_of_convergence(sampler: Sampler, order: int, sigma_min: float) -> None:
    """The flow of normal data keeps (x - mean) / sqrt(std^2 + sigma^2).

    Each ends where its leading error is not about to change its sign (2M's does near 0.3, 3M's near 0.1).
    """
    start = torch.tensor([[-1.0], [0.3], [2.0]], dtype=torch.float64)

    def error(steps: int) -> float:
        # without the step to zero, which is Euler's; high enough up that the first step, too, costs nothing
        sigmas = karras_sigmas(steps, sigma_min=sigma_min, sigma_max=1000.0)[:-1]
        found = sampler(normal_denoiser, 1.5 + start * 1000.0, sigmas)
        exact = 1.5 + start * 1000.0 * math.sqrt((0.25 + sigma_min**2) / (0.25 + 1000.0**2))
        return float((found - exact).abs().max())

    # half the step, 2^order less error; higher terms still count for some per cent at these steps
    assert math.log2(error(100) / error(200)) == pytest.approx(order, abs=0.25)


@pytest.mark.parametrize("sampler", SAMPLERS)
def test_agreement_with_heun_in_the_limit(sampler: Sampler) -> None:
    start = torch.linspace(-2, 2, 9, dtype=torch.float64)[:, None] * 20.0
    sigmas = karras_sigmas(200, sigma_min=0.5, sigma_max=20.0)
    found, expected = sampler(two_points_denoiser, start, sigmas), heun(two_points_denoiser, start, sigmas)
    # Heun and 2M are each 1.1e-6 from 6000 Heun steps here, the others nearer; coarse steps are not
    torch.testing.assert_close(found, expected, rtol=0, atol=3e-6)
    assert float((sampler(two_points_denoiser, start, sigmas[::20]) - expected).abs().max()) > 3e-5


@pytest.mark.parametrize("sampler", SAMPLERS)
def test_one_evaluation_a_step_at_its_noise_level(sampler: Sampler) -> None:
    calls: list[float] = []
    seen: list[tuple[int, int]] = []

    def denoise(x: Tensor, sigma: float) -> Tensor:
        calls.append(sigma)
        return normal_denoiser(x, sigma)

    sigmas = karras_sigmas(7, sigma_min=0.1, sigma_max=5.0)
    sampler(denoise, torch.ones(2, 3), sigmas, on_step=lambda done, total: seen.append((done, total)))
    assert calls == sigmas[:-1].tolist()
    assert seen == [(i, 7) for i in range(1, 8)]


@pytest.mark.parametrize("sampler", SAMPLERS)
def test_a_single_step_is_the_estimate(sampler: Sampler) -> None:
    x = torch.tensor([[3.0], [-8.0]])
    found = sampler(normal_denoiser, x, karras_sigmas(1, sigma_min=0.1, sigma_max=5.0))
    assert torch.equal(found, normal_denoiser(x, 5.0))


@pytest.mark.parametrize("sampler", SAMPLERS)
def test_the_state_keeps_its_precision_and_its_rows(sampler: Sampler) -> None:
    """fp32 states stay fp32 between float64 noise levels; no sample sees another."""
    x = torch.randn(4, 3, 2, generator=torch.Generator().manual_seed(0)) * 5.0
    sigmas = karras_sigmas(9, sigma_min=0.1, sigma_max=5.0)
    together = sampler(two_points_denoiser, x, sigmas)
    assert together.dtype == torch.float32
    alone = sampler(two_points_denoiser, x[2:3], sigmas)
    # the tanh of the last few numbers of a tensor, which fill no vector register, rounds differently
    torch.testing.assert_close(together[2:3], alone, rtol=0, atol=1e-6)


@pytest.mark.parametrize("nodes", [(0.0,), (0.0, -0.4), (0.0, -0.4, -0.9), (0.5, 0.0, -0.4)])
def test_polynomials_are_integrated_exactly(nodes: tuple[float, ...]) -> None:
    h = 0.5
    s = torch.linspace(0, h, 20001, dtype=torch.float64)
    for degree in range(len(nodes)):
        integral = float(torch.trapezoid(torch.exp(s - h) * s**degree, s))
        found = sum(w * node**degree for w, node in zip(integral_weights(nodes, h), nodes, strict=True))
        # the trapezoids' own error is h^3 / 12 / 20000^2
        assert found == pytest.approx(integral, abs=1e-10)
