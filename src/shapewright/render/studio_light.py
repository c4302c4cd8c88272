"""The light of presentation pictures: a large key light, a fill, and soft light from above.

It stays with the camera, as in a studio where the object turns on a table, so that every view is lit.
Training and evaluation compare under `geometry.light`, which this is no part of.
"""

from __future__ import annotations

import numpy as np

from shapewright.geometry.cameras import Camera

__all__ = ["studio_light"]

# Towards the lights, along the camera's right, up and back.
KEY = (-0.50, 0.62, 0.60)
FILL = (0.80, 0.10, 0.59)
# Together at most about 1: white stays just below white and nothing clips.
KEY_SHARE, FILL_SHARE, SKY_SHARE = 0.70, 0.18, 0.30
# Large lights reach a little around the corner.
WRAP = 0.25
# What the floor gives back of the light from above.
FLOOR = 0.45


def studio_light(normals: np.ndarray, camera: Camera) -> np.ndarray:
    """Intensity (N,) in about [0.1, 1] on surfaces with unit `normals` (N, 3) on the side that is seen."""
    sky = FLOOR + (1 - FLOOR) * (normals[:, 2] + 1) / 2
    return SKY_SHARE * sky + KEY_SHARE * _lit(normals, camera, KEY) + FILL_SHARE * _lit(normals, camera, FILL)


def _lit(normals: np.ndarray, camera: Camera, toward: tuple[float, float, float]) -> np.ndarray:
    right, up, back = toward
    direction = right * camera.x - up * camera.y - back * camera.z
    facing = normals @ (direction / np.linalg.norm(direction)).astype(np.float32)
    return np.maximum(facing + WRAP, 0.0) / (1 + WRAP)
