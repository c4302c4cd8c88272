"""The distribution of latents, given a text or an image."""

from shapewright.prior.condition import Condition
from shapewright.prior.config import PriorConfig
from shapewright.prior.prior import Prior
from shapewright.prior.sampling import SamplerConfig, sample, sample_from
from shapewright.prior.statistics import LatentStatistics

__all__ = ["Condition", "LatentStatistics", "Prior", "PriorConfig", "SamplerConfig", "sample", "sample_from"]
