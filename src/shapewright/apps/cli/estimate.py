"""About how long a command will take, from the size of the work and a moment's measurement of the device."""

import time

import torch

from shapewright.pipeline import Pipeline, PointEPipeline
from shapewright.prior import Prior, SamplerConfig

__all__ = ["generation_seconds", "points_seconds", "surface_seconds"]

# Transformers reach about this share of what plain large matrix products do.
EFFICIENCY = 0.4
PROBE_SIDE = 384


def generation_seconds(pipeline: Pipeline, count: int, *, steps: int | None, guidance: float | None) -> float:
    """Rough seconds to draw `count` latents: right within a factor of about two."""
    prior = pipeline.model.prior
    if prior is None:
        return 0.0
    sampler = pipeline.sampler(steps=steps, guidance=guidance)
    given = pipeline.model.config.text_tokens if prior.config.has_text else 1
    return _operations(prior, sampler, given, count) / _speed(pipeline.device)


def points_seconds(
    pipeline: PointEPipeline, count: int, *, steps: int | None, guidance: float | None
) -> float:
    """The same for clouds, both stages."""
    model, given = pipeline.model, pipeline.model.config.image_tokens
    first, second = pipeline.samplers(steps=steps, guidance=guidance)
    operations = _operations(model.base, first, given, count)
    if model.upsampler is not None and second is not None:
        given += model.base.config.latent_tokens
        operations += _operations(model.upsampler, second, given, count)
    return operations / _speed(pipeline.device)


def surface_seconds(pipeline: PointEPipeline, resolution: int) -> float:
    """The same for the mesh of a cloud: its SDF network on every point of a grid."""
    model, sdf = pipeline.model, pipeline.model.sdf
    if sdf is None:
        return 0.0
    points = model.base.config.latent_tokens
    points += 0 if model.upsampler is None else model.upsampler.config.latent_tokens
    weights = sum(parameter.numel() for parameter in sdf.decoder.parameters())
    attention = 2 * points * sdf.config.width * sdf.config.decoder_layers
    return resolution**3 * 2.0 * (weights + attention) / _speed(pipeline.device)


def _operations(prior: Prior, sampler: SamplerConfig, given_tokens: int, count: int) -> float:
    branches = 1 if sampler.guidance in (0, 1) else 2
    weights = sum(parameter.numel() for parameter in prior.parameters())
    tokens = prior.config.latent_tokens + given_tokens
    return 2.0 * weights * tokens * branches * sampler.evaluations * count


def _speed(device: torch.device) -> float:
    return EFFICIENCY * _operations_per_second(device)


def _operations_per_second(device: torch.device) -> float:
    """Measured on matrix products that take a few milliseconds; the best of a few."""
    side = PROBE_SIDE if device.type == "cpu" else 8 * PROBE_SIDE
    matrix = torch.randn(side, side, device=device)
    best = float("inf")
    for _ in range(4):
        start = time.perf_counter()
        float((matrix @ matrix)[0, 0])  # reading a number waits for the device
        best = min(best, time.perf_counter() - start)
    return 2.0 * side**3 / best
