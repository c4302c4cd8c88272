"""What pictures are taken of: latents, and model files as they are."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from shapewright.apps.cli.assets import open_latents
from shapewright.pipeline.asset import RenderMode
from shapewright.pipeline.asset_input import read_source
from shapewright.pipeline.latent_file import LATENT_SUFFIX
from shapewright.pipeline.pictures import View
from shapewright.render.studio import Studio

__all__ = ["Subject", "open_subjects", "source_view"]


@dataclass(frozen=True, kw_only=True)
class Subject:
    """Something with a name that can be looked at."""

    caption: str
    view: View


def open_subjects(
    paths: Sequence[Path],
    *,
    mode: RenderMode,
    background: tuple[float, float, float] | None,
    resolution: int,
    model: str | None,
    device: str,
) -> list[Subject]:
    """The subjects in latent and model files, in order. The mode and resolution are about latents.

    Raises: AssetFileError; ModelError if the model of the latents cannot be found or did not make one.
    """
    latents = [path for path in paths if path.suffix == LATENT_SUFFIX]
    assets = iter(open_latents(latents, model=model, device=device)[1] if latents else [])
    subjects: list[Subject] = []
    for path in paths:
        if path.suffix == LATENT_SUFFIX:
            asset = next(assets)
            caption = asset.prompt or path.name.removesuffix(LATENT_SUFFIX).removesuffix(".latent")
            subjects.append(
                Subject(
                    caption=caption,
                    view=lambda camera, asset=asset: asset.view(
                        camera, mode=mode, background=background, resolution=resolution
                    ),
                )
            )
        else:
            subjects.append(Subject(caption=path.name, view=source_view(path, background)))
    return subjects


def source_view(path: Path, background: tuple[float, float, float] | None) -> View:
    """How the model in a file looks, centred and scaled as assets are. Raises: AssetFileError."""
    studio = Studio(read_source(path).mesh)
    return lambda camera: studio.picture(camera, background=background)
