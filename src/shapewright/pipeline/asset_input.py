"""From a 3D file to what the encoder looks at: points and views, made as for training."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from shapewright.dataset.normalize import normalize
from shapewright.dataset.points import point_cloud, visible_surface
from shapewright.dataset.views import Views, render_views
from shapewright.encoder import ViewBatch
from shapewright.errors import AssetFileError, ModelError
from shapewright.geometry import mesh_files
from shapewright.geometry.cameras import random_views
from shapewright.geometry.mesh import TexturedMesh
from shapewright.geometry.raycast import Raycaster
from shapewright.pipeline.model_folder import ModelConfig

__all__ = ["EncoderInput", "SourceMesh", "encoder_input", "read_asset", "read_source", "require_encoder"]

# As in training: points are chosen from this many times as many surface samples.
CANDIDATES_PER_POINT = 4


@dataclass(frozen=True, kw_only=True)
class SourceMesh:
    """A 3D file in the standard place, ready to be looked at."""

    mesh: TexturedMesh
    raycaster: Raycaster


@dataclass(frozen=True, kw_only=True)
class EncoderInput:
    """One asset as a batch of one. Parts that the encoder does not use are None."""

    points: Float[Tensor, "1 n 6"] | None
    views: ViewBatch | None

    def to(self, device: torch.device) -> "EncoderInput":
        points, views = self.points, self.views
        if views is not None:
            views = ViewBatch(
                rgb=views.rgb.to(device),
                alpha=views.alpha.to(device),
                origins=views.origins.to(device),
                positions=views.positions.to(device),
            )
        return EncoderInput(points=None if points is None else points.to(device), views=views)


def read_asset(path: Path, config: ModelConfig) -> EncoderInput:
    """What the model's encoder is given of the file at `path`; the same file always gives the same input.

    Raises: AssetFileError, see `read_source`; ModelError if the model has no encoder.
    """
    require_encoder(path, config)
    return encoder_input(read_source(path), config)


def require_encoder(what: Path | str, config: ModelConfig) -> None:
    """Raises: ModelError if the model cannot encode the file or asset `what`."""
    if config.autoencoder.encoder is None:
        raise ModelError(f"The model '{config.name}' has no encoder: it cannot make a latent of '{what}'.")


def read_source(path: Path) -> SourceMesh:
    """The mesh in `path`, normalised.

    Raises: AssetFileError for a file that is missing, of an unknown kind, unreadable, empty or not finite.
    """
    try:
        mesh = normalize(mesh_files.load(path)).mesh
    except AssetFileError as error:
        raise error if str(path) in str(error) else AssetFileError(f"'{path}': {error}") from error
    return SourceMesh(mesh=mesh, raycaster=Raycaster(mesh.vertices, mesh.faces))


def encoder_input(source: SourceMesh, config: ModelConfig) -> EncoderInput:
    """The points and views of a mesh that the model's encoder wants."""
    encoder = config.autoencoder.encoder
    assert encoder is not None, "see require_encoder"
    rng = np.random.default_rng(0)
    points = views = None
    if encoder.points is not None:
        surface = visible_surface(source.mesh, source.raycaster, config.points * CANDIDATES_PER_POINT, rng)
        cloud = point_cloud(surface, config.points)
        rows = np.concatenate([cloud.positions, cloud.colors], axis=-1).astype(np.float32)
        points = torch.from_numpy(rows)[None]
    if encoder.views is not None:
        cameras = random_views(rng, config.views, size_px=config.view_size_px)
        views = view_batch(render_views(source.mesh, source.raycaster, cameras))
    return EncoderInput(points=points, views=views)


def view_batch(views: Views) -> ViewBatch:
    """Rendered views of one asset as the encoder takes them: colours, and the position seen by each pixel."""
    positions = [
        camera_positions(*camera.rays(), camera.z, depth)
        for camera, depth in zip(views.cameras, views.depths, strict=True)
    ]
    images = torch.from_numpy(views.images).float() / 255
    origins = np.stack([camera.origin for camera in views.cameras]).astype(np.float32)
    return ViewBatch(
        rgb=images[None, ..., :3] * 2 - 1,
        alpha=images[None, ..., 3],
        origins=torch.from_numpy(origins)[None],
        positions=torch.from_numpy(np.stack(positions))[None],
    )


def camera_positions(
    origins: np.ndarray, directions: np.ndarray, forward: np.ndarray, depth: np.ndarray
) -> np.ndarray:
    """World positions (H, W, 3) of the surface at `depth` (H, W) along `forward`; anything behind it."""
    depth = np.where(np.isfinite(depth), depth, 0.0)
    along = depth / (directions @ forward)
    return (origins + directions * along[..., None]).astype(np.float32)
