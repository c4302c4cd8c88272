"""Settings there and back, and every one that does not fit."""

from typing import Any

import pytest

from shapewright.diffusion import DiffusionConfig, ScheduleConfig
from shapewright.errors import ConfigError
from shapewright.field import FieldConfig
from shapewright.interop.diffusers_config import (
    Kind,
    index_values,
    prior_values,
    read_index,
    read_prior,
    read_renderer,
    read_sampler,
    renderer_values,
    scheduler_values,
)
from shapewright.interop.official_config import RendererConfig
from shapewright.prior import PriorConfig, SamplerConfig
from shapewright.render import NerfConfig

KINDS: tuple[Kind, ...] = ("text", "image")
TEXT_PRIOR = PriorConfig(text_pooled_width=768)
# As published; sizes are the library's defaults for this class.
PUBLISHED_PRIOR = {
    "_class_name": "PriorTransformer",
    "_diffusers_version": "0.18.0.dev0",
    "added_emb_type": None,
    "additional_embeddings": 0,
    "attention_head_dim": 64,
    "clip_embed_dim": 2048,
    "dropout": 0.0,
    "embedding_dim": 1024,
    "embedding_proj_dim": 768,
    "embedding_proj_norm_type": None,
    "encoder_hid_proj_type": None,
    "norm_in_type": "layer",
    "num_attention_heads": 16,
    "num_embeddings": 1024,
    "num_layers": 24,
    "time_embed_act_fn": "gelu",
    "time_embed_dim": 4096,
}
RENDERER = RendererConfig(nerf=NerfConfig(background=(1.0, 1.0, 1.0)), resolution=128)


def test_the_published_text_prior_has_our_default_sizes() -> None:
    assert read_prior(PUBLISHED_PRIOR, "text", DiffusionConfig()) == TEXT_PRIOR


@pytest.mark.parametrize("kind", KINDS)
def test_priors_there_and_back(kind: Kind) -> None:
    condition = {"text_pooled_width": 48} if kind == "text" else {"image_token_width": 48}
    sizes = {"latent_tokens": 20, "latent_channels": 6, "width": 24, "layers": 2, "heads": 3}
    config = PriorConfig(**(sizes | condition))
    assert read_prior(prior_values(config, kind), kind, DiffusionConfig()) == config


@pytest.mark.parametrize(
    "changes", [{}, {"hidden_width": 8, "latent_tokens": 32}, {"direction_octaves": None}]
)
def test_renderers_there_and_back(changes: dict[str, Any]) -> None:
    config = FieldConfig(**({"direction_layer": 4} | changes))
    found, renderer = read_renderer(renderer_values(config, RENDERER))
    assert renderer == RENDERER
    assert (found.latent_tokens, found.input_widths, found.generated_shapes) == (
        config.latent_tokens,
        config.input_widths,
        config.generated_shapes,
    )
    assert found == config or config.direction_octaves is None


def test_schedulers_there_and_back() -> None:
    diffusion = DiffusionConfig(schedule=ScheduleConfig(name="cosine", timesteps=100), prediction="eps")
    for sampler in (
        SamplerConfig(guidance=3.0, sigma_min=0.01, sigma_max=80.0, clip=4.0),
        SamplerConfig(guidance=3.0, clip=None),
    ):
        assert read_sampler(scheduler_values(diffusion, sampler), "image") == (diffusion, sampler)


@pytest.mark.parametrize(("kind", "guidance"), [("text", 15.0), ("image", 3.0)])
def test_the_published_scheduler_is_sampled_as_published(kind: Kind, guidance: float) -> None:
    """Its file says less than the library's of today writes."""
    values = {
        "_class_name": "HeunDiscreteScheduler",
        "_diffusers_version": "0.18.0.dev0",
        "beta_end": 0.02,
        "beta_schedule": "exp",
        "beta_start": 0.0001,
        "clip_sample": True,
        "clip_sample_range": 1.0,
        "num_train_timesteps": 1024,
        "prediction_type": "sample",
        "trained_betas": None,
        "use_karras_sigmas": True,
    }
    assert read_sampler(values, kind) == (DiffusionConfig(), SamplerConfig(guidance=guidance))


@pytest.mark.parametrize("kind", KINDS)
def test_indices_there_and_back(kind: Kind) -> None:
    assert read_index(index_values(kind)) == kind


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"_class_name": "StableDiffusionPipeline"}, "expected ShapEPipeline or ShapEImg2ImgPipeline"),
        ({"prior": ["diffusers", "UNet2DModel"]}, r"model_index\.prior.*only a PriorTransformer"),
        ({"scheduler": [None, None]}, "only a HeunDiscreteScheduler"),
        ({"image_encoder": ["transformers", "CLIPVisionModel"]}, r"Unknown.*model_index\.image_encoder"),
    ],
)
def test_other_pipelines_are_refused(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        read_index(index_values("text") | changes)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"additional_embeddings": 4}, r"prior\.additional_embeddings' is 4.*only implements 0"),
        ({"added_emb_type": "prd"}, "added_emb_type"),
        ({"time_embed_act_fn": "silu"}, "time_embed_act_fn"),
        ({"embedding_proj_norm_type": "layer"}, "embedding_proj_norm_type"),
        ({"clip_embed_dim": 1024}, "clip_embed_dim' is 1024.*only implements 2048"),
        ({"time_embed_dim": None}, "time_embed_dim"),
        ({"num_layers": "many"}, r"prior\.num_layers' should be of type int"),
        ({"colour": 1}, r"Unknown.*prior\.colour"),
    ],
)
def test_priors_that_are_others(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        read_prior(PUBLISHED_PRIOR | changes, "text", DiffusionConfig())


@pytest.mark.parametrize("key", ["norm_in_type", "time_embed_dim", "num_layers", "embedding_proj_norm_type"])
def test_what_the_library_would_default_must_be_said(key: str) -> None:
    """Its defaults are another model's."""
    values = {name: value for name, value in PUBLISHED_PRIOR.items() if name != key}
    with pytest.raises(ConfigError, match=rf"prior\.{key}' is missing"):
        read_prior(values, "text", DiffusionConfig())


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"act_fn": "relu"}, "act_fn"),
        ({"n_output": 13}, "n_output"),
        ({"param_shapes": [[256, 93]] * 4}, "param_shapes"),
        ({"param_names": ["nerstf.mlp.0.weight"]}, "param_names"),
        ({"insert_direction_at": 1}, "directions must enter"),
        ({"background": [1.0]}, "3 numbers"),
        ({"colour": 1}, r"Unknown.*shap_e_renderer\.colour"),
    ],
)
def test_renderers_that_are_others(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        read_renderer(renderer_values(FieldConfig(), RENDERER) | changes)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"_class_name": "DDIMScheduler"}, "DDIMScheduler"),
        ({"beta_schedule": "linear"}, r"'linear'; this package knows exp, squaredcos_cap_v2"),
        ({"prediction_type": "v_prediction"}, "v_prediction"),
        ({"trained_betas": [0.1]}, "trained_betas"),
        ({"clip_sample_range": 0.0}, "clip must be positive"),
        ({"sigma_min": 0}, "0 < sigma_min"),
        ({"rescale": True}, r"Unknown.*scheduler\.rescale"),
    ],
)
def test_schedulers_that_are_others(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        read_sampler(scheduler_values(DiffusionConfig(), SamplerConfig()) | changes, "text")
