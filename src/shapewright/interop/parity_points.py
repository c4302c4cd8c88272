"""What a parity case of Point-E's networks computes; points are channel-first (B, C, K) in the files."""

from __future__ import annotations

from dataclasses import replace

import torch
from torch import Tensor

from shapewright.diffusion import SampleNoise
from shapewright.errors import DatasetError
from shapewright.interop.official_points import load_point_prior, load_sdf
from shapewright.interop.parity_inputs import Arrays, Inputs, Settings, State, sampler_config
from shapewright.pointe import PointPrior
from shapewright.prior import Condition, LowResConfig, SamplerConfig, sample_from

__all__ = ["run_points", "run_sdf"]

# CLIP ViT-L/14's: what the published upsampler is given where there is no picture
GRID_TOKENS = 256


def run_points(config: Settings, state: State, settings: Settings, inputs: Inputs) -> Arrays:
    """`out` of x at times t, and `sample` from noise under the first conditions, as far as they are given.

    Churn draws its noise from a seed of its own: a case does not hold any.
    """
    network = load_point_prior(config, state, settings.get("diffusion"))
    outputs: Arrays = {}
    if inputs.has("x"):
        x = points(inputs, "x", network)
        given = condition(network, inputs, len(x))
        out = network(x, inputs.tensor("t", (len(x),)), given)
        outputs["out"] = out.transpose(2, 3).flatten(1, 2).numpy()
    if inputs.has("noise"):
        stage = network.stage.sampler
        sampler = sampler_config(settings, sigma_max=stage.sigma_max)
        outputs["sample"] = sampled(network, inputs, sampler).transpose(1, 2).numpy()
    if not outputs:
        raise DatasetError("The inputs have neither 'x' nor 'noise': there is nothing to compute.")
    return outputs


def run_sdf(config: Settings, state: State, settings: Settings, inputs: Inputs) -> Arrays:
    """One number per query."""
    sdf = load_sdf(config, state)
    cloud, query = inputs.tensor("point_cloud", (None, 3, None)), inputs.tensor("query", (None, 3, None))
    return {"out": sdf(cloud.transpose(1, 2), query.transpose(1, 2)).numpy()}


def sampled(network: PointPrior, inputs: Inputs, sampler: SamplerConfig) -> Tensor:
    start = points(inputs, "noise", network)
    given = condition(network, inputs, len(start))
    scaled = sample_from(network, given, start, config=sampler, noise=SampleNoise(range(len(start))))
    return network.restore(scaled)


def points(inputs: Inputs, name: str, network: PointPrior) -> Tensor:
    """(B, K, C), of the network's size."""
    size = (None, network.config.latent_channels, network.config.latent_tokens)
    return inputs.tensor(name, size).transpose(1, 2)


def condition(network: PointPrior, inputs: Inputs, rows: int) -> Condition:
    """The first `rows` of what the network is conditioned by."""
    config = network.config
    found = Condition()
    if config.text_pooled_width is not None:
        found = Condition(text_pooled=inputs.rows("embeddings", rows, (None, config.text_pooled_width)))
    if config.image_token_width is not None:
        found = Condition(image_tokens=image_tokens(inputs, rows, config.image_token_width, config.low_res))
    if config.low_res is not None:
        low_res = inputs.rows("low_res", rows, (None, config.low_res.channels, None))
        found = replace(found, low_res=low_res.transpose(1, 2))
    return found


def image_tokens(inputs: Inputs, rows: int, width: int, low_res: LowResConfig | None) -> Tensor:
    """(B, N, width) of (B, width, N); an upsampler without a picture sees zeros, as the published one."""
    if low_res is not None and not inputs.has("embeddings"):
        return torch.zeros(rows, GRID_TOKENS, width)
    return inputs.rows("embeddings", rows, (None, width, None)).transpose(1, 2)
