"""Assets of simple solids with exact answers, made in memory, and sizes of networks to learn them."""

from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Protocol

import numpy as np

from shapewright.dataset.captions import sentences, subject_of
from shapewright.dataset.colors import color_shares
from shapewright.dataset.loader import AssetRecord
from shapewright.dataset.views import Views
from shapewright.geometry.cameras import Camera, random_views
from shapewright.geometry.light import shade

__all__ = ["BLUE", "RED", "Ball", "Brick", "PicturedRecord", "Solid", "pictures_of", "record_of", "shelf"]

RED, BLUE = (0.8, 0.1, 0.1), (0.1, 0.2, 0.8)
Rgb = tuple[float, float, float]


class Solid(Protocol):
    """A solid around the origin whose surface, distance and normals have formulas."""

    def surface(self, count: int, rng: np.random.Generator) -> np.ndarray:
        """(N, 3) points on it."""
        ...

    def distance(self, points: np.ndarray) -> np.ndarray:
        """(N,) signed, positive inside."""
        ...

    def normals(self, points: np.ndarray) -> np.ndarray:
        """(N, 3) outward unit normals at the nearest surface point."""
        ...


@dataclass(frozen=True)
class Ball:
    radius: float = 0.6

    def surface(self, count: int, rng: np.random.Generator) -> np.ndarray:
        return self.radius * self.normals(rng.normal(size=(count, 3)))

    def distance(self, points: np.ndarray) -> np.ndarray:
        return self.radius - np.linalg.norm(points, axis=-1)

    def normals(self, points: np.ndarray) -> np.ndarray:
        return points / np.linalg.norm(points, axis=-1, keepdims=True)


@dataclass(frozen=True)
class Brick:
    half: tuple[float, float, float] = (0.9, 0.5, 0.3)

    def surface(self, count: int, rng: np.random.Generator) -> np.ndarray:
        half = np.array(self.half)
        axis = rng.choice(3, size=count, p=(1 / half) / (1 / half).sum())
        points = rng.uniform(-half, half, size=(count, 3))
        points[np.arange(count), axis] = half[axis] * rng.choice([-1, 1], size=count)
        return points

    def distance(self, points: np.ndarray) -> np.ndarray:
        beyond = np.abs(points) - self.half
        outside = np.linalg.norm(np.maximum(beyond, 0), axis=-1)
        return -(outside + np.minimum(beyond.max(axis=-1), 0))

    def normals(self, points: np.ndarray) -> np.ndarray:
        beyond = np.abs(points) - self.half
        nearest_face = np.eye(3)[beyond.argmax(axis=-1)]
        away = np.where((beyond > 0).any(axis=-1, keepdims=True), np.maximum(beyond, 0), nearest_face)
        return np.sign(points) * away / np.linalg.norm(away, axis=-1, keepdims=True)


@dataclass(frozen=True, kw_only=True, eq=False)
class PicturedRecord(AssetRecord):
    """A record whose pictures are in memory."""

    pictures: Views

    def views(self) -> Views:
        return self.pictures


def pictures_of(solid: Solid, rgb: Rgb, cameras: list[Camera]) -> Views:
    """The solid as a data set shows it, but for the smoothness of its outline."""
    images, depths = zip(*(picture_of(solid, rgb, camera) for camera in cameras), strict=True)
    return Views(images=np.stack(images), depths=np.stack(depths), cameras=cameras)


def picture_of(solid: Solid, rgb: Rgb, camera: Camera) -> tuple[np.ndarray, np.ndarray]:
    """Image (H, W, 4) uint8 and depth (H, W), by going the distance to the surface again and again."""
    origins, directions = camera.rays()
    travelled = np.zeros(directions.shape[:2])
    for _ in range(40):
        travelled -= solid.distance(origins + directions * travelled[..., None])
    position = origins + directions * travelled[..., None]
    hit = np.abs(solid.distance(position)) < 1e-3
    lit = shade(np.broadcast_to(np.array(rgb), position.shape), solid.normals(position))
    image = np.where(hit[..., None], np.append(np.round(lit * 255), np.full((*hit.shape, 1), 255), -1), 0)
    return image.astype(np.uint8), np.where(hit, travelled * (directions @ camera.z), np.inf).astype("f4")


def record_of(
    name: str,
    solid: Solid,
    *,
    rgb: Rgb = RED,
    split: str = "train",
    points: int = 256,
    queries: int = 1024,
    views: int = 0,
    size_px: int = 24,
    seed: int = 0,
) -> AssetRecord:
    """The solid as a data set would hold it; points are not in farthest-point order."""
    rng = np.random.default_rng(seed)
    surface = solid.surface(points, rng)
    near = solid.surface(queries, rng) + rng.normal(scale=0.05, size=(queries, 3))
    anywhere = rng.random(queries)[:, None] < 0.25
    asked = np.where(anywhere, rng.uniform(-1, 1, (queries, 3)), near).clip(-1, 1).astype(np.float16)
    shares = color_shares(np.array([rgb]))
    subject = subject_of(name, (), shares, None)
    pictures = pictures_of(solid, rgb, random_views(rng, views, size_px=size_px)) if views else None
    kind = AssetRecord if pictures is None else partial(PicturedRecord, pictures=pictures)
    return kind(
        id=f"test/{name}",
        split=split,
        points=np.concatenate([surface, np.tile(rgb, (points, 1))], axis=1).astype(np.float16),
        queries=asked,
        signed_distance=solid.distance(asked.astype(np.float64)).astype(np.float16),
        query_colors=np.tile(np.round(np.array(rgb) * 255), (queries, 1)).astype(np.uint8),
        query_normals=np.round(solid.normals(asked.astype(np.float64)) * 127).astype(np.int8),
        captions=[{"text": text, "language": "en"} for text in sentences(subject)],
        name=name,
        category="Test",
        tags=[],
        license="CC0",
        creator="nobody",
        source="test",
        dimensions=[1.0, 1.0, 1.0],
        nouns=list(subject.nouns),
        color_shares=shares,
        shard=Path("nowhere.tar"),
        members={},
    )


def shelf(**counts: int) -> list[AssetRecord]:
    """Six solids of two kinds and two colours."""
    return [
        record_of("ball", Ball(0.5), rgb=RED, seed=1, **counts),
        record_of("ball 2", Ball(0.8), rgb=BLUE, seed=2, **counts),
        record_of("ball 3", Ball(0.3), rgb=RED, seed=3, **counts),
        record_of("box", Brick((0.9, 0.9, 0.2)), rgb=BLUE, seed=4, **counts),
        record_of("box 2", Brick((0.2, 0.3, 0.9)), rgb=RED, seed=5, **counts),
        record_of("box 3", Brick((0.9, 0.3, 0.3)), rgb=BLUE, seed=6, **counts),
    ]
