"""The training objective of a denoiser."""

import pytest
import torch
from torch.distributions import Normal, kl_divergence

from shapewright.diffusion import DiffusionConfig, DiscreteDiffusion, ScheduleConfig, denoising_loss
from shapewright.diffusion.discrete import Prediction
from shapewright.diffusion.losses import gaussian_kl_nats

SCHEDULE = ScheduleConfig(name="exp", timesteps=100)


def draw(seed: int) -> torch.Tensor:
    return torch.randn(3, 4, 2, generator=torch.Generator().manual_seed(seed))


def test_kl_is_that_of_torch() -> None:
    mean_p, log_variance_p, mean_q, log_variance_q = (draw(i) for i in range(4))
    expected = kl_divergence(
        Normal(mean_p, (log_variance_p / 2).exp()), Normal(mean_q, (log_variance_q / 2).exp())
    )
    found = gaussian_kl_nats(mean_p, log_variance_p, mean_q, log_variance_q)
    torch.testing.assert_close(found, expected, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("prediction", ["x0", "eps"])
def test_a_perfect_network_has_no_error(prediction: Prediction) -> None:
    diffusion = DiscreteDiffusion(DiffusionConfig(schedule=SCHEDULE, prediction=prediction))
    x0, noise, t = draw(0), draw(1), torch.tensor([3, 50, 99])
    perfect = diffusion.target(x0, noise)
    loss = denoising_loss(diffusion, perfect, -torch.ones_like(x0), x0=x0, t=t, noise=noise)
    assert loss.bound_bits is not None
    assert loss.squared_error.tolist() == [0, 0, 0]
    # the posterior itself: no divergence but rounding, which eps prediction divides by sqrt(alpha_bar)
    torch.testing.assert_close(loss.bound_bits, torch.zeros(3), rtol=0, atol=1e-3)


def test_the_bound_teaches_the_variance_and_not_the_mean() -> None:
    diffusion = DiscreteDiffusion(DiffusionConfig(schedule=SCHEDULE))
    x0, noise, t = draw(0), draw(1), torch.tensor([1, 30, 90])
    prediction, variance = draw(2).requires_grad_(), draw(3).requires_grad_()
    loss = denoising_loss(diffusion, prediction, variance, x0=x0, t=t, noise=noise)
    assert loss.bound_bits is not None
    loss.bound_bits.sum().backward()
    assert prediction.grad is None
    assert variance.grad is not None
    assert bool(variance.grad.abs().amax(dim=(1, 2)).gt(0).all())


def test_the_first_step_has_no_bound() -> None:
    """As in the reference: a likelihood there is for images only, whose values are discrete."""
    diffusion = DiscreteDiffusion(DiffusionConfig(schedule=SCHEDULE))
    variance = draw(3).requires_grad_()
    t = torch.tensor([0, 0, 5])
    loss = denoising_loss(diffusion, draw(2), variance, x0=draw(0), t=t, noise=draw(1))
    assert loss.bound_bits is not None
    assert loss.bound_bits[:2].tolist() == [0, 0]
    assert loss.bound_bits[2].item() > 0
    loss.total.sum().backward()
    assert variance.grad is not None
    assert not variance.grad[:2].any()


def test_error_and_bound_count_alike() -> None:
    diffusion = DiscreteDiffusion(DiffusionConfig(schedule=SCHEDULE))
    x0, noise, t = draw(0), draw(1), torch.tensor([5, 30, 90])
    loss = denoising_loss(diffusion, draw(2), draw(3), x0=x0, t=t, noise=noise)
    assert loss.bound_bits is not None
    torch.testing.assert_close(loss.squared_error, ((draw(2) - x0) ** 2).flatten(1).mean(dim=1))
    torch.testing.assert_close(loss.total, loss.squared_error + loss.bound_bits)


def test_without_a_variance_the_total_is_the_error() -> None:
    diffusion = DiscreteDiffusion(DiffusionConfig(schedule=SCHEDULE))
    loss = denoising_loss(diffusion, draw(2), None, x0=draw(0), t=torch.tensor([5, 30, 90]), noise=draw(1))
    assert loss.bound_bits is None
    assert torch.equal(loss.total, loss.squared_error)
