"""Priors against values computed by the reference, and Point-E's base models, which share the network.

Tolerances: fp32 networks agree to 1e-4 of the largest value (sums in another order); a sample of 64 steps
carries that error through 127 evaluations, which contract rather than amplify it.
"""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from shapewright.diffusion import DiffusionConfig, ScheduleConfig, karras_sigmas
from shapewright.prior import Condition, Prior, PriorConfig, SamplerConfig, sample_from

GOLDEN = Path(__file__).parent / "golden"
NAMES = ["prior_text_small", "prior_image_small"]


@dataclass(frozen=True, kw_only=True)
class Case:
    settings: dict[str, Any]
    arrays: dict[str, Tensor]
    prior: Prior
    condition: Condition


def read_case(name: str, fill: Any) -> Case:
    settings = json.loads((GOLDEN / f"{name}.json").read_text())
    with np.load(GOLDEN / f"{name}.npz") as file:
        arrays = {key: torch.from_numpy(file[key]) for key in file.files}
    prior = Prior(config_of(settings)).eval()
    state = {
        official.removeprefix("wrapped."): torch.from_numpy(fill(official, shape))
        for official, shape in settings["state_dict_shapes"].items()
    }
    prior.load_state_dict(state)
    return Case(
        settings=settings, arrays=arrays, prior=prior, condition=condition_of(arrays["embeddings"].float())
    )


def config_of(settings: dict[str, Any]) -> PriorConfig:
    config = settings["config"]
    inner = config.get("inner", config)
    tokens = config.get("latent_ctx") or config["n_ctx"]
    is_image = "Grid" in inner["name"]
    return PriorConfig(
        latent_tokens=tokens,
        latent_channels=config["d_latent"] // tokens if "d_latent" in config else config["input_channels"],
        width=inner["width"],
        layers=inner["layers"],
        heads=inner["heads"],
        text_pooled_width=None if is_image else 768,
        image_token_width=1024 if is_image else None,
        use_pos_emb=inner.get("use_pos_emb", False),
        diffusion=DiffusionConfig(
            schedule=ScheduleConfig(
                name=settings["diffusion"]["schedule"], timesteps=settings["diffusion"]["timesteps"]
            ),
            prediction="x0" if settings["diffusion"]["mean_type"] == "x_start" else "eps",
        ),
    )


def condition_of(embeddings: Tensor) -> Condition:
    if embeddings.ndim == 2:
        return Condition(text_pooled=embeddings)
    return Condition(image_tokens=embeddings.transpose(1, 2))


def sampler_of(settings: dict[str, Any]) -> SamplerConfig:
    karras = settings["karras"]
    return SamplerConfig(
        steps=karras["steps"],
        guidance=settings["guidance_scale"],
        sigma_min=karras["sigma_min"],
        sigma_max=karras["sigma_max"],
        rho=karras["rho"],
        method=karras["sampler"],
        churn=karras["s_churn"],
    )


def largest_difference(found: Tensor, expected: Tensor) -> float:
    """Relative to the largest expected value."""
    return float((found - expected).abs().max() / expected.abs().max())


@pytest.fixture(scope="module", params=NAMES)
def case(request: pytest.FixtureRequest, golden_fill: Any) -> Case:
    return read_case(request.param, golden_fill)


@pytest.fixture(scope="module", params=["pointe_base40M", "pointe_base40M_textvec"])
def point_case(request: pytest.FixtureRequest, golden_fill: Any) -> Case:
    return read_case(request.param, golden_fill)


@pytest.fixture(scope="module")
def golden_fill() -> Any:
    import importlib.util

    spec = importlib.util.spec_from_file_location("golden_fill", GOLDEN / "fill.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module.fill


def test_one_evaluation(case: Case) -> None:
    with torch.no_grad():
        out = case.prior(case.arrays["x"], case.arrays["t"].long(), case.condition)
    assert largest_difference(out, case.arrays["out"]) < 1e-4


def test_schedule(case: Case) -> None:
    # fp64 on both sides
    torch.testing.assert_close(
        case.prior.diffusion.alphas_cumprod, case.arrays["alphas_cumprod"], rtol=1e-9, atol=0
    )


def test_sigmas(case: Case) -> None:
    sampler = sampler_of(case.settings)
    sigmas = karras_sigmas(
        sampler.steps, sigma_min=sampler.sigma_min, sigma_max=sampler.sigma_max, rho=sampler.rho
    )
    # the reference computes them in fp32, where the seventh power of the root rounds
    torch.testing.assert_close(sigmas, case.arrays["sigmas"].double(), rtol=5e-6, atol=1e-9)


def test_guided_sample(case: Case) -> None:
    condition = case.condition.select(torch.tensor([0]))
    sample = sample_from(case.prior, condition, case.arrays["noise"][None], config=sampler_of(case.settings))
    assert largest_difference(sample[0], case.arrays["sample"]) < 1e-4


def test_one_evaluation_of_point_e(point_case: Case) -> None:
    arrays = point_case.arrays
    with torch.no_grad():
        out = point_case.prior(arrays["x"].transpose(1, 2), arrays["t"].long(), point_case.condition)
    assert largest_difference(out.transpose(2, 3).flatten(1, 2), arrays["out"]) < 1e-4


def test_guided_sample_of_point_e(point_case: Case) -> None:
    """eps prediction and the cosine schedule; channel scales and biases are undone here."""
    arrays, diffusion = point_case.arrays, point_case.settings["diffusion"]
    scales, biases = torch.tensor(diffusion["channel_scales"]), torch.tensor(diffusion["channel_biases"])
    condition = point_case.condition.select(torch.tensor([0]))
    start = arrays["noise"].transpose(1, 2)
    sample = sample_from(point_case.prior, condition, start, config=sampler_of(point_case.settings))
    points = ((sample - biases) / scales).transpose(1, 2)
    assert largest_difference(points, arrays["sample"]) < 1e-4
