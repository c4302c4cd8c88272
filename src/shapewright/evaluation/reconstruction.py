"""How well an autoencoder gives back assets: pictures against pictures, surface against surface."""

from dataclasses import dataclass, fields

import numpy as np
import torch

from shapewright.dataset.loader import AssetRecord
from shapewright.dataset.views import Views
from shapewright.errors import EmptySurfaceError
from shapewright.evaluation.metrics import psnr_db, surface_distance
from shapewright.geometry.mesh import Mesh
from shapewright.geometry.sampling import interpolate, sample_surface
from shapewright.pipeline import Asset, Pipeline
from shapewright.pipeline.refinement_targets import targets_of_record

__all__ = ["Reconstruction", "mean_of", "measure_reconstruction", "reconstruct", "surface_samples"]

BLACK = (0.0, 0.0, 0.0)
SURFACE_POINTS = 4096


@dataclass(frozen=True, kw_only=True)
class Reconstruction:
    """One asset's figures: PSNR in dB over whole pictures on black, distances in world units.

    fscore is at a distance of 0.02, 1% of the box. An asset whose field has no surface counts as a black
    picture, F-score 0, and a chamfer distance of 1.
    """

    mesh_psnr_db: float
    nerf_psnr_db: float
    chamfer: float
    fscore: float


def reconstruct(pipeline: Pipeline, record: AssetRecord, *, refine: int = 0) -> Asset:
    """The asset that the encoder makes of a record's points, refined in so many steps on its queries."""
    count = pipeline.model.config.points
    points = torch.from_numpy(record.points[None, :count].astype(np.float32)).to(pipeline.device)
    with torch.no_grad():
        latent = pipeline.model.autoencoder.encode(points)[0]
    asset = pipeline.asset(latent, prompt=record.name, seed=None, settings={"encoded_from": record.id})
    if not refine:
        return asset
    targets = targets_of_record(record, pipeline.model.config.autoencoder.field)
    return pipeline.refine(asset, targets, steps=refine)


def measure_reconstruction(
    pipeline: Pipeline, record: AssetRecord, *, views: int = 3, nerf_views: int = 1, refine: int = 0
) -> Reconstruction:
    """Compare a record with its reconstruction over its first views (or all it has), under the same light."""
    asset, truth = reconstruct(pipeline, record, refine=refine), record.views()
    views, nerf_views = min(views, len(truth.cameras)), min(nerf_views, len(truth.cameras))
    nerf = [psnr_of_view(asset, truth, index, "nerf") for index in range(nerf_views)]
    try:
        surface = asset.surface()
    except EmptySurfaceError:
        black = [psnr_db(np.zeros_like(on_black(truth, i)), on_black(truth, i)) for i in range(views)]
        return Reconstruction(
            mesh_psnr_db=float(np.mean(black)), nerf_psnr_db=float(np.mean(nerf)), chamfer=1.0, fscore=0.0
        )
    mesh = [psnr_of_view(asset, truth, index, "mesh") for index in range(views)]
    seen = record.points[:SURFACE_POINTS, :3].astype(np.float64)
    distance = surface_distance(surface_samples(surface, SURFACE_POINTS)[:, :3], seen)
    return Reconstruction(
        mesh_psnr_db=float(np.mean(mesh)),
        nerf_psnr_db=float(np.mean(nerf)),
        chamfer=distance.chamfer,
        fscore=distance.fscore,
    )


def psnr_of_view(asset: Asset, truth: Views, index: int, mode: str) -> float:
    assert mode in ("mesh", "nerf")
    picture = asset.render(truth.cameras[index], mode="mesh" if mode == "mesh" else "nerf", background=BLACK)
    return psnr_db(picture[..., :3], on_black(truth, index))


def on_black(views: Views, index: int) -> np.ndarray:
    rgba = views.images[index].astype(np.float32) / 255
    return rgba[..., :3] * rgba[..., 3:]


def surface_samples(mesh: Mesh, count: int, *, seed: int = 0) -> np.ndarray:
    """(count, 6) points on a mesh with their sRGB colours (grey where it has none)."""
    faces, weights = sample_surface(mesh.vertices, mesh.faces, count, np.random.default_rng(seed))
    positions = interpolate(mesh.vertices, mesh.faces, faces, weights)
    colors = np.full((len(mesh.vertices), 3), 0.5) if mesh.vertex_colors is None else mesh.vertex_colors
    return np.concatenate([positions, interpolate(colors, mesh.faces, faces, weights)], axis=1)


def mean_of(results: list[Reconstruction], prefix: str = "") -> dict[str, float]:
    """The mean of every figure, by its name after `prefix`; nothing of nothing."""
    names = [f.name for f in fields(Reconstruction)] if results else []
    return {prefix + name: float(np.mean([getattr(r, name) for r in results])) for name in names}
