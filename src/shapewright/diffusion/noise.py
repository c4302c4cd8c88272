"""Noise that belongs to a sample, not to the batch it is drawn in."""

from collections.abc import Sequence

import torch
from jaxtyping import Float
from torch import Tensor

__all__ = ["SampleNoise"]


class SampleNoise:
    """One stream of standard normal numbers per sample, from that sample's own seed.

    The streams are drawn on the CPU, so that a seed gives the same noise on every device.
    """

    def __init__(self, seeds: Sequence[int]) -> None:
        assert len(seeds) > 0, "noise needs at least one seed"
        self.generators = [torch.Generator().manual_seed(seed) for seed in seeds]

    def __call__(self, shape: Sequence[int], device: torch.device | str = "cpu") -> Float[Tensor, "b *shape"]:
        """The next draw of every stream, stacked: (samples, *shape), fp32."""
        draws = [torch.randn(tuple(shape), generator=generator) for generator in self.generators]
        return torch.stack(draws).to(device)
