"""Assets varied for training: mirrored, stretched a little, turned, recoloured."""

from dataclasses import dataclass, replace
from typing import Any, Self

import numpy as np
from scipy.spatial.transform import Rotation

from shapewright.dataset.augment import (
    Recolor,
    choose_recolor,
    mirror,
    mirror_normals,
    recolor,
    scale_axes,
    scale_distances,
    scale_normals,
    turn,
)
from shapewright.dataset.loader import AssetRecord
from shapewright.errors import ConfigError

__all__ = ["Augmentation", "Variation", "VariedAsset", "draw_variation", "placed", "varied", "vary"]

# Stretched surfaces must stay this far inside the box.
BOX_MARGIN = 0.98
COLORS_LOOKED_AT = 256


@dataclass(frozen=True, kw_only=True)
class Augmentation:
    """Probabilities of each change; `stretch` is the largest relative change of one axis.

    turn: about the vertical, by any angle. tip: onto another side, so that another axis points up, which
    changes what a thing is: for encoders, which should know every shape, not for priors.
    """

    mirror: float = 0.5
    recolor: float = 0.4
    scale: float = 0.5
    stretch: float = 0.15
    turn: float = 0.0
    tip: float = 0.0

    def __post_init__(self) -> None:
        chances = (self.mirror, self.recolor, self.scale, self.turn, self.tip)
        if not all(0 <= p <= 1 for p in chances):
            raise ConfigError("augmentation probabilities must be in 0..1")
        if not 0 <= self.stretch < 0.5:
            raise ConfigError(f"stretch must be in 0..0.5, got {self.stretch}")

    @classmethod
    def none(cls) -> Self:
        """Assets as they are."""
        return cls(mirror=0.0, recolor=0.0, scale=0.0, stretch=0.0)


@dataclass(frozen=True, kw_only=True)
class Variation:
    """One draw of the changes, made to all that shows the asset. The default: the asset as it is."""

    mirrored: bool = False
    factors: tuple[float, float, float] | None = None  # by which the axes are stretched
    rotation: tuple[float, ...] | None = None  # afterwards: a 3 x 3 matrix, row by row
    size: float = 1.0  # and then made so much smaller, to be in the box
    recolor: Recolor | None = None

    @property
    def matrix(self) -> np.ndarray:
        """(3, 3) float32: the rotation; the identity if nothing is turned."""
        rows = np.eye(3) if self.rotation is None else np.reshape(self.rotation, (3, 3))
        return rows.astype(np.float32)

    def plain(self) -> dict[str, Any]:
        """What JSON can hold of it; only what is changed."""
        made: dict[str, Any] = {"mirrored": True} if self.mirrored else {}
        if self.factors is not None:
            made["factors"] = list(self.factors)
        if self.rotation is not None:
            made["rotation"], made["size"] = list(self.rotation), self.size
        if self.recolor is not None:
            change = self.recolor
            colors = {"source": change.source.tolist(), "target": change.target.tolist()}
            made["recolor"] = {**colors, "to_color": change.to_color, "share": change.share}
        return made

    @classmethod
    def of_plain(cls, made: dict[str, Any]) -> Self:
        """The inverse of `plain`."""
        factors, rotation, change = made.get("factors"), made.get("rotation"), made.get("recolor")
        if change is not None:
            colors = {name: np.array(change[name]) for name in ("source", "target")}
            change = Recolor(**colors, to_color=change["to_color"], share=change["share"])
        return cls(
            mirrored=made.get("mirrored", False),
            factors=None if factors is None else (factors[0], factors[1], factors[2]),
            rotation=None if rotation is None else tuple(rotation),
            size=made.get("size", 1.0),
            recolor=change,
        )


@dataclass(frozen=True, kw_only=True)
class VariedAsset:
    """One draw: float32 arrays, colours sRGB in [0, 1]."""

    points: np.ndarray  # (N, 6)
    queries: np.ndarray  # (Q, 3)
    signed_distance: np.ndarray  # (Q,)
    query_colors: np.ndarray  # (Q, 3)
    query_normals: np.ndarray  # (Q, 3)
    variation: Variation

    @property
    def recolored(self) -> bool:
        return self.variation.recolor is not None


def vary(
    record: AssetRecord, window: slice, points: int, augmentation: Augmentation, rng: np.random.Generator
) -> VariedAsset:
    """The first `points` points and the queries in `window`, changed alike by one random draw."""
    return varied(record, window, points, draw_variation(record, points, augmentation, rng))


def draw_variation(
    record: AssetRecord, points: int, augmentation: Augmentation, rng: np.random.Generator
) -> Variation:
    """What chance changes of the asset, of which the first `points` points are looked at."""
    cloud = record.points[:points].astype(np.float32)
    mirrored = bool(rng.random() < augmentation.mirror)
    factors = None
    if rng.random() < augmentation.scale:
        x, y, z = stretch_factors(cloud, augmentation.stretch, rng).tolist()
        factors = (x, y, z)
    rotation = draw_rotation(augmentation, rng)
    changed = draw_recolor(cloud, augmentation, rng)
    shape = Variation(mirrored=mirrored, factors=factors, rotation=rotation)
    size = 1.0 if rotation is None else room(placed(cloud, shape))
    return replace(shape, size=size, recolor=changed)


def varied(record: AssetRecord, window: slice, points: int, variation: Variation) -> VariedAsset:
    """The first `points` points and the queries in `window`, changed alike."""
    cloud = record.points[:points].astype(np.float32)
    queries = record.queries[window].astype(np.float32)
    distance = record.signed_distance[window].astype(np.float32)
    colors = record.query_colors[window].astype(np.float32) / 255
    normals = record.query_normals[window].astype(np.float32) / 127
    cloud, queries = placed(cloud, variation), placed(queries, variation)
    if variation.mirrored:
        normals = mirror_normals(normals)
    if variation.factors is not None:
        factors = np.array(variation.factors, dtype=np.float32)
        distance = scale_distances(distance, normals, factors)
        normals = scale_normals(normals, factors)
    if variation.rotation is not None:
        distance, normals = distance * np.float32(variation.size), turn(normals, variation.matrix)
    if variation.recolor is not None:
        cloud = np.concatenate([cloud[:, :3], recolor(cloud[:, 3:], variation.recolor)], axis=1)
        colors = recolor(colors, variation.recolor)
    return VariedAsset(
        points=cloud.astype(np.float32),
        queries=queries.astype(np.float32),
        signed_distance=distance.astype(np.float32),
        query_colors=colors.astype(np.float32),
        query_normals=normals.astype(np.float32),
        variation=variation,
    )


def draw_rotation(augmentation: Augmentation, rng: np.random.Generator) -> tuple[float, ...] | None:
    """Nothing is drawn where nothing turns: sets of latents made before this change stay what they are."""
    if not augmentation.turn and not augmentation.tip:
        return None
    turned, tipped = rng.random(2) < (augmentation.turn, augmentation.tip)
    if not turned and not tipped:
        return None
    angle_rad = rng.uniform(0, 2 * np.pi) if turned else 0.0
    rotation = Rotation.from_rotvec([0.0, 0.0, angle_rad])
    if tipped:
        sides = [axis * sign for axis in np.eye(3)[:2] for sign in (-1, 1)]
        rotation = Rotation.from_rotvec(sides[rng.integers(4)] * np.pi / 2) * rotation
    return tuple(float(number) for number in rotation.as_matrix().ravel())


def room(cloud: np.ndarray) -> float:
    """What a turned cloud must be multiplied by to be in the box."""
    return min(1.0, BOX_MARGIN / max(float(np.abs(cloud[:, :3]).max()), 1e-6))


def placed(positions: np.ndarray, variation: Variation) -> np.ndarray:
    """Positions (N, 3 or more) where the variation moves them."""
    if variation.mirrored:
        positions = mirror(positions)
    if variation.factors is not None:
        positions = scale_axes(positions, np.array(variation.factors, dtype=np.float32))
    if variation.rotation is not None:
        positions = turn(positions, variation.matrix * np.float32(variation.size))
    return positions


def draw_recolor(cloud: np.ndarray, augmentation: Augmentation, rng: np.random.Generator) -> Recolor | None:
    if rng.random() >= augmentation.recolor:
        return None
    return choose_recolor(cloud[:COLORS_LOOKED_AT, 3:], rng)


def stretch_factors(cloud: np.ndarray, stretch: float, rng: np.random.Generator) -> np.ndarray:
    """(3,) random factors around 1, made smaller where the cloud would leave the box."""
    factors = np.exp(rng.uniform(-stretch, stretch, 3)).astype(np.float32)
    largest = np.abs(cloud[:, :3]).max(axis=0)
    return np.minimum(factors, BOX_MARGIN / np.maximum(largest, 1e-6))
