"""Assets varied for training, in ways that keep what they are: mirrored, stretched a little, recoloured."""

from dataclasses import dataclass
from typing import Self

import numpy as np

from shapewright.dataset.augment import (
    Recolor,
    choose_recolor,
    mirror,
    mirror_normals,
    recolor,
    scale_axes,
    scale_distances,
    scale_normals,
)
from shapewright.dataset.loader import AssetRecord
from shapewright.errors import ConfigError

__all__ = ["Augmentation", "VariedAsset", "vary"]

# Stretched surfaces must stay this far inside the box.
BOX_MARGIN = 0.98
COLORS_LOOKED_AT = 256


@dataclass(frozen=True, kw_only=True)
class Augmentation:
    """Probabilities of each change; `stretch` is the largest relative change of one axis."""

    mirror: float = 0.5
    recolor: float = 0.4
    scale: float = 0.5
    stretch: float = 0.15

    def __post_init__(self) -> None:
        if not all(0 <= p <= 1 for p in (self.mirror, self.recolor, self.scale)):
            raise ConfigError("augmentation probabilities must be in 0..1")
        if not 0 <= self.stretch < 0.5:
            raise ConfigError(f"stretch must be in 0..0.5, got {self.stretch}")

    @classmethod
    def none(cls) -> Self:
        """Assets as they are."""
        return cls(mirror=0.0, recolor=0.0, scale=0.0, stretch=0.0)


@dataclass(frozen=True, kw_only=True)
class VariedAsset:
    """One draw: float32 arrays, colours sRGB in [0, 1]."""

    points: np.ndarray  # (N, 6)
    queries: np.ndarray  # (Q, 3)
    signed_distance: np.ndarray  # (Q,)
    query_colors: np.ndarray  # (Q, 3)
    query_normals: np.ndarray  # (Q, 3)
    recolored: bool


def vary(
    record: AssetRecord, window: slice, points: int, augmentation: Augmentation, rng: np.random.Generator
) -> VariedAsset:
    """The first `points` points and the queries in `window`, changed alike by one random draw."""
    cloud = record.points[:points].astype(np.float32)
    queries = record.queries[window].astype(np.float32)
    distance = record.signed_distance[window].astype(np.float32)
    colors = record.query_colors[window].astype(np.float32) / 255
    normals = record.query_normals[window].astype(np.float32) / 127
    if rng.random() < augmentation.mirror:
        cloud, queries, normals = mirror(cloud), mirror(queries), mirror_normals(normals)
    if rng.random() < augmentation.scale:
        factors = stretch_factors(cloud, augmentation.stretch, rng)
        cloud, queries = scale_axes(cloud, factors), scale_axes(queries, factors)
        distance = scale_distances(distance, normals, factors)
        normals = scale_normals(normals, factors)
    change = draw_recolor(cloud, augmentation, rng)
    if change is not None:
        cloud = np.concatenate([cloud[:, :3], recolor(cloud[:, 3:], change)], axis=1)
        colors = recolor(colors, change)
    return VariedAsset(
        points=cloud.astype(np.float32),
        queries=queries.astype(np.float32),
        signed_distance=distance.astype(np.float32),
        query_colors=colors.astype(np.float32),
        query_normals=normals.astype(np.float32),
        recolored=change is not None,
    )


def draw_recolor(cloud: np.ndarray, augmentation: Augmentation, rng: np.random.Generator) -> Recolor | None:
    if rng.random() >= augmentation.recolor:
        return None
    return choose_recolor(cloud[:COLORS_LOOKED_AT, 3:], rng)


def stretch_factors(cloud: np.ndarray, stretch: float, rng: np.random.Generator) -> np.ndarray:
    """(3,) random factors around 1, made smaller where the cloud would leave the box."""
    factors = np.exp(rng.uniform(-stretch, stretch, 3)).astype(np.float32)
    largest = np.abs(cloud[:, :3]).max(axis=0)
    return np.minimum(factors, BOX_MARGIN / np.maximum(largest, 1e-6))
