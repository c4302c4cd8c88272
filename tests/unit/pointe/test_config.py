"""The published stages."""

import pytest

from shapewright.errors import ConfigError
from shapewright.pointe import BASE_SAMPLER, PUBLISHED_STAGES, UPSAMPLER_SAMPLER, SdfConfig


def test_published_sampling() -> None:
    assert (BASE_SAMPLER.steps, BASE_SAMPLER.sigma_min, BASE_SAMPLER.sigma_max) == (64, 1e-3, 120.0)
    assert (BASE_SAMPLER.churn, BASE_SAMPLER.guidance, BASE_SAMPLER.clip) == (3.0, 3.0, 1.0)
    assert (UPSAMPLER_SAMPLER.steps, UPSAMPLER_SAMPLER.sigma_max) == (64, 160.0)
    assert (UPSAMPLER_SAMPLER.churn, UPSAMPLER_SAMPLER.guidance, UPSAMPLER_SAMPLER.clip) == (0.0, 1.0, 1.0)
    assert PUBLISHED_STAGES["upsample"].sampler == UPSAMPLER_SAMPLER
    assert PUBLISHED_STAGES["base40M-uncond"].sampler.guidance == 1.0


def test_the_upsampler_goes_on_from_the_base() -> None:
    base, upsampler = PUBLISHED_STAGES["base300M"].prior, PUBLISHED_STAGES["upsample"].prior
    assert upsampler.low_res is not None
    assert upsampler.low_res.points == base.latent_tokens == 1024
    assert base.latent_tokens + upsampler.latent_tokens == 4096


@pytest.mark.parametrize(
    "settings", [{"width": 0}, {"decoder_heads": 3}, {"encoder_layers": 0}, {"points": 0}]
)
def test_bad_settings_of_the_sdf_model_are_refused(settings: dict[str, int]) -> None:
    with pytest.raises(ConfigError):
        SdfConfig(**settings)
