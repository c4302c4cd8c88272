"""Folders in the layout of `openai/shap-e` and `openai/shap-e-img2img` on the Hugging Face hub.

Read into our networks and written for `ShapEPipeline` and `ShapEImg2ImgPipeline` without the diffusers
library, which only the tests use. CLIP's parts are left to conditioning; on writing they are copied.
"""

from __future__ import annotations

import shutil
from dataclasses import dataclass, replace
from pathlib import Path

from shapewright.atomic_file import new_folder
from shapewright.errors import ConfigError, ModelError
from shapewright.field import Field, FieldConfig
from shapewright.interop.diffusers_config import (
    CLIP_PARTS,
    DIRECTION_OCTAVES,
    POSITION_OCTAVES,
    SCHEDULES,
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
from shapewright.interop.diffusers_files import (
    read_json,
    read_weights,
    weight_files,
    write_json,
    write_weights,
)
from shapewright.interop.diffusers_names import (
    fill_field,
    fill_prior,
    prior_state,
    renderer_state,
    stored_background,
)
from shapewright.interop.official_config import RendererConfig
from shapewright.prior import Prior, PriorConfig, SamplerConfig

__all__ = [
    "INDEX_FILE",
    "DiffusersModel",
    "DiffusersSettings",
    "clip_files",
    "model_files",
    "read_folder",
    "read_settings",
    "write_folder",
]

INDEX_FILE = "model_index.json"
PRIOR, RENDERER, SCHEDULER = "prior", "shap_e_renderer", "scheduler"
# Where CLIP's parts do not stand in subfolders, a part is made of the files whose names end like this.
ENCODER_FILES = ("config.json", ".safetensors", ".safetensors.index.json", ".bin", ".bin.index.json")
CLIP_FILES = {
    "text_encoder": ENCODER_FILES,
    "tokenizer": ("vocab.json", "merges.txt", "tokenizer.json", "tokenizer_config.json", "_tokens_map.json"),
    "image_encoder": ENCODER_FILES,
    "image_processor": ("processor_config.json",),
}


@dataclass(frozen=True, kw_only=True)
class DiffusersSettings:
    """A folder's sizes. `sampler` is the published one, with the folder's bound of x_0."""

    kind: Kind
    prior: PriorConfig
    field: FieldConfig
    renderer: RendererConfig
    sampler: SamplerConfig


@dataclass(frozen=True, kw_only=True)
class DiffusersModel:
    """What a folder holds beside CLIP. `sampler` is the published one, with the folder's bound of x_0."""

    kind: Kind
    prior: Prior
    field: Field
    renderer: RendererConfig
    sampler: SamplerConfig


def read_settings(folder: Path) -> DiffusersSettings:
    """What the folder's JSON files say. Raises: ConfigError, ModelError for what is missing or unknown."""
    kind = read_index(read_json(folder / INDEX_FILE))
    diffusion, sampler = read_sampler(read_json(folder / SCHEDULER / "scheduler_config.json"), kind)
    prior = read_prior(read_json(folder / PRIOR / "config.json"), kind, diffusion)
    field, renderer = read_renderer(read_json(folder / RENDERER / "config.json"))
    check_latents(prior, field)
    return DiffusersSettings(kind=kind, prior=prior, field=field, renderer=renderer, sampler=sampler)


def read_folder(folder: Path) -> DiffusersModel:
    """Networks in fp32, ready for inference.

    Raises: ConfigError, ModelError naming the files, settings or parameters that are missing or do not fit.
    """
    settings = read_settings(folder)
    prior, field, renderer = Prior(settings.prior), Field(settings.field), settings.renderer
    fill_prior(prior, read_weights(folder / PRIOR))
    weights = read_weights(folder / RENDERER)
    fill_field(field, weights)
    background = stored_background(weights)  # goes before the configuration's, as there
    if background is not None:
        renderer = replace(renderer, nerf=replace(renderer.nerf, background=background))
    return DiffusersModel(
        kind=settings.kind,
        prior=prior.eval(),
        field=field.eval(),
        renderer=renderer,
        sampler=settings.sampler,
    )


def model_files(folder: Path) -> list[Path]:
    """The weight files that `read_folder` reads, in a fixed order. Raises: ModelError."""
    return [path for part in (PRIOR, RENDERER) for path in weight_files(folder / part)]


def write_folder(model: DiffusersModel, folder: Path, *, clip: Path, fp16: bool = False) -> None:
    """Write a new folder that diffusers' pipelines load; it appears when it is complete.

    clip: a folder that holds CLIP, in subfolders of diffusers' names or as a whole; its files are copied.
    fp16: store the weights in half precision too, as diffusers' variant 'fp16'.
    Raises: ModelError for parts that diffusers has no place for, or where CLIP's are missing; OutputError.
    """
    check_exportable(model)
    sources = {part: clip_files(clip, part) for part in CLIP_PARTS[model.kind]}
    contents = (
        (PRIOR, prior_values(model.prior.config, model.kind), prior_state(model.prior)),
        (
            RENDERER,
            renderer_values(model.field.config, model.renderer),
            renderer_state(model.field, background=model.renderer.nerf.background),
        ),
    )
    with new_folder(folder) as temporary:
        for part, values, state in contents:
            (temporary / part).mkdir()
            write_json(temporary / part / "config.json", values)
            write_weights(temporary / part, state, fp16=fp16)
        (temporary / SCHEDULER).mkdir()
        scheduler = scheduler_values(model.prior.config.diffusion, model.sampler)
        write_json(temporary / SCHEDULER / "scheduler_config.json", scheduler)
        for part, files in sources.items():
            (temporary / part).mkdir()
            for file in files:
                shutil.copyfile(file, temporary / part / file.name)
        write_json(temporary / INDEX_FILE, index_values(model.kind))


def check_latents(prior: PriorConfig, field: FieldConfig) -> None:
    drawn = (prior.latent_tokens, prior.latent_channels)
    decoded = (field.latent_tokens, field.latent_channels)
    if drawn != decoded:
        raise ConfigError(f"The prior makes latents of shape {drawn}, but the renderer takes {decoded}.")


def check_exportable(model: DiffusersModel) -> None:
    """Raises: ModelError naming everything that diffusers' Shap-E cannot compute."""
    prior, field = model.prior.config, model.field.config
    conditioned = prior.text_pooled_width if model.kind == "text" else prior.image_token_width
    schedule = prior.diffusion.schedule.name
    directions = field.direction_octaves
    obstacles = {
        "text tokens as the condition": prior.text_token_width is not None,
        f"a prior without CLIP's {model.kind} features": conditioned is None,
        "a prior without a variance": not prior.predict_variance,
        f"the noise schedule '{schedule}'": schedule not in SCHEDULES,
        "a mixer of latent tokens": field.mixer is not None,
        "latent tokens of several weight rows": field.latent_tokens != field.rows,
        f"{field.position_octaves} octaves of positions": field.position_octaves != POSITION_OCTAVES,
        f"{directions} octaves of directions": directions not in (None, DIRECTION_OCTAVES),
    }
    found = [obstacle for obstacle, stands in obstacles.items() if stands]
    if found:
        raise ModelError(
            f"This model cannot be written for diffusers, which has no place for: {'; '.join(found)}."
        )
    check_latents(prior, field)


def clip_files(clip: Path, part: str) -> list[Path]:
    """The files of one of CLIP's parts. Raises: ModelError if there are none."""
    if not clip.is_dir():
        raise ModelError(f"'{clip}' is not a folder: give one that holds CLIP, for its files are copied.")
    is_part = (clip / part).is_dir()
    files = sorted(path for path in (clip / part if is_part else clip).iterdir() if path.is_file())
    files = [path for path in files if is_part or belongs_to(path.name, part)]
    if not files:
        raise ModelError(
            f"'{clip}' holds no {part}: give a folder of CLIP with a subfolder {part}, "
            f"or with files such as {CLIP_FILES[part][0]}."
        )
    return files


def belongs_to(name: str, part: str) -> bool:
    """In a folder with all of CLIP; the encoders' `config.json` is also how other parts' files end."""
    others = (*CLIP_FILES["tokenizer"], *CLIP_FILES["image_processor"])
    if CLIP_FILES[part] is ENCODER_FILES and name.endswith(others):
        return False
    return name.endswith(CLIP_FILES[part])
