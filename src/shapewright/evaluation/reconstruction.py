"""How well an autoencoder gives back assets: pictures against pictures, surface against surface."""

from dataclasses import dataclass, fields

import numpy as np
import torch

from shapewright.dataset.loader import AssetRecord
from shapewright.dataset.views import Views
from shapewright.errors import EmptySurfaceError
from shapewright.evaluation.lpips import Lpips
from shapewright.evaluation.metrics import normal_consistency, psnr_db, ssim, surface_distance
from shapewright.evaluation.volume import iou_of_asset
from shapewright.geometry.mesh import Mesh, face_areas_and_normals
from shapewright.geometry.sampling import interpolate, sample_surface
from shapewright.pipeline import Asset, ModelConfig, Pipeline, RenderMode
from shapewright.pipeline.record_input import record_input, views_shown
from shapewright.pipeline.refinement_targets import targets_of_record

__all__ = [
    "Comparison",
    "Reconstruction",
    "compare",
    "mean_of",
    "measure_reconstruction",
    "on_black",
    "reconstruct",
    "surface_samples",
    "views_to_compare",
]

BLACK = (0.0, 0.0, 0.0)
SURFACE_POINTS = 4096
# Queries as near as this to the surface tell how it is turned there.
NEAR = 0.02


@dataclass(frozen=True, kw_only=True)
class Reconstruction:
    """One asset's figures, over whole pictures on black and in world units.

    Of pictures: PSNR in dB, SSIM, and LPIPS (lower is better) if its weights were at hand. fscore is at a
    distance of 0.02, 1% of the box; normal_consistency and iou are in [0, 1]. An asset whose field has no
    surface counts as a black picture, F-score and normal consistency 0, and a chamfer distance of 1.
    """

    mesh_psnr_db: float
    nerf_psnr_db: float
    mesh_ssim: float
    nerf_ssim: float
    chamfer: float
    fscore: float
    normal_consistency: float
    iou: float
    mesh_lpips: float | None = None
    nerf_lpips: float | None = None


@dataclass(frozen=True, kw_only=True)
class Comparison:
    """An asset's figures, and pictures of its first compared view on black, (H, W, 3) in [0, 1]."""

    figures: Reconstruction
    truth: np.ndarray
    mesh: np.ndarray
    nerf: np.ndarray


def reconstruct(pipeline: Pipeline, record: AssetRecord, *, refine: int = 0, compared: int = 0) -> Asset:
    """The asset that the encoder makes of a record, refined in so many steps on its queries and views.

    The first `compared` views of those that are compared with it are not among them, if there are others.
    Raises: ModelError without an encoder; DatasetError if the record has less than that looks at.
    """
    seen = record_input(record, pipeline.model.config).to(pipeline.device)
    with torch.no_grad():
        latent = pipeline.model.autoencoder.encode(seen.points, seen.views)[0]
    asset = pipeline.asset(latent, prompt=record.name, seed=None, settings={"encoded_from": record.id})
    if not refine:
        return asset
    config = pipeline.model.config
    hidden = views_to_compare(config, len(record.views().cameras))[:compared]
    targets = targets_of_record(record, config.autoencoder.field, unseen=hidden)
    return pipeline.refine(asset, targets, steps=refine)


def measure_reconstruction(
    pipeline: Pipeline, record: AssetRecord, *, views: int = 3, nerf_views: int = 1, refine: int = 0
) -> Reconstruction:
    """Compare a record with its reconstruction under the same light; see `compare`."""
    asset = reconstruct(pipeline, record, refine=refine, compared=max(views, nerf_views))
    return compare(asset, record, pipeline.model.config, views=views, nerf_views=nerf_views).figures


def compare(
    asset: Asset,
    record: AssetRecord,
    config: ModelConfig,
    *,
    views: int,
    nerf_views: int,
    lpips: Lpips | None = None,
) -> Comparison:
    """Compare a record with what the model made of it over some views (or all it has), rendered as they were.

    An encoder of views is judged by others than it was shown, while there are such.
    """
    truth = record.views()
    order = views_to_compare(config, len(truth.cameras))
    wanted = [on_black(truth, index) for index in order]
    mesh = pictures(asset, truth, order[:views], "mesh")
    nerf = pictures(asset, truth, order[:nerf_views], "nerf")
    of_mesh, of_nerf = likeness(mesh, wanted, lpips), likeness(nerf, wanted, lpips)
    figures = Reconstruction(
        mesh_psnr_db=of_mesh.psnr_db,
        nerf_psnr_db=of_nerf.psnr_db,
        mesh_ssim=of_mesh.ssim,
        nerf_ssim=of_nerf.ssim,
        mesh_lpips=of_mesh.lpips,
        nerf_lpips=of_nerf.lpips,
        iou=iou_of_asset(asset, record),
        **shape_figures(asset, record),
    )
    return Comparison(figures=figures, truth=wanted[0], mesh=mesh[0], nerf=nerf[0])


def views_to_compare(config: ModelConfig, count: int) -> list[int]:
    """All views of a record with `count` of them, those that the encoder is not shown first."""
    shown = min(views_shown(config), count)
    return [*range(shown, count), *range(shown)]


def pictures(asset: Asset, truth: Views, chosen: list[int], mode: RenderMode) -> list[np.ndarray]:
    """The asset through the chosen cameras, (H, W, 3) on black; black where it has no surface."""
    try:
        return [asset.render(truth.cameras[i], mode=mode, background=BLACK)[..., :3] for i in chosen]
    except EmptySurfaceError:
        return [np.zeros_like(on_black(truth, i)) for i in chosen]


@dataclass(frozen=True, kw_only=True)
class Likeness:
    """Means over pictures."""

    psnr_db: float
    ssim: float
    lpips: float | None


def likeness(made: list[np.ndarray], wanted: list[np.ndarray], lpips: Lpips | None) -> Likeness:
    """Of the pictures that were made, which are the first of those wanted."""
    pairs = list(zip(made, wanted, strict=False))
    return Likeness(
        psnr_db=float(np.mean([psnr_db(*pair) for pair in pairs])),
        ssim=float(np.mean([ssim(*pair) for pair in pairs])),
        lpips=None if lpips is None else float(np.mean([lpips.distance(*pair) for pair in pairs])),
    )


def shape_figures(asset: Asset, record: AssetRecord) -> dict[str, float]:
    """Of points on the asset's surface against the record's points, and its queries near the surface."""
    try:
        surface = asset.surface()
    except EmptySurfaceError:
        return {"chamfer": 1.0, "fscore": 0.0, "normal_consistency": 0.0}
    faces, weights = sample_surface(surface.vertices, surface.faces, SURFACE_POINTS, np.random.default_rng(0))
    points = interpolate(surface.vertices, surface.faces, faces, weights)
    normals = face_areas_and_normals(surface.vertices, surface.faces)[1][faces]
    distance = surface_distance(points, record.points[:SURFACE_POINTS, :3].astype(np.float64))
    turned = normal_consistency(points, normals, *near_normals(record))
    return {"chamfer": distance.chamfer, "fscore": distance.fscore, "normal_consistency": turned}


def near_normals(record: AssetRecord) -> tuple[np.ndarray, np.ndarray]:
    """Points (N, 3) on the record's surface and its unit normals there: queries near it, moved onto it."""
    distance = record.signed_distance.astype(np.float64)
    chosen = np.flatnonzero(np.abs(distance) < NEAR)[:SURFACE_POINTS]
    normals = record.query_normals[chosen].astype(np.float64)
    normals /= np.linalg.norm(normals, axis=1, keepdims=True).clip(min=1)
    return record.queries[chosen].astype(np.float64) + distance[chosen, None] * normals, normals


def on_black(views: Views, index: int) -> np.ndarray:
    """One picture (H, W, 3) in [0, 1] on black."""
    rgba = views.images[index].astype(np.float32) / 255
    return rgba[..., :3] * rgba[..., 3:]


def surface_samples(mesh: Mesh, count: int, *, seed: int = 0) -> np.ndarray:
    """(count, 6) points on a mesh with their sRGB colours (grey where it has none)."""
    faces, weights = sample_surface(mesh.vertices, mesh.faces, count, np.random.default_rng(seed))
    positions = interpolate(mesh.vertices, mesh.faces, faces, weights)
    colors = np.full((len(mesh.vertices), 3), 0.5) if mesh.vertex_colors is None else mesh.vertex_colors
    return np.concatenate([positions, interpolate(colors, mesh.faces, faces, weights)], axis=1)


def mean_of(results: list[Reconstruction], prefix: str = "") -> dict[str, float]:
    """The mean of every figure that was measured, by its name after `prefix`; nothing of nothing."""
    names = [f.name for f in fields(Reconstruction)] if results else []
    found = {name: [getattr(result, name) for result in results] for name in names}
    return {prefix + name: float(np.mean(values)) for name, values in found.items() if None not in values}
