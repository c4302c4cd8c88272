"""The encoder's sizes."""

from dataclasses import dataclass, field

from shapewright.errors import ConfigError
from shapewright.nn.point_conv import PointConvConfig

__all__ = ["BottleneckConfig", "EncoderConfig", "PointBranchConfig", "ViewBranchConfig"]


@dataclass(frozen=True, kw_only=True)
class PointBranchConfig:
    """The coloured point cloud. `octaves` encode all six channels.

    `channels` is the width of a point's features before the point convolution (None: the encoder's).
    `attend` says what the tokens cross-attend to: every point (published) or only the convolved centres.
    """

    octaves: int = 15
    channels: int | None = None
    conv: PointConvConfig = field(default_factory=PointConvConfig)
    attend_to_centers: bool = False


@dataclass(frozen=True, kw_only=True)
class ViewBranchConfig:
    """The rendered views: patches of RGB, camera origin and surface position."""

    octaves: int = 15
    patch_px: int = 8

    def __post_init__(self) -> None:
        if self.patch_px < 1:
            raise ConfigError(f"patch_px must be positive, got {self.patch_px}")


@dataclass(frozen=True, kw_only=True)
class BottleneckConfig:
    """tanh, and in training noise at a random step of alpha_bar(t) = 1 - t^power, with a probability."""

    noise_probability: float = 0.1
    noise_power: float = 5.0
    timesteps: int = 1024


@dataclass(frozen=True, kw_only=True)
class EncoderConfig:
    """Defaults are the published sizes.

    `process_centers`: the convolved centres take part in self-attention (published), or only the
    learned output tokens do, which is cheaper. `rounds`: how often the data is looked at again.
    """

    width: int = 1024
    heads: int = 8
    self_layers: int = 11
    rounds: int = 1
    init_scale: float = 0.25
    process_centers: bool = True
    points: PointBranchConfig | None = field(default_factory=PointBranchConfig)
    views: ViewBranchConfig | None = field(default_factory=ViewBranchConfig)
    bottleneck: BottleneckConfig = field(default_factory=BottleneckConfig)

    def __post_init__(self) -> None:
        if self.points is None and self.views is None:
            raise ConfigError("an encoder needs a point branch, a view branch or both")
        if self.width % self.heads:
            raise ConfigError(f"encoder width {self.width} is not a multiple of its {self.heads} heads")
