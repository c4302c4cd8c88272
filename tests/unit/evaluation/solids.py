"""Assets and views that are known without any model."""

from dataclasses import dataclass

import numpy as np
import pytest
import torch

from shapewright.dataset.loader import AssetRecord
from shapewright.dataset.views import Views
from shapewright.errors import EmptySurfaceError
from shapewright.field import Field, FieldConfig, FieldWeights
from shapewright.geometry.cameras import Camera
from shapewright.geometry.mesh import Mesh
from shapewright.pipeline import Asset
from shapewright.pipeline.latent_file import Origin
from shapewright.render import extract_mesh_fast

SMALL = FieldConfig(
    latent_tokens=4,
    latent_channels=2,
    hidden_width=4,
    hidden_layers=2,
    generated_layers=1,
    direction_octaves=None,
)


def confetti(points: np.ndarray, *, side: float = 1e-3) -> Mesh:
    """A tiny triangle at each of (N, 6) points, of its colour."""
    corners = np.array([[0, 0, 0], [side, 0, 0], [0, side, 0]], dtype=np.float32)
    vertices = (points[:, None, :3].astype(np.float32) + corners).reshape(-1, 3)
    colors = np.repeat(points[:, 3:].astype(np.float32), 3, axis=0)
    faces = np.arange(len(vertices), dtype=np.int64).reshape(-1, 3)
    return Mesh(vertices=vertices, faces=faces, vertex_colors=colors)


def coarse_surfaces(monkeypatch: pytest.MonkeyPatch) -> None:
    """Fields of random weights have surfaces of a million triangles on the usual grid: take a small one."""

    def extract(field: Field, weights: FieldWeights, *, resolution: int) -> Mesh:
        return extract_mesh_fast(field, weights, resolution=16)

    monkeypatch.setattr("shapewright.pipeline.asset.extract_mesh_fast", extract)


class Known(Asset):
    """An asset whose surface is given; None: it has none."""

    def __init__(self, mesh: Mesh | None) -> None:
        origin = Origin(model="none", model_sha256="", prompt="", seed=0, settings={})
        super().__init__(torch.zeros(4, 2), Field(SMALL), origin)
        self._known = mesh

    def surface(self, resolution: int = 128) -> Mesh:
        if self._known is None:
            raise EmptySurfaceError("nothing there")
        return self._known


@dataclass(frozen=True, kw_only=True, eq=False)
class Seen(AssetRecord):
    """A record with its views in memory."""

    seen: Views

    def views(self) -> Views:
        return self.seen


def views_of(pictures: list[np.ndarray], cameras: list[Camera]) -> Views:
    """(H, W, 4) pictures in [0, 1] as a data set would hold them."""
    images = np.stack([np.round(picture * 255) for picture in pictures]).astype(np.uint8)
    return Views(images=images, depths=np.ones(images.shape[:3], dtype=np.float32), cameras=cameras)
