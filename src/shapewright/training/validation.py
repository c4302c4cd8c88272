"""Judges of models in training, by the data set's held-out split. Asked again, they say the same.

`HeldOutLosses` takes any objective that was built on held-out assets; the autoencoder's judge also renders.
"""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
from torch import nn
from torch.nn import functional as F

from shapewright.autoencoder import Autoencoder
from shapewright.dataset.loader import AssetRecord, load_dataset
from shapewright.dataset.views import Views
from shapewright.errors import DatasetError
from shapewright.evaluation.metrics import psnr_db
from shapewright.evaluation.reconstruction import on_black, reconstruct
from shapewright.geometry.cameras import Camera
from shapewright.pipeline import Model, ModelConfig, Pipeline
from shapewright.render.contact_sheet import Strip
from shapewright.training.learner import Objective
from shapewright.training.loop_config import LoopConfig
from shapewright.training.objectives.field_supervision import FieldSupervision, FieldSupervisionConfig
from shapewright.training.objectives.latent_table import TabledAutoencoder
from shapewright.training.pictures import reconstruction_strip, seen
from shapewright.training.variation import Augmentation

__all__ = ["AutoencoderJudge", "HeldOutLosses", "autoencoder_judge", "held_out_records"]

ASSETS = 64
BATCH = 32
# Rendered at every validation, and drawn; a view of SMALL_PX a side has rays enough for a steady PSNR.
RENDERED, DRAWN = 8, 6
SMALL_PX = 32
BLACK = (0.0, 0.0, 0.0)


class HeldOutLosses:
    """The losses of an objective that was built on held-out assets, over `batches` batches."""

    def __init__(self, objective: Objective, *, batches: int) -> None:
        self.objective, self.batches = objective, batches

    def validate(self, model: nn.Module) -> dict[str, float]:
        """The mean of every loss; what is random in batch i follows from i."""
        device = next(model.parameters()).device
        found: dict[str, list[float]] = {}
        for step in range(self.batches):
            generator = torch.Generator(device=device).manual_seed(step)
            losses = self.objective.losses(model, self.objective.batch(step), generator)
            for name, value in losses.items():
                found.setdefault(name, []).append(float(value))
        return {name: float(np.mean(values)) for name, values in found.items()}

    def pictures(self, model: nn.Module) -> list[Strip]:
        """None."""
        return []


class AutoencoderJudge:
    """Losses and IoU of the field at held-out queries; PSNR of rendered views; pictures of both.

    model: an autoencoder of the kind that is judged; only its sizes are looked at. The records' clouds are
    taken as they are, without the training's variations and noise.
    """

    def __init__(
        self, model: Autoencoder, records: Sequence[AssetRecord], supervision: FieldSupervisionConfig
    ) -> None:
        self.records, self.points = list(records), supervision.points
        plain = replace(supervision, augmentation=Augmentation.none(), point_noise=0.0)
        size = min(BATCH, len(self.records))
        objective = FieldSupervision(model, self.records, plain, batch_size=size)
        self.losses = HeldOutLosses(objective, batches=-(-len(self.records) // size))

    def validate(self, model: nn.Module) -> dict[str, float]:
        """Named losses, `iou`, and `mesh_psnr_db` and `nerf_psnr_db` of one small view of a few assets."""
        autoencoder = autoencoder_of(model)
        figures = self.losses.validate(autoencoder)
        device = next(model.parameters()).device
        with torch.autocast(device.type, enabled=False):  # positions along rays need all their digits
            pipeline = self.pipeline(autoencoder)
            seen = [view_psnr_db(pipeline, record) for record in self.records[:RENDERED]]
        mesh, nerf = np.mean(seen, axis=0)
        return {**figures, "mesh_psnr_db": float(mesh), "nerf_psnr_db": float(nerf)}

    def pictures(self, model: nn.Module) -> list[Strip]:
        """Of a few assets: a view, the mesh and the NeRF."""
        pipeline = self.pipeline(autoencoder_of(model))
        return [reconstruction_strip(pipeline, record) for record in self.records[:DRAWN]]

    def pipeline(self, autoencoder: Autoencoder) -> Pipeline:
        config = ModelConfig(name="in training", autoencoder=autoencoder.config, points=self.points)
        device = next(autoencoder.parameters()).device
        return Pipeline(Model(config=config, autoencoder=autoencoder), device=str(device))


def autoencoder_of(model: nn.Module) -> Autoencoder:
    """The autoencoder that is trained alone or with a table of latents."""
    found = model.autoencoder if isinstance(model, TabledAutoencoder) else model
    assert isinstance(found, Autoencoder), "this judge judges autoencoders"
    return found


def view_psnr_db(pipeline: Pipeline, record: AssetRecord) -> tuple[float, float]:
    """Mesh and NeRF of the record's latent against its first view, made small, on black."""
    asset = reconstruct(pipeline, record)
    camera, truth = small_view(record.views())
    mesh, nerf = seen(asset, camera), asset.render(camera, mode="nerf", background=BLACK)
    return psnr_db(mesh[..., :3] * mesh[..., 3:], truth), psnr_db(nerf[..., :3], truth)


def small_view(views: Views) -> tuple[Camera, np.ndarray]:
    """The first camera with SMALL_PX pixels a side, and what its picture on black has at their places."""
    picture = torch.from_numpy(on_black(views, 0)).permute(2, 0, 1)[None]
    # both have their outermost pixels on the edges of the field of view
    small = F.interpolate(picture, size=(SMALL_PX, SMALL_PX), mode="bilinear", align_corners=True)
    camera = replace(views.cameras[0], width_px=SMALL_PX, height_px=SMALL_PX)
    return camera, small[0].permute(1, 2, 0).numpy()


def autoencoder_judge(
    data: Path, model: Autoencoder, supervision: FieldSupervisionConfig, loop: LoopConfig
) -> AutoencoderJudge | None:
    """The judge of an autoencoder trained on `data`; None where nothing is to be looked at."""
    return AutoencoderJudge(model, held_out_records(data), supervision) if loop.looks else None


def held_out_records(data: Path, count: int = ASSETS) -> list[AssetRecord]:
    """At most `count` assets of the split "val", always the same ones.

    Raises: DatasetError if there are none.
    """
    records = load_dataset(data, "val")
    if not records:
        raise DatasetError(
            f"{data} holds no assets of the split 'val' to judge by: set loop.validate_every and "
            "loop.pictures_every to 0, or build the data with more assets."
        )
    order = np.random.default_rng(0).permutation(len(records))[:count]
    return [records[index] for index in order]
