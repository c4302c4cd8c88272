"""Sampling a prior: seeds, batches, guidance, progress. The network is small and random."""

import json
import math
from dataclasses import replace
from typing import Any, get_args

import pytest
import torch

from shapewright.config import from_dict, to_dict
from shapewright.errors import ConfigError
from shapewright.prior import Condition, Prior, PriorConfig, SamplerConfig, Solver, sample, sample_from
from shapewright.prior.sampling import prior_denoiser

CONFIG = PriorConfig(
    latent_tokens=6,
    latent_channels=4,
    width=32,
    layers=2,
    heads=4,
    text_pooled_width=12,
    text_token_width=12,
)
QUICK = SamplerConfig(steps=6, guidance=3.0, clip=4.0)


@pytest.fixture(scope="module")
def prior() -> Prior:
    torch.manual_seed(0)
    prior = Prior(CONFIG).eval()
    torch.nn.init.normal_(prior.output_proj.weight, std=0.2)
    return prior


def condition(rows: int) -> Condition:
    generator = torch.Generator().manual_seed(1)
    return Condition(
        text_pooled=torch.randn(rows, 12, generator=generator),
        text_tokens=torch.randn(rows, 8, 12, generator=generator),
        text_mask=torch.arange(8)[None] <= torch.arange(rows)[:, None],
    )


@pytest.mark.parametrize(
    ("method", "churn"),
    [
        *(("heun", 0.0), ("dpm", 0.0), ("euler", 0.0), ("dpmpp2m", 0.0), ("dpmpp3m", 0.0), ("unipc", 0.0)),
        *(("heun", 3.0), ("dpm", 3.0), ("euler", 3.0)),
    ],
)
def test_a_sample_depends_on_its_seed_and_condition_only(prior: Prior, method: str, churn: float) -> None:
    config = SamplerConfig(steps=6, guidance=3.0, clip=4.0, method=method, churn=churn)
    together = sample(prior, condition(4), seeds=[5, 6, 7, 8], config=config)
    alone = sample(prior, condition(4).select(torch.tensor([2])), seeds=[7], config=config)
    # so few rows take other kernels: rounding only, carried through 11 evaluations
    torch.testing.assert_close(alone[0], together[2], rtol=1e-4, atol=1e-4)
    assert float((together[0] - together[1]).abs().max()) > 0.1


def test_the_same_call_gives_the_same_bits(prior: Prior) -> None:
    first, second = (sample(prior, condition(2), seeds=[1, 2], config=QUICK) for _ in range(2))
    assert torch.equal(first, second)


def test_sampling_touches_no_global_generator(prior: Prior) -> None:
    before = torch.get_rng_state()
    sample(prior, condition(1), seeds=[1], config=QUICK)
    assert torch.equal(torch.get_rng_state(), before)


def test_samples_may_be_differentiated_later(prior: Prior) -> None:
    """They are ordinary tensors, not inference ones."""
    latent = sample(prior, condition(1), seeds=[1], config=QUICK)
    (latent * torch.ones_like(latent, requires_grad=True)).sum().backward()


def test_guidance_zero_and_one_are_single_branches(prior: Prior) -> None:
    x = torch.randn(2, 6, 4, generator=torch.Generator().manual_seed(3))
    denoised = {
        scale: prior_denoiser(prior, condition(2), guidance=scale, clip=None)(x, 2.0)
        for scale in (0.0, 1.0, 1e-6, 1 + 1e-6, 4.0)
    }
    # the doubled batch mixed in these proportions is a single branch, but for rounding
    torch.testing.assert_close(denoised[0.0], denoised[1e-6], rtol=1e-4, atol=1e-5)
    torch.testing.assert_close(denoised[1.0], denoised[1 + 1e-6], rtol=1e-4, atol=1e-5)
    mixed = denoised[0.0] + 4 * (denoised[1.0] - denoised[0.0])
    torch.testing.assert_close(denoised[4.0], mixed, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("method", get_args(Solver))
def test_guidance_in_an_interval_doubles_the_batch_there_only(prior: Prior, method: Solver) -> None:
    seen: list[int] = []
    hook = prior.register_forward_hook(lambda _module, inputs, _output: seen.append(len(inputs[0])))
    config = SamplerConfig(steps=6, guidance=3.0, clip=4.0, method=method, guidance_interval=(0.1, 20.0))
    sample(prior, condition(2), seeds=[1, 2], config=config)
    hook.remove()
    sigmas = config.evaluated_sigmas()
    assert seen == [4 if 0.1 <= sigma <= 20.0 else 2 for sigma in sigmas]
    assert {2, 4} == set(seen)
    assert len(seen) == config.evaluations
    assert sum(seen) == 2 * config.branch_evaluations


def test_an_interval_of_everything_is_none_and_one_of_nothing_plain(prior: Prior) -> None:
    def drawn(guidance: float, interval: tuple[float, float] | None) -> torch.Tensor:
        config = replace(QUICK, guidance=guidance, guidance_interval=interval)
        return sample(prior, condition(2), seeds=[1, 2], config=config)

    assert torch.equal(drawn(3.0, (0.0, math.inf)), drawn(3.0, None))
    assert torch.equal(drawn(3.0, (500.0, math.inf)), drawn(1.0, None))
    assert not torch.allclose(drawn(3.0, (0.1, 20.0)), drawn(3.0, None), atol=1e-2)


@pytest.mark.parametrize("churn", [0.0, 10.0])
def test_the_ends_of_an_interval_belong_to_it(churn: float) -> None:
    """Counted at the noise levels that churn has raised, for there the prior is evaluated."""
    plain = SamplerConfig(steps=4, churn=churn, method="euler")
    second, third = plain.evaluated_sigmas()[1:3]
    assert replace(plain, guidance_interval=(third, second)).branch_evaluations == 4 + 2
    assert replace(plain, guidance_interval=(third, math.nextafter(second, 0))).branch_evaluations == 4 + 1


@pytest.mark.parametrize(("guidance", "rows"), [(0.0, 2), (1.0, 2), (3.0, 4)])
def test_the_network_sees_one_batch_per_evaluation(prior: Prior, guidance: float, rows: int) -> None:
    seen: list[int] = []
    hook = prior.register_forward_hook(lambda _module, inputs, _output: seen.append(len(inputs[0])))
    config = SamplerConfig(steps=3, guidance=guidance, clip=4.0)
    sample(prior, condition(2), seeds=[1, 2], config=config)
    hook.remove()
    assert seen == [rows] * config.evaluations


def test_guidance_zero_ignores_the_condition(prior: Prior) -> None:
    config = SamplerConfig(steps=3, guidance=0.0)
    start = torch.randn(2, 6, 4, generator=torch.Generator().manual_seed(3))
    flipped = condition(2).select(torch.tensor([1, 0]))
    assert torch.equal(
        sample_from(prior, condition(2), start, config=config),
        sample_from(prior, flipped, start, config=config),
    )


def test_estimates_are_clipped(prior: Prior) -> None:
    narrow = SamplerConfig(steps=6, guidance=1.0, clip=0.01)
    # sigma_min is what is left of the noise
    assert float(sample(prior, condition(1), seeds=[1], config=narrow).abs().max()) < 0.02


def test_progress_is_told(prior: Prior) -> None:
    seen: list[tuple[int, int]] = []
    sample(
        prior, condition(1), seeds=[1], config=QUICK, on_step=lambda done, total: seen.append((done, total))
    )
    assert seen == [(i, 6) for i in range(1, 7)]


def test_an_unconditional_prior_samples() -> None:
    prior = Prior(PriorConfig(latent_tokens=6, latent_channels=4, width=32, layers=1, heads=4))
    assert sample(prior, Condition(), seeds=[1, 2], config=QUICK).shape == (2, 6, 4)


def test_a_half_precision_prior_keeps_its_state_in_full(prior: Prior) -> None:
    half = Prior(CONFIG).eval()
    half.load_state_dict(prior.state_dict())
    found = sample(half.bfloat16(), condition(1), seeds=[1], config=QUICK)
    assert found.dtype == torch.float32
    assert bool(found.isfinite().all())


@pytest.mark.parametrize(
    "settings",
    [
        {"steps": 0},
        {"guidance": -1.0},
        {"sigma_min": 0.0},
        {"sigma_min": 200.0},
        {"rho": 0.0},
        {"churn": -1.0},
        {"clip": 0.0},
        {"guidance": float("nan")},
        {"method": "unipc", "churn": 1.0},
        {"guidance_interval": (2.0, 1.0)},
        {"levels": (160.0,)},
        {"levels": (160.0, 1.0, 2.0, 1e-3)},
        {"levels": (80.0, 1.0, 1e-3)},
        {"guidance_interval": (-1.0, 1.0)},
        {"guidance_interval": (float("nan"), 1.0)},
    ],
)
def test_bad_settings_are_refused(settings: dict[str, Any]) -> None:
    with pytest.raises(ConfigError):
        SamplerConfig(**settings)


def test_an_unknown_solver_is_refused() -> None:
    config = SamplerConfig()
    # where types are not checked; in tests they are, at the constructor
    object.__setattr__(config, "method", "rk4")
    with pytest.raises(ConfigError, match="'rk4' is no solver"):
        config.__post_init__()


def test_evaluations_are_counted() -> None:
    assert SamplerConfig().evaluations == 127
    assert SamplerConfig(method="dpm").evaluations == 128
    assert SamplerConfig(method="euler").evaluations == 64
    assert SamplerConfig(method="dpmpp2m", steps=16).evaluations == 16
    assert SamplerConfig(method="dpmpp2m", steps=16).branch_evaluations == 32
    assert SamplerConfig(method="dpmpp2m", steps=16, guidance=1.0).branch_evaluations == 16


def test_settings_survive_a_file_and_old_ones_are_understood() -> None:
    config = SamplerConfig(method="unipc", guidance_interval=(0.1, 20.0))
    assert from_dict(SamplerConfig, json.loads(json.dumps(to_dict(config)))) == config
    old = {"steps": 24, "guidance": 4.0, "sigma_min": 0.02, "sigma_max": 80.0, "rho": 7.0, "method": "heun"}
    assert from_dict(SamplerConfig, {**old, "churn": 0.0, "clip": 4.0}).guidance_interval is None
