"""Pictures of a model while it is trained: reconstructions beside what was there, samples beside captions."""

from dataclasses import replace
from pathlib import Path

import numpy as np

from shapewright.atomic_file import replacing
from shapewright.dataset.loader import AssetRecord
from shapewright.errors import EmptySurfaceError
from shapewright.evaluation.reconstruction import reconstruct
from shapewright.geometry.cameras import Camera, turntable
from shapewright.pipeline import Asset, Pipeline
from shapewright.render.contact_sheet import Strip, contact_sheet
from shapewright.training.tracker import Tracker

__all__ = ["picture_path", "reconstruction_strip", "sample_strips", "save_pictures", "seen"]

CELL_PX = 128
NERF_PX = 64
RESOLUTION = 64
COLUMNS = 2


def picture_path(run: Path, step: int) -> Path:
    return run / "pictures" / f"step-{step:07d}.png"


def save_pictures(run: Path, tracker: Tracker, step: int, strips: list[Strip]) -> None:
    """Write RUN/pictures/step-N.png and show it on the boards; without strips, nothing."""
    if not strips:
        return
    sheet = contact_sheet(strips, columns=COLUMNS, cell_px=CELL_PX)
    with replacing(picture_path(run, step)) as temporary:
        sheet.save(temporary)
    tracker.picture(step, "pictures", np.asarray(sheet))


def reconstruction_strip(pipeline: Pipeline, record: AssetRecord) -> Strip:
    """The record's first view; the mesh and the NeRF that its latent gives, through the same camera."""
    views, asset = record.views(), reconstruct(pipeline, record)
    camera = views.cameras[0]
    nerf = asset.render(replace(camera, width_px=NERF_PX, height_px=NERF_PX), mode="nerf")
    source = views.images[0].astype(np.float32) / 255
    return Strip(caption=record.name, pictures=[source, seen(asset, camera), nerf])


def sample_strips(pipeline: Pipeline, prompts: list[str], *, seeds: int) -> list[Strip]:
    """For each prompt its samples of seeds 0, 1, ..., from the front left."""
    assets = pipeline.generate(prompts, n=seeds)
    camera = turntable(8, size_px=CELL_PX)[1]
    pictures = [seen(asset, camera) for asset in assets]
    return [
        Strip(caption=prompt, pictures=pictures[index * seeds : (index + 1) * seeds])
        for index, prompt in enumerate(prompts)
    ]


def seen(asset: Asset, camera: Camera) -> np.ndarray:
    """The asset's mesh; nothing where it has no surface."""
    try:
        return asset.render(camera, mode="mesh", resolution=RESOLUTION)
    except EmptySurfaceError:
        return np.zeros((camera.height_px, camera.width_px, 4), dtype=np.float32)
