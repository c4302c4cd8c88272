"""The stages of Point-E, and the eight networks that were published."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial

from shapewright.diffusion import DiffusionConfig, ScheduleConfig
from shapewright.errors import ConfigError
from shapewright.pointe.sdf import SdfConfig
from shapewright.prior import ChannelScaling, LowResConfig, PriorConfig, SamplerConfig

__all__ = [
    "BASE_SAMPLER",
    "POINT_SCALING",
    "PUBLISHED_SDF",
    "PUBLISHED_STAGES",
    "UPSAMPLER_SAMPLER",
    "StageConfig",
]

# Positions lie in [-0.5, 0.5], colours in 0..255: both come to [-1, 1].
POINT_SCALING = ChannelScaling(
    scales=(2.0, 2.0, 2.0, 0.007843137255, 0.007843137255, 0.007843137255),
    biases=(0.0, 0.0, 0.0, -1.0, -1.0, -1.0),
)

BASE_SAMPLER = SamplerConfig(guidance=3.0, sigma_max=120.0, churn=3.0)
# Unguided, as in the published recipe.
UPSAMPLER_SAMPLER = SamplerConfig(guidance=1.0, sigma_max=160.0)


@dataclass(frozen=True, kw_only=True)
class StageConfig:
    """A network over points, how their channels are scaled for it, and how it is sampled by default.

    The prior's latent tokens are points, its latent channels x, y, z, red, green, blue.
    """

    prior: PriorConfig
    scaling: ChannelScaling | None = POINT_SCALING
    sampler: SamplerConfig = BASE_SAMPLER

    def __post_init__(self) -> None:
        if self.scaling is not None and self.scaling.channels != self.prior.latent_channels:
            raise ConfigError(
                f"The network takes points of {self.prior.latent_channels} channels, "
                f"but {self.scaling.channels} are scaled."
            )


# CLIP ViT-L/14: its projected vectors, and the features of its vision transformer
CLIP_VECTOR, CLIP_GRID = 768, 1024

_COSINE, _LINEAR = (
    DiffusionConfig(schedule=ScheduleConfig(name=name), prediction="eps") for name in ("cosine", "linear")
)
_base = partial(
    PriorConfig,
    latent_tokens=1024,
    latent_channels=6,
    width=512,
    layers=12,
    heads=8,
    use_pos_emb=False,
    diffusion=_COSINE,
)
_VECTOR = StageConfig(prior=_base(text_pooled_width=CLIP_VECTOR))

PUBLISHED_STAGES: Mapping[str, StageConfig] = {
    "base40M-imagevec": _VECTOR,
    "base40M-textvec": _VECTOR,
    # both branches of guidance would be the same
    "base40M-uncond": StageConfig(prior=_base(), sampler=SamplerConfig(guidance=1, sigma_max=120, churn=3)),
    "base40M": StageConfig(prior=_base(image_token_width=CLIP_GRID)),
    "base300M": StageConfig(prior=_base(image_token_width=CLIP_GRID, width=1024, layers=24, heads=16)),
    "base1B": StageConfig(prior=_base(image_token_width=CLIP_GRID, width=2048, layers=24, heads=32)),
    "upsample": StageConfig(
        prior=_base(
            latent_tokens=3072,
            image_token_width=CLIP_GRID,
            low_res=LowResConfig(scaling=POINT_SCALING),
            diffusion=_LINEAR,
        ),
        sampler=UPSAMPLER_SAMPLER,
    ),
}
PUBLISHED_SDF = SdfConfig()
