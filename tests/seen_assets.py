"""Solids with pictures: what a data set's records have on disk, made in memory."""

from dataclasses import fields

import numpy as np
import pytest

from shapewright.dataset.loader import AssetRecord
from shapewright.dataset.views import Views
from shapewright.geometry.cameras import turntable
from shapewright.render import render_mesh
from solids import cube_mesh
from tiny_assets import BLUE, RED, Brick, record_of

__all__ = ["SeenCube", "cubes", "look_briefly"]

SIZE_PX = 48


class SeenCube(AssetRecord):
    """A cube whose views are rendered when they are asked for."""

    def views(self) -> Views:
        half = float(np.abs(self.points[:, :3].astype(np.float64)).max())
        colors = np.tile(self.points[:1, 3:].astype(np.float32), (8, 1))
        mesh, cameras = cube_mesh(half_side=half, colors=colors), turntable(3, size_px=SIZE_PX)[1:2]
        image = np.round(render_mesh(mesh, cameras[0]) * 255).astype(np.uint8)
        return Views(images=image[None], depths=np.full(image[None, ..., 0].shape, np.inf), cameras=cameras)


def cubes(split: str = "val", **counts: int) -> list[AssetRecord]:
    """Three cubes of two colours."""
    solids = (("cube", 0.7, RED), ("die", 0.4, BLUE), ("block", 0.55, RED))
    made = [
        record_of(name, Brick((half,) * 3), rgb=rgb, split=split, seed=i, **counts)
        for i, (name, half, rgb) in enumerate(solids)
    ]
    return [SeenCube(**{f.name: getattr(record, f.name) for f in fields(record)}) for record in made]


def look_briefly(monkeypatch: pytest.MonkeyPatch) -> None:
    """Judges render little: few assets, coarse meshes, small pictures."""
    module = "shapewright.training"
    monkeypatch.setattr(f"{module}.validation.RENDERED", 1)
    monkeypatch.setattr(f"{module}.validation.SMALL_PX", 12)
    monkeypatch.setattr(f"{module}.prior_validation.PROMPTS", 2)
    monkeypatch.setattr(f"{module}.prior_validation.SEEDS", 1)
    monkeypatch.setattr(f"{module}.pictures.NERF_PX", 12)
    monkeypatch.setattr(f"{module}.pictures.RESOLUTION", 24)
