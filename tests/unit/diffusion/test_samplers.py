"""Samplers, noise levels, guidance: with made-up denoisers, no network."""

import math
from collections.abc import Callable

import pytest
import torch
from torch import Tensor

from shapewright.diffusion import (
    Churn,
    Denoiser,
    DiffusionConfig,
    DiscreteDiffusion,
    SampleNoise,
    discrete_denoiser,
    dpm,
    euler,
    guided_denoiser,
    heun,
    interpolated_sigmas,
    karras_sigmas,
)
from shapewright.errors import ConfigError

Sampler = Callable[..., Tensor]


def normal_denoiser(mean: float, std: float) -> Denoiser:
    """The exact denoiser of data that is N(mean, std^2)."""

    def denoise(x: Tensor, sigma: float) -> Tensor:
        return (x * std**2 + mean * sigma**2) / (std**2 + sigma**2)

    return denoise


def counted(denoiser: Denoiser) -> tuple[Denoiser, list[float]]:
    calls: list[float] = []

    def denoise(x: Tensor, sigma: float) -> Tensor:
        calls.append(sigma)
        return denoiser(x, sigma)

    return denoise, calls


def test_interpolated_sigmas_go_through_the_levels_and_evenly_between_them() -> None:
    sigmas = interpolated_sigmas(5, (80.0, 5.0, 0.05))
    # geometric means in between
    assert sigmas.tolist() == pytest.approx([80.0, 20.0, 5.0, 0.5, 0.05, 0.0])
    assert interpolated_sigmas(3, (80.0, 5.0, 0.05)).tolist() == pytest.approx([80.0, 5.0, 0.05, 0.0])
    assert interpolated_sigmas(1, (80.0, 0.05)).tolist() == [80.0, 0.0]


def test_karras_sigmas_fall_from_max_to_min_and_end_with_zero() -> None:
    sigmas = karras_sigmas(10, sigma_min=0.01, sigma_max=80.0)
    assert sigmas.shape == (11,)
    assert bool((sigmas.diff() < 0).all())
    assert sigmas[[0, -2, -1]].tolist() == pytest.approx([80.0, 0.01, 0.0])


def test_one_step_starts_at_the_largest_sigma() -> None:
    assert karras_sigmas(1, sigma_min=0.01, sigma_max=80.0).tolist() == pytest.approx([80.0, 0.0])


@pytest.mark.parametrize(("sampler", "tolerance"), [(heun, 0.01), (dpm, 0.01), (euler, 0.1)])
def test_samples_follow_the_data(sampler: Sampler, tolerance: float) -> None:
    """For normal data the flow is known: it maps noise to mean + std * noise. Euler is first order."""
    start = torch.linspace(-2, 2, 5)[:, None]
    sigmas = karras_sigmas(64, sigma_min=1e-3, sigma_max=160.0)
    found = sampler(normal_denoiser(1.5, 0.5), start * 160.0, sigmas)
    torch.testing.assert_close(found, 1.5 + 0.5 * start, rtol=0, atol=tolerance)


@pytest.mark.parametrize("sampler", [heun, dpm])
def test_heun_and_midpoints_are_second_order(sampler: Sampler) -> None:
    def error(steps: int) -> float:
        sigmas = karras_sigmas(steps, sigma_min=0.5, sigma_max=10.0).double()[:-1]
        start = torch.ones(1, 1, dtype=torch.float64)
        found = sampler(normal_denoiser(0.0, 1.0), start, sigmas)
        exact = math.sqrt((1 + 0.25) / (1 + 100))
        return abs(float(found) - exact)

    # halving the step quarters the error; the bounds leave room for higher orders
    assert 3.3 < error(32) / error(64) < 4.7


@pytest.mark.parametrize(("sampler", "evaluations"), [(heun, 13), (dpm, 14), (euler, 7)])
def test_evaluations_and_progress(sampler: Sampler, evaluations: int) -> None:
    denoiser, calls = counted(normal_denoiser(0.0, 1.0))
    seen: list[tuple[int, int]] = []
    sampler(
        denoiser,
        torch.ones(2, 3),
        karras_sigmas(7, sigma_min=0.1, sigma_max=5.0),
        on_step=lambda done, total: seen.append((done, total)),
    )
    assert len(calls) == evaluations
    assert seen == [(i, 7) for i in range(1, 8)]
    assert min(calls) > 0


@pytest.mark.parametrize(("sampler", "tolerance"), [(heun, 0.02), (dpm, 0.02), (euler, 0.1)])
def test_churn_keeps_the_distribution(sampler: Sampler, tolerance: float) -> None:
    sigmas = karras_sigmas(64, sigma_min=1e-2, sigma_max=20.0)
    noise = SampleNoise([0])
    start = noise((20000,)) * 20.0
    found = sampler(normal_denoiser(0.0, 0.5), start, sigmas, churn=Churn(amount=10.0), noise=noise)
    still = sampler(normal_denoiser(0.0, 0.5), start, sigmas)
    assert not torch.allclose(found, still, atol=0.05)
    # 20000 draws give a standard deviation to 0.5 %; Euler steps shrink it by 6 %
    assert float(found.std()) == pytest.approx(0.5, rel=tolerance)


def test_churn_acts_between_its_bounds_only_and_is_limited() -> None:
    churn = Churn(amount=1e9, sigma_low=0.1, sigma_high=10.0)
    assert churn.raised(20.0, 64) == 20.0
    assert churn.raised(0.05, 64) == 0.05
    assert churn.raised(1.0, 64) == pytest.approx(math.sqrt(2))


def test_negative_churn_is_refused() -> None:
    with pytest.raises(ConfigError):
        Churn(amount=-1.0)


def test_noise_belongs_to_its_seed() -> None:
    alone, among = SampleNoise([7]), SampleNoise([3, 7, 5])
    for shape in ((4, 2), (3,)):
        assert torch.equal(alone(shape)[0], among(shape)[1])


def test_equal_seeds_give_equal_noise_and_others_do_not() -> None:
    first, second, third = SampleNoise([1, 1, 2])((5,))
    assert torch.equal(first, second)
    assert not torch.equal(first, third)


def test_guidance_mixes_the_branches_of_one_doubled_batch() -> None:
    shapes: list[torch.Size] = []

    def both(x: Tensor, sigma: float) -> Tensor:
        shapes.append(x.shape)
        half = len(x) // 2
        return torch.cat([torch.full_like(x[:half], 2.0), torch.full_like(x[half:], 1.0)])

    found = guided_denoiser(both, 3.0)(torch.zeros(2, 4), 1.0)
    assert found.tolist() == [[4.0] * 4] * 2
    assert shapes == [torch.Size([4, 4])]


def test_a_discrete_network_is_fed_scaled_noise_at_the_matching_time() -> None:
    diffusion = DiscreteDiffusion(DiffusionConfig())
    seen: dict[str, Tensor] = {}

    def network(x_t: Tensor, t: Tensor) -> Tensor:
        seen.update(x_t=x_t, t=t)
        return 10 * x_t

    x = torch.tensor([[3.0], [-3.0]])
    sigma = 2.0
    assert discrete_denoiser(network, diffusion, clip=4.0)(x, sigma).tolist() == [[4.0], [-4.0]]
    torch.testing.assert_close(seen["x_t"], x / math.sqrt(5))
    assert seen["t"].tolist() == [diffusion.timestep_of(sigma)] * 2
    unbounded = discrete_denoiser(network, diffusion)(x, sigma)
    torch.testing.assert_close(unbounded, 10 * x / math.sqrt(5))
