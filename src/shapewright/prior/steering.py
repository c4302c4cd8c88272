"""How samples are drawn beside what they are told: what to keep away from, mixtures, where to begin."""

from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from shapewright.errors import ConfigError
from shapewright.prior.condition import Condition

__all__ = ["Steering"]


@dataclass(frozen=True, kw_only=True)
class Steering:
    """Of a batch of samples; the defaults change nothing.

    `weights`, which sum to 1, are of the parts of a mixture: the condition then has that many blocks, each
    of a row for every sample. `negative` has a row for every sample, whose estimates take the place of the
    unconditional ones in guidance. `guidance` is that of every sample, in place of the sampler's; 0 and 1,
    which need one branch only, stand in no batch with others. `init` is a standardised latent, noised to
    the level at the fraction `strength` of the schedule, from where it is denoised (1: the highest level).
    Source: Liu et al. (2022), "Compositional visual generation", the weighted sum; Meng et al. (2022),
    "SDEdit", algorithm 1.
    """

    weights: tuple[float, ...] = (1.0,)
    negative: Condition | None = None
    guidance: Float[Tensor, " b"] | None = None
    init: Float[Tensor, "t c"] | None = None
    strength: float = 1.0

    def __post_init__(self) -> None:
        if not 0 < self.strength <= 1:
            raise ConfigError(f"The strength must be above 0 and at most 1, got {self.strength}.")
        assert abs(sum(self.weights) - 1) < 1e-6, "weights of a mixture sum to 1"

    def first_step(self, steps: int) -> int:
        """The step that is the first to be taken; at least the last one is."""
        return steps - max(1, round(self.strength * steps))

    def scale(self, default: float) -> float | Float[Tensor, "b 1 1"]:
        """The guidance as estimates are multiplied by it: a number if it is the same for all samples."""
        if self.guidance is None:
            return default
        if bool((self.guidance == self.guidance[0]).all()):
            return float(self.guidance[0])
        single = (self.guidance == 0) | (self.guidance == 1)
        assert not bool(single.any()), "guidance 0 and 1 are drawn in batches of their own"
        return self.guidance[:, None, None]

    def to(self, device: torch.device | str) -> "Steering":
        return Steering(
            weights=self.weights,
            negative=None if self.negative is None else self.negative.to(device),
            guidance=None if self.guidance is None else self.guidance.to(device),
            init=None if self.init is None else self.init.to(device),
            strength=self.strength,
        )
