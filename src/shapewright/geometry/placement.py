"""Where an object stands in its file, and how large it is there."""

from __future__ import annotations

import numpy as np

__all__ = ["standing"]


def standing(points: np.ndarray, height_m: float) -> np.ndarray:
    """Points (N, 3), +Z up, scaled to `height_m`: the base at z = 0, centred over the origin."""
    low, high = points.min(axis=0), points.max(axis=0)
    assert high[2] > low[2], "a surface has a height"
    base = np.array([(low[0] + high[0]) / 2, (low[1] + high[1]) / 2, low[2]])
    return ((points - base) * (height_m / (high[2] - low[2]))).astype(np.float32)
