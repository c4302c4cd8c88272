"""The distribution of latents, given a text or an image."""

from shapewright.prior.channels import ChannelScaling
from shapewright.prior.condition import Condition
from shapewright.prior.config import LowResConfig, PriorConfig
from shapewright.prior.prior import Prior
from shapewright.prior.sampling import SamplerConfig, Solver, sample, sample_from
from shapewright.prior.statistics import LatentStatistics
from shapewright.prior.steering import Steering

__all__ = [
    "ChannelScaling",
    "Condition",
    "LatentStatistics",
    "LowResConfig",
    "Prior",
    "PriorConfig",
    "SamplerConfig",
    "Solver",
    "Steering",
    "sample",
    "sample_from",
]
