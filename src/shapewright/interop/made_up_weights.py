"""Deterministic weights from a parameter's name and shape alone, so that parity cases need not store any."""

from __future__ import annotations

import zlib
from collections.abc import Sequence

import numpy as np

__all__ = ["made_up_weight"]


def made_up_weight(name: str, shape: Sequence[int]) -> np.ndarray:
    """float32 array of `shape`, the same on every machine, for the parameter called `name`.

    Source: tests/parity/golden/fill.py, the rule that the golden values were made with.
    """
    seed = zlib.crc32(name.encode())
    x = np.random.Generator(np.random.PCG64(seed)).standard_normal(tuple(shape), dtype=np.float32)
    if ".params_proj." in f".{name}":
        if name.endswith("norm.weight"):
            return (1.7 / np.sqrt(shape[0]) * (1 + 0.1 * x)).astype(np.float32)
        if name.endswith("norm.bias"):
            return (0.01 * x).astype(np.float32)
        if name.endswith("proj.bias"):
            return (0.1 * x).astype(np.float32)
    if len(shape) >= 2:
        gain = 1.7 if name.startswith("renderer.") else 1.0
        return (gain * x / np.sqrt(np.prod(shape[1:]))).astype(np.float32)
    return (1 + 0.1 * x if name.endswith("weight") else 0.1 * x).astype(np.float32)
