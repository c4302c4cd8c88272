"""The parts together: a tiny prior learns which latent belongs to which text, and how widely it spreads."""

import torch

from shapewright.diffusion import DiffusionConfig, ScheduleConfig, denoising_loss
from shapewright.prior import Condition, Prior, PriorConfig, SamplerConfig, sample

# The exp schedule spends half its steps on sigma > 20, few on sigma < 1: it learns the spread too slowly
# for a test. And with cosine a learned variance would disturb the prediction of x_0: see losses.py.
CONFIG = PriorConfig(
    latent_tokens=2,
    latent_channels=3,
    width=32,
    layers=1,
    heads=4,
    text_pooled_width=4,
    text_token_width=4,
    predict_variance=False,
    diffusion=DiffusionConfig(schedule=ScheduleConfig(name="cosine")),
)
SPREAD = 0.4
BATCH = 64


def texts(which: torch.Tensor) -> Condition:
    """Text 0 and text 1 as features: two directions, of two and three tokens."""
    pooled = torch.nn.functional.one_hot(which, 4).float()
    mask = torch.arange(4)[None] < which[:, None] + 2
    return Condition(text_pooled=pooled, text_tokens=pooled[:, None] * mask[..., None], text_mask=mask)


def latents(which: torch.Tensor, generator: torch.Generator) -> torch.Tensor:
    center = torch.where(which == 0, 0.8, -0.8)[:, None, None]
    return center + SPREAD * torch.randn(len(which), 2, 3, generator=generator)


def trained_prior(steps: int) -> Prior:
    torch.manual_seed(0)
    generator = torch.Generator().manual_seed(0)
    prior = Prior(CONFIG)
    optimizer = torch.optim.Adam(prior.parameters(), lr=3e-3)
    for _ in range(steps):
        which = torch.randint(0, 2, (BATCH,), generator=generator)
        x0 = latents(which, generator)
        t = torch.randint(0, prior.diffusion.timesteps, (BATCH,), generator=generator)
        noise = torch.randn(x0.shape, generator=generator)
        condition = texts(which).drop(torch.rand(BATCH, generator=generator) < 0.1)
        out = prior(prior.diffusion.noised(x0, t, noise), t, condition)
        loss = denoising_loss(prior.diffusion, out[:, 0], None, x0=x0, t=t, noise=noise)
        optimizer.zero_grad()
        loss.total.mean().backward()
        optimizer.step()
    return prior.eval()


def draw(prior: Prior, which: torch.Tensor, guidance: float) -> torch.Tensor:
    config = SamplerConfig(steps=16, guidance=guidance, clip=2.0)
    return sample(prior, texts(which), seeds=range(len(which)), config=config)


def test_a_prior_learns_texts_and_spread() -> None:
    prior = trained_prior(300)
    which = torch.arange(40) % 2
    center = torch.where(which == 0, 0.8, -0.8)[:, None, None]
    told = draw(prior, which, guidance=1.0)
    assert float((told - center).abs().mean()) < SPREAD
    # neither collapsed to the mean nor left as noise
    assert 0.3 * SPREAD < float((told - center).std()) < 1.5 * SPREAD
    guided = draw(prior, which, guidance=2.0)
    assert bool((guided.mean(dim=(1, 2)).sign() == center[:, 0, 0].sign()).all())
    untold = draw(prior, which, guidance=0.0).mean(dim=(1, 2))
    assert 5 < int((untold > 0).sum()) < 35
