"""Tables of the discrete diffusion and its conversions."""

import pytest
import torch

from shapewright.diffusion import DiffusionConfig, DiscreteDiffusion, ScheduleConfig
from shapewright.diffusion.schedules import ScheduleName, schedule_betas

T = 50
CONFIG = DiffusionConfig(schedule=ScheduleConfig(name="cosine", timesteps=T))
EPS_CONFIG = DiffusionConfig(schedule=CONFIG.schedule, prediction="eps")


@pytest.fixture
def diffusion() -> DiscreteDiffusion:
    return DiscreteDiffusion(CONFIG)


def draws(seed: int = 0) -> tuple[torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(3, 4, 2, generator=generator), torch.randn(3, 4, 2, generator=generator)


def test_noise_keeps_unit_variance_and_wins_in_the_end(diffusion: DiscreteDiffusion) -> None:
    generator = torch.Generator().manual_seed(0)
    x0, noise = torch.randn(2, 20000, generator=generator), torch.randn(2, 20000, generator=generator)
    noised = diffusion.noised(x0, torch.tensor([0, T - 1]), noise)
    # 20000 draws give a standard deviation to 0.5 %; three times that
    torch.testing.assert_close(noised.std(dim=1), torch.ones(2), rtol=0.015, atol=0)
    assert float((noised[0] - x0[0]).abs().max()) < 0.3
    torch.testing.assert_close(noised[1], noise[1], rtol=0, atol=0.05)


@pytest.mark.parametrize("config", [CONFIG, EPS_CONFIG])
def test_a_perfect_prediction_gives_x0_back(config: DiffusionConfig) -> None:
    diffusion = DiscreteDiffusion(config)
    x0, noise = draws()
    t = torch.tensor([0, 10, 40])
    found = diffusion.predicted_x0(diffusion.noised(x0, t, noise), t, diffusion.target(x0, noise))
    # at step 40 of 50 eps prediction divides by sqrt(alpha_bar) = 0.27
    torch.testing.assert_close(found, x0, rtol=1e-4, atol=1e-5)


def test_the_posterior_is_that_of_bayes(diffusion: DiscreteDiffusion) -> None:
    """q(x_{t-1} | x_t, x_0) from the product of two normal densities, in place of the closed form."""
    t = 17
    betas = schedule_betas(CONFIG.schedule)
    beta, before = betas[t], diffusion.alphas_cumprod[t - 1]
    x0, x_t = draws()
    precision = (1 - beta) / beta + 1 / (1 - before)
    mean = ((1 - beta).sqrt() * x_t / beta + before.sqrt() * x0 / (1 - before)) / precision
    found = diffusion.posterior_mean(x0, x_t, torch.full((3,), t))
    torch.testing.assert_close(found, mean.float(), rtol=1e-5, atol=1e-5)
    torch.testing.assert_close(diffusion.posterior_log_variance[t].exp(), 1 / precision)


def test_the_learned_variance_spans_posterior_to_beta(diffusion: DiscreteDiffusion) -> None:
    t = torch.tensor([0, 5])
    low = diffusion.learned_log_variance(-torch.ones(2, 3), t)
    high = diffusion.learned_log_variance(torch.ones(2, 3), t)
    torch.testing.assert_close(low[:, 0], diffusion.posterior_log_variance[t].float())
    torch.testing.assert_close(high[:, 0], diffusion.log_betas[t].float())
    assert float(diffusion.posterior_log_variance[0]) == float(diffusion.posterior_log_variance[1])


def test_a_sigma_falls_on_its_step(diffusion: DiscreteDiffusion) -> None:
    sigmas = ((1 - diffusion.alphas_cumprod) / diffusion.alphas_cumprod).sqrt().tolist()
    for t in (0, 1, 20, T - 1):
        assert diffusion.timestep_of(sigmas[t] * 1.0001) == t
    # floor: just below the next entry is still this step
    assert diffusion.timestep_of(sigmas[21] * 0.9999) == 20


@pytest.mark.parametrize(("sigma", "step"), [(0.0, 0), (1e-6, 0), (1e9, T - 1)])
def test_sigmas_beyond_the_table_are_clamped(diffusion: DiscreteDiffusion, sigma: float, step: int) -> None:
    assert diffusion.timestep_of(sigma) == step


@pytest.mark.parametrize("name", ["exp", "cosine", "linear", "inv_parabola"])
def test_tables_are_on_the_cpu_wherever_the_network_is_built(name: ScheduleName) -> None:
    config = DiffusionConfig(schedule=ScheduleConfig(name=name, timesteps=8))
    with torch.device("meta"):
        built = DiscreteDiffusion(config)
    assert torch.equal(built.alphas_cumprod, DiscreteDiffusion(config).alphas_cumprod)
