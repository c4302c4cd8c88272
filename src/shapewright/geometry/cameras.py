"""Pinhole cameras in the reference's convention: x right, y down, z forward, +Z of the world up."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np

__all__ = ["STANDARD_ELEVATION_RAD", "Camera", "look_at", "random_views", "turntable"]

# The standard turntable looks along (sin a, cos a, -0.5), that is down by atan(0.5).
STANDARD_ELEVATION_RAD = math.atan(0.5)


@dataclass(frozen=True, kw_only=True)
class Camera:
    """A pinhole camera; the axes are unit vectors in world coordinates, each of shape (3,)."""

    origin: np.ndarray
    x: np.ndarray  # right
    y: np.ndarray  # down
    z: np.ndarray  # forward
    width_px: int
    height_px: int
    fov_x_rad: float
    fov_y_rad: float

    def rays(
        self,
        *,
        offset_px: tuple[float, float] = (0.0, 0.0),
        window: tuple[slice, slice] = (slice(None), slice(None)),
    ) -> tuple[np.ndarray, np.ndarray]:
        """Origins and unit directions (height, width, 3), float32, of the rays through all pixels.

        `offset_px` moves every ray by a part of a pixel (for supersampling); `window` leaves out all but
        these rows and columns.
        Source: NUMERICS "Cameras": fraction 2 i / (width - 1) - 1 times tan(fov / 2).
        """
        rows, columns = window
        across = _fractions(self.width_px, offset_px[0])[columns]
        down = _fractions(self.height_px, offset_px[1])[rows]
        return self._rays(across[None, :], down[:, None])

    def rays_through(self, rows: np.ndarray, columns: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Origins and unit directions (N, 3), float32, of the rays through N pixels, or points between."""
        return self._rays(_fraction(columns, self.width_px), _fraction(rows, self.height_px))

    def _rays(self, across: np.ndarray, down: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Rays through fractions of the picture in -1..1, whose shapes are broadcast."""
        right = (across * math.tan(self.fov_x_rad / 2))[..., None] * self.x
        directions = self.z + right + (down * math.tan(self.fov_y_rad / 2))[..., None] * self.y
        directions = directions / np.linalg.norm(directions, axis=-1, keepdims=True)
        directions = directions.astype(np.float32)
        return np.broadcast_to(self.origin.astype(np.float32), directions.shape), directions

    def shrunk(self, factor: int) -> Camera:
        """The camera of this one's pictures after the mean over blocks of `factor`^2 pixels.

        Its pixels look through the middles of the blocks, so it sees a little less at the borders.
        """
        assert self.width_px % factor == 0, "pictures are cut into whole blocks"
        assert self.height_px % factor == 0, "pictures are cut into whole blocks"
        return replace(
            self,
            width_px=self.width_px // factor,
            height_px=self.height_px // factor,
            fov_x_rad=_shrunk_fov(self.fov_x_rad, self.width_px, factor),
            fov_y_rad=_shrunk_fov(self.fov_y_rad, self.height_px, factor),
        )


def _fractions(size_px: int, offset_px: float) -> np.ndarray:
    return _fraction(np.arange(size_px) + offset_px, size_px)


def _fraction(pixel: np.ndarray, size_px: int) -> np.ndarray:
    if size_px == 1:
        return np.zeros(len(pixel))
    return 2.0 * pixel / (size_px - 1) - 1.0


def _shrunk_fov(fov_rad: float, size_px: int, factor: int) -> float:
    # the first block's middle is at the fraction (factor - 1) / (size - 1) - 1 of the picture
    share = (size_px - factor) / max(1, size_px - 1)
    return 2.0 * math.atan(share * math.tan(fov_rad / 2))


def look_at(origin: np.ndarray, target: np.ndarray, *, size_px: int, fov_rad: float = 0.7) -> Camera:
    """A square camera at `origin` looking at `target`, upright with respect to world +Z.

    >>> camera = look_at(np.array([0.0, -4.0, 0.0]), np.zeros(3), size_px=64)
    >>> camera.z.tolist(), camera.y.tolist()
    ([0.0, 1.0, 0.0], [0.0, 0.0, -1.0])
    """
    origin = np.asarray(origin, dtype=np.float64)
    forward = _unit(np.asarray(target, dtype=np.float64) - origin)
    right = np.cross(forward, (0.0, 0.0, 1.0))
    if np.linalg.norm(right) < 1e-6:  # straight up or down: any horizontal axis will do
        right = np.array([1.0, 0.0, 0.0])
    right = _unit(right)
    return Camera(
        origin=origin.astype(np.float32),
        x=right.astype(np.float32),
        y=np.cross(forward, right).astype(np.float32),
        z=forward.astype(np.float32),
        width_px=size_px,
        height_px=size_px,
        fov_x_rad=fov_rad,
        fov_y_rad=fov_rad,
    )


def turntable(
    count: int,
    *,
    size_px: int,
    fov_rad: float = 0.7,
    distance: float = 4.0,
    elevation_rad: float = STANDARD_ELEVATION_RAD,
) -> list[Camera]:
    """`count` cameras evenly around the object; the last frame does not repeat the first.

    Source: NUMERICS "Cameras": forward = unit(sin a, cos a, -0.5), origin = -4 forward.

    >>> [camera.width_px for camera in turntable(3, size_px=256)]
    [256, 256, 256]
    """
    cameras = []
    for azimuth in np.arange(count) * (2.0 * math.pi / count):
        forward = np.array([math.sin(azimuth), math.cos(azimuth), -math.tan(elevation_rad)])
        cameras.append(_outside_looking_in(-_unit(forward), distance, size_px, fov_rad))
    return cameras


def random_views(
    rng: np.random.Generator,
    count: int,
    *,
    size_px: int,
    fov_rad: float = 0.7,
    distance: float = 4.0,
    lowest_sin: float = -0.6,
) -> list[Camera]:
    """`count` cameras spread over the sphere at random; azimuths and heights are stratified.

    `lowest_sin` is the sine of the lowest elevation: few cameras need to look from straight below.
    """
    azimuths = 2.0 * math.pi * (np.arange(count) + rng.random(count)) / count
    heights = (rng.permutation(count) + rng.random(count)) / count
    heights = lowest_sin + (0.95 - lowest_sin) * heights
    level = np.sqrt(1.0 - heights**2)
    outward = np.stack([level * np.sin(azimuths), level * np.cos(azimuths), heights], axis=-1)
    return [_outside_looking_in(direction, distance, size_px, fov_rad) for direction in outward]


def _outside_looking_in(outward: np.ndarray, distance: float, size_px: int, fov_rad: float) -> Camera:
    return look_at(distance * outward, np.zeros(3), size_px=size_px, fov_rad=fov_rad)


def _unit(vector: np.ndarray) -> np.ndarray:
    return vector / np.linalg.norm(vector)
