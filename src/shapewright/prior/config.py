"""The prior's sizes, conditions and diffusion."""

from dataclasses import dataclass, field

from shapewright.diffusion import DiffusionConfig
from shapewright.errors import ConfigError
from shapewright.prior.channels import ChannelScaling

__all__ = ["LowResConfig", "PriorConfig"]


@dataclass(frozen=True, kw_only=True)
class LowResConfig:
    """The coarse points that Point-E's upsampler goes on from; `scaling` is applied to them first."""

    points: int = 1024
    channels: int = 6
    scaling: ChannelScaling | None = None

    def __post_init__(self) -> None:
        if min(self.points, self.channels) < 1:
            raise ConfigError(
                f"low-resolution points and channels must be positive, got {self.points} and {self.channels}"
            )
        if self.scaling is not None and self.scaling.channels != self.channels:
            raise ConfigError(
                f"low-resolution points have {self.channels} channels, their scaling {self.scaling.channels}"
            )


@dataclass(frozen=True, kw_only=True)
class PriorConfig:
    """Defaults are the published text prior's, but for the condition, which must be chosen.

    A prior is conditioned by text (a pooled vector as one token, a sequence of tokens, or both), by the
    tokens of an image, by either (ours), or by nothing; an upsampler by coarse points besides. A prior of
    either is told one of the two, or both. `pos_emb_init_scale` is the
    standard deviation of the learned positional embedding at the start, `init_scale` that of linear layers
    times sqrt(width). Where `pooled_as_token` or `time_as_token` is off, that embedding is added to every
    latent token.
    """

    latent_tokens: int = 1024
    latent_channels: int = 1024
    width: int = 1024
    layers: int = 24
    heads: int = 16
    text_pooled_width: int | None = None
    text_token_width: int | None = None
    image_token_width: int | None = None
    low_res: LowResConfig | None = None
    pooled_as_token: bool = True
    time_as_token: bool = True
    use_pos_emb: bool = True
    pos_emb_init_scale: float = 0.05
    init_scale: float = 0.25
    predict_variance: bool = True
    diffusion: DiffusionConfig = field(default_factory=DiffusionConfig)

    def __post_init__(self) -> None:
        for name in ("latent_tokens", "latent_channels", "width", "layers", "heads"):
            if getattr(self, name) < 1:
                raise ConfigError(f"the prior's {name} must be positive, got {getattr(self, name)}")
        if self.width % self.heads or self.width % 2:
            raise ConfigError(
                f"prior width {self.width} must be even and a multiple of its {self.heads} heads"
            )
        if self.has_both and self.text_token_width is None:
            raise ConfigError("a prior of text and of images takes tokens of both; set text_token_width")

    @property
    def has_both(self) -> bool:
        """Whether it makes latents of texts and of images."""
        return self.has_text and self.image_token_width is not None

    @property
    def has_text(self) -> bool:
        return self.text_pooled_width is not None or self.text_token_width is not None

    @property
    def outputs(self) -> int:
        """Numbers predicted per latent number: the prediction and, if learned, the variance."""
        return 2 if self.predict_variance else 1
