"""One asset to one record: everything a model learns from, made in one process."""

from __future__ import annotations

import json
import zlib
from typing import Any

import numpy as np

from shapewright.dataset.assets import Asset
from shapewright.dataset.captions import captions_of, material_word, subject_of
from shapewright.dataset.colors import color_shares
from shapewright.dataset.field_targets import FieldTargets, field_targets
from shapewright.dataset.names import nouns_of
from shapewright.dataset.normalize import Normalized, normalize
from shapewright.dataset.points import SurfacePoints, point_cloud, visible_surface
from shapewright.dataset.recipes import DataRecipe
from shapewright.dataset.shape_words import shape_words
from shapewright.dataset.shards import encode_array, encode_views
from shapewright.dataset.views import render_views
from shapewright.geometry.cameras import random_views
from shapewright.geometry.mesh import TexturedMesh
from shapewright.geometry.mesh_files import load
from shapewright.geometry.raycast import Raycaster

__all__ = ["load_asset", "make_record"]


def load_asset(asset: Asset, *, max_texture_px: int) -> TexturedMesh:
    """The asset's mesh, +Z up, its source's rotation applied.

    Raises: AssetFileError.
    """
    own_rotation = None if asset.rotation is None else np.array(asset.rotation).reshape(3, 3)
    return load(asset.path, max_texture_px=max_texture_px, own_rotation=own_rotation)


def make_record(asset: Asset, split: str, group: str, recipe: DataRecipe) -> dict[str, bytes]:
    """The record's members by suffix. The same asset and recipe give the same bytes.

    Raises: AssetFileError if the asset cannot be used.
    """
    rng = np.random.default_rng(zlib.crc32(asset.id.encode()))
    normalized = normalize(load_asset(asset, max_texture_px=recipe.max_texture_px))
    mesh = normalized.mesh
    raycaster = Raycaster(mesh.vertices, mesh.faces)
    surface = visible_surface(mesh, raycaster, recipe.points * recipe.candidates_per_point, rng)
    cloud = point_cloud(surface, recipe.points)
    targets = field_targets(mesh, surface, raycaster, recipe.targets, rng)
    cameras = random_views(rng, recipe.views, size_px=recipe.view_size_px)
    views = render_views(mesh, raycaster, cameras, supersample=recipe.supersample)
    points = np.concatenate([cloud.positions, cloud.colors], axis=-1).astype(np.float16)
    about = _about(asset, split, group, normalized, surface, targets, points)
    return {
        "json": json.dumps(about, ensure_ascii=False).encode(),
        **_arrays(points, targets),
        **encode_views(views),
    }


def _arrays(points: np.ndarray, targets: FieldTargets) -> dict[str, bytes]:
    return {
        "points.npy": encode_array(points),
        "queries.npy": encode_array(targets.queries.astype(np.float16)),
        "distances.npy": encode_array(targets.signed_distance.astype(np.float16)),
        "colors.npy": encode_array(targets.colors),
        "normals.npy": encode_array(targets.normals),
    }


def _about(
    asset: Asset,
    split: str,
    group: str,
    normalized: Normalized,
    surface: SurfacePoints,
    targets: FieldTargets,
    points: np.ndarray,
) -> dict[str, Any]:
    # as they are kept: so the same captions follow from a record later
    shares = {name: round(share, 4) for name, share in color_shares(surface.colors).items()}
    material = material_word(_material_shares(normalized.mesh, surface))
    nouns = nouns_of(asset.name, asset.tags)
    shapes = shape_words(points[:, :3], asset.name, nouns, asset.dimensions_m)
    subject = subject_of(asset.name, asset.tags, shares, material, shapes)
    return {
        "id": asset.id,
        "split": split,
        "group": group,
        "name": asset.name,
        "category": asset.category,
        "tags": list(asset.tags),
        "license": asset.license,
        "creator": asset.creator,
        "source": asset.source,
        "dimensions": [float(side) for side in asset.dimensions_m or normalized.extents],
        "dimensions_unit": "m" if asset.dimensions_m else "file units",
        "nouns": list(subject.nouns),
        "color_shares": shares,
        "material": material,
        "thickness": targets.thickness,
        "ambiguous_share": round(targets.ambiguous_share, 4),
        "faces": len(normalized.mesh.faces),
        "captions": captions_of(asset, subject),
    }


def _material_shares(mesh: TexturedMesh, surface: SurfacePoints) -> list[tuple[str, float]]:
    """(name of material and texture, share of the visible surface) of every material."""
    counts = np.bincount(mesh.face_materials[surface.face_index], minlength=len(mesh.materials))
    shares = counts / counts.sum()
    return [
        (f"{material.name} {material.texture_name}", float(share))
        for material, share in zip(mesh.materials, shares, strict=True)
    ]
