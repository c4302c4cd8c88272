"""Settings of a folder in the diffusers layout as ours, and back.

Every key is accounted for, as in official_config: read, required to have the one value that this package
implements, or named here as without effect on what a trained model computes. Any other key is an error.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Literal, cast

from shapewright.diffusion import DiffusionConfig, ScheduleConfig
from shapewright.errors import ConfigError
from shapewright.field import FieldConfig
from shapewright.interop.official_config import RendererConfig
from shapewright.interop.section import Section
from shapewright.prior import PriorConfig, SamplerConfig
from shapewright.render import NerfConfig

__all__ = [
    "CLIP_PARTS",
    "Kind",
    "index_values",
    "prior_values",
    "read_index",
    "read_prior",
    "read_renderer",
    "read_sampler",
    "renderer_values",
    "scheduler_values",
]

Kind = Literal["text", "image"]
Values = Mapping[str, Any]

# What names a folder's parts: the library and class that read each.
PIPELINES: dict[Kind, str] = {"text": "ShapEPipeline", "image": "ShapEImg2ImgPipeline"}
OWN_PARTS = {
    "prior": ["diffusers", "PriorTransformer"],
    "scheduler": ["diffusers", "HeunDiscreteScheduler"],
    "shap_e_renderer": ["shap_e", "ShapERenderer"],
}
CLIP_PARTS: dict[Kind, dict[str, list[str]]] = {
    "text": {
        "text_encoder": ["transformers", "CLIPTextModelWithProjection"],
        "tokenizer": ["transformers", "CLIPTokenizer"],
    },
    "image": {
        "image_encoder": ["transformers", "CLIPVisionModel"],
        "image_processor": ["transformers", "CLIPImageProcessor"],
    },
}
# Who wrote a file, and from where it was read then.
NOTES = ("_diffusers_version", "_name_or_path")

PRIOR_FIXED = {
    "_class_name": "PriorTransformer",
    "additional_embeddings": 0,
    "added_emb_type": None,
    "encoder_hid_proj_type": None,
    "norm_in_type": "layer",
    "time_embed_act_fn": "gelu",
}
PRIOR_WITHOUT_EFFECT = ("dropout",)
# A text's vector is taken as it is, an image's grid is normalised first.
CONDITION_NORM: dict[Kind, str | None] = {"text": None, "image": "layer"}

RENDERER_FIXED = {"_class_name": "ShapERenderer", "act_fn": "swish", "n_output": 12}
POSITION_OCTAVES, DIRECTION_OCTAVES = 15, 8

SCHEDULES = {"exp": "exp", "cosine": "squaredcos_cap_v2"}
PREDICTIONS = {"x0": "sample", "eps": "epsilon"}
# How diffusers spaces its own steps; our sampler spaces them as the published one.
SCHEDULER_WITHOUT_EFFECT = (
    "beta_end",
    "beta_start",
    "steps_offset",
    "timestep_spacing",
    "use_beta_sigmas",
    "use_exponential_sigmas",
    "use_karras_sigmas",
)
GUIDANCE: dict[Kind, float] = {"text": 15.0, "image": 3.0}
# What diffusers' mesh decoder takes unless told otherwise; its NeRF samples are NerfConfig's defaults.
RESOLUTION = 128


def read_index(values: Values) -> Kind:
    """What a folder's model_index.json says it is conditioned by. Raises: ConfigError."""
    section = Section(values, "model_index")
    pipeline = section.read("_class_name", str)
    kinds: list[Kind] = [kind for kind in CLIP_PARTS if PIPELINES[kind] == pipeline]
    if not kinds:
        raise ConfigError(
            f"The folder is for the pipeline '{pipeline}'; expected {' or '.join(PIPELINES.values())}."
        )
    for name, (_, class_name) in OWN_PARTS.items():
        given = section.read(name, list)
        if given[-1:] != [class_name]:
            raise ConfigError(f"'model_index.{name}' is {given!r}, but only a {class_name} is known here.")
    section.ignore(*NOTES, *CLIP_PARTS[kinds[0]])
    section.finish()
    return kinds[0]


def index_values(kind: Kind) -> dict[str, Any]:
    """The inverse."""
    return {"_class_name": PIPELINES[kind], **OWN_PARTS, **CLIP_PARTS[kind]}


def read_prior(values: Values, kind: Kind, diffusion: DiffusionConfig) -> PriorConfig:
    """Of a `PriorTransformer` that denoises latents. Raises: ConfigError."""
    section = Section(values, "prior")
    require(section, PRIOR_FIXED | {"embedding_proj_norm_type": CONDITION_NORM[kind]})
    section.ignore(*NOTES, *PRIOR_WITHOUT_EFFECT)
    heads = section.read("num_attention_heads", int)
    width = heads * section.read("attention_head_dim", int)
    channels = section.read("embedding_dim", int)
    condition = section.read_optional("embedding_proj_dim", int) or channels
    # the network's other widths follow from these in the published models, and always in ours
    require(section, {"time_embed_dim": 4 * width, "clip_embed_dim": 2 * channels})
    config = PriorConfig(
        latent_tokens=section.read("num_embeddings", int),
        latent_channels=channels,
        width=width,
        layers=section.read("num_layers", int),
        heads=heads,
        text_pooled_width=condition if kind == "text" else None,
        image_token_width=condition if kind == "image" else None,
        diffusion=diffusion,
    )
    section.finish()
    return config


def prior_values(config: PriorConfig, kind: Kind) -> dict[str, Any]:
    """The inverse."""
    return PRIOR_FIXED | {
        "num_attention_heads": config.heads,
        "attention_head_dim": config.width // config.heads,
        "num_layers": config.layers,
        "embedding_dim": config.latent_channels,
        "num_embeddings": config.latent_tokens,
        "embedding_proj_dim": config.text_pooled_width or config.image_token_width,
        "embedding_proj_norm_type": CONDITION_NORM[kind],
        "time_embed_dim": 4 * config.width,
        "clip_embed_dim": 2 * config.latent_channels,
        "dropout": 0.0,
    }


def read_renderer(values: Values) -> tuple[FieldConfig, RendererConfig]:
    """Of a `ShapERenderer`: the field, one latent token for each generated row, and how it is rendered."""
    section = Section(values, "shap_e_renderer")
    require(section, RENDERER_FIXED)
    section.ignore(*NOTES)
    width, shapes = section.read("d_hidden", int), section.read("param_shapes", list)
    direction_layer = section.read_optional("insert_direction_at", int)
    field = FieldConfig(
        latent_tokens=width * len(shapes),
        latent_channels=section.read("d_latent", int),
        hidden_width=width,
        hidden_layers=section.read("n_hidden_layers", int),
        generated_layers=len(shapes),
        position_octaves=POSITION_OCTAVES,
        direction_octaves=None if direction_layer is None else DIRECTION_OCTAVES,
        direction_layer=direction_layer or 0,
    )
    require(section, {"param_names": generated_names(field), "param_shapes": generated_shapes(field)})
    background = cast("list[float]", section.read("background", list))
    section.finish()
    if len(background) != 3:
        raise ConfigError(f"'shap_e_renderer.background' should be a colour of 3 numbers, not {background}.")
    red, green, blue = (float(value) / 255 for value in background)
    return field, RendererConfig(nerf=NerfConfig(background=(red, green, blue)), resolution=RESOLUTION)


def renderer_values(config: FieldConfig, renderer: RendererConfig) -> dict[str, Any]:
    """The inverse."""
    return RENDERER_FIXED | {
        "param_names": generated_names(config),
        "param_shapes": generated_shapes(config),
        "d_latent": config.latent_channels,
        "d_hidden": config.hidden_width,
        "n_hidden_layers": config.hidden_layers,
        "insert_direction_at": None if config.direction_octaves is None else config.direction_layer,
        "background": [255 * value for value in renderer.nerf.background],
    }


def generated_names(config: FieldConfig) -> list[str]:
    return [f"nerstf.mlp.{index}.weight" for index in range(config.generated_layers)]


def generated_shapes(config: FieldConfig) -> list[list[int]]:
    return [list(shape) for shape in config.generated_shapes]


def read_sampler(values: Values, kind: Kind) -> tuple[DiffusionConfig, SamplerConfig]:
    """Of a `HeunDiscreteScheduler`: what the prior was trained for, and the published way to sample it.

    diffusers' own range of noise levels is that of the training schedule; the published range is taken
    unless the file names another. Raises: ConfigError.
    """
    section = Section(values, "scheduler")
    require(section, {"_class_name": OWN_PARTS["scheduler"][1]})
    section.require({"trained_betas": None})
    section.ignore(*NOTES, *SCHEDULER_WITHOUT_EFFECT)
    diffusion = DiffusionConfig(
        schedule=ScheduleConfig(
            name=chosen(section, "beta_schedule", SCHEDULES),
            timesteps=section.read("num_train_timesteps", int),
        ),
        prediction=chosen(section, "prediction_type", PREDICTIONS),
    )
    sampler = replace(
        SamplerConfig(), guidance=GUIDANCE[kind], clip=clip_bound(section), **noise_range(section)
    )
    section.finish()
    return diffusion, sampler


def clip_bound(section: Section) -> float | None:
    clips, bound = section.read("clip_sample", bool), section.read_optional("clip_sample_range", float)
    if not clips:
        return None
    return 1.0 if bound is None else bound


def noise_range(section: Section) -> dict[str, float]:
    given = {name: section.read_optional(name, float) for name in ("sigma_min", "sigma_max")}
    return {name: sigma for name, sigma in given.items() if sigma is not None}


def scheduler_values(diffusion: DiffusionConfig, sampler: SamplerConfig) -> dict[str, Any]:
    """The inverse. Steps and guidance are arguments of diffusers' pipelines and have no place here.

    Its Karras noise levels run over the training schedule's range unless the file names another: with
    sigma_min and sigma_max in it they are the published sampler's.
    """
    return {
        "_class_name": OWN_PARTS["scheduler"][1],
        "beta_schedule": SCHEDULES[diffusion.schedule.name],
        "num_train_timesteps": diffusion.schedule.timesteps,
        "prediction_type": PREDICTIONS[diffusion.prediction],
        "clip_sample": sampler.clip is not None,
        "clip_sample_range": 1.0 if sampler.clip is None else sampler.clip,
        "use_karras_sigmas": True,
        "sigma_min": sampler.sigma_min,
        "sigma_max": sampler.sigma_max,
    }


def require(section: Section, expected: Values) -> None:
    """As `Section.require`, for keys that must be there: diffusers' own defaults are of another model."""
    for key in expected:
        if key not in section.values:
            raise ConfigError(f"The setting '{section.where}.{key}' is missing from the diffusers folder.")
    section.require(expected)


def chosen(section: Section, key: str, names: Mapping[str, str]) -> Any:
    """Our name of a setting that has one of a few values."""
    given = section.read(key, str)
    for ours, theirs in names.items():
        if theirs == given:
            return ours
    raise ConfigError(
        f"'{section.where}.{key}' is '{given}'; this package knows {', '.join(names.values())}."
    )
