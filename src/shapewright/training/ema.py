"""An exponential moving average of a model's weights, the one that is kept."""

import copy

import torch
from torch import Tensor, nn

from shapewright.training.sharding import local, parts_like

__all__ = ["ExponentialMovingAverage"]


class ExponentialMovingAverage:
    """average = decay * average + (1 - decay) * weights, with a shorter memory during the first steps.

    Where the model is sharded, so is `average`: `sharding.whole_module` makes one that can be called.
    """

    def __init__(self, model: nn.Module, decay: float) -> None:
        self.decay = decay
        self.average = copy.deepcopy(model).requires_grad_(False).eval()

    @torch.no_grad()
    def update(self, model: nn.Module, step: int) -> None:
        """Take in the weights after optimisation step number `step` (counted from 0)."""
        decay = min(self.decay, (1 + step) / (10 + step))
        for average, weight in zip(self.average.parameters(), model.parameters(), strict=True):
            local(average).lerp_(local(weight), 1 - decay)

    def state_dict(self) -> dict[str, Tensor]:
        return self.average.state_dict()

    def load_state_dict(self, state: dict[str, Tensor]) -> None:
        self.average.load_state_dict(parts_like(state, self.average.state_dict()))
