"""The channels of a point (position, colour), brought to about [-1, 1] for diffusion and back."""

import math
from dataclasses import dataclass

from jaxtyping import Float
from torch import Tensor

from shapewright.errors import ConfigError

__all__ = ["ChannelScaling"]


@dataclass(frozen=True, kw_only=True)
class ChannelScaling:
    """scaled = value * scale + bias, channel by channel of the last axis."""

    scales: tuple[float, ...]
    biases: tuple[float, ...]

    def __post_init__(self) -> None:
        if not self.scales or len(self.scales) != len(self.biases):
            raise ConfigError(
                f"channel scaling needs a scale and a bias for every channel, got {len(self.scales)} scales "
                f"and {len(self.biases)} biases"
            )
        if not all(math.isfinite(number) for number in (*self.scales, *self.biases)) or 0 in self.scales:
            raise ConfigError(
                f"channel scales must be finite and not 0, biases finite, got {self.scales} and {self.biases}"
            )

    @property
    def channels(self) -> int:
        return len(self.scales)

    def scale(self, values: Float[Tensor, "*b c"]) -> Float[Tensor, "*b c"]:
        """Data as the networks see them."""
        return values * values.new_tensor(self.scales) + values.new_tensor(self.biases)

    def restore(self, scaled: Float[Tensor, "*b c"]) -> Float[Tensor, "*b c"]:
        """The inverse of `scale`."""
        return (scaled - scaled.new_tensor(self.biases)) / scaled.new_tensor(self.scales)
