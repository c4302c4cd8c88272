"""Coloured points and their files, PLY and GLB.

World axes are +Z up. GLB files are +Y up and are turned on the way out, as in mesh_files.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from shapewright.atomic_file import check_writable, replacing
from shapewright.errors import OutputError
from shapewright.geometry.glb_file import points_glb_bytes

__all__ = ["POINT_WRITERS", "PointCloud", "save_points"]


@dataclass(frozen=True, kw_only=True)
class PointCloud:
    """Points in any frame, with a colour each. All numbers are finite."""

    positions: np.ndarray  # (N, 3) float32
    colors: np.ndarray  # (N, 3) float32, sRGB in [0, 1]

    def __post_init__(self) -> None:
        assert self.positions.ndim == 2, "points are rows"
        assert len(self.positions) > 0, "a cloud has points"
        assert self.positions.shape[1:] == (3,), "points have three coordinates"
        assert self.colors.shape == self.positions.shape, "every point has a colour"
        assert bool(np.isfinite(self.positions).all()), "positions are finite"
        assert bool(((self.colors >= 0) & (self.colors <= 1)).all()), "colours are in [0, 1]"

    def __len__(self) -> int:
        return len(self.positions)


def save_points(cloud: PointCloud, path: Path | str) -> None:
    """Write the points by the path's suffix, whole or not at all; missing folders are made.

    Raises: OutputError if the suffix is unknown or the place cannot be written.
    """
    path = Path(path)
    suffix = path.suffix.lower()
    if suffix not in POINT_WRITERS:
        known = ", ".join(sorted(POINT_WRITERS))
        raise OutputError(f"{path}: cannot write points as '{suffix}' files; choose one of {known}.")
    check_writable(path)
    data = POINT_WRITERS[suffix](cloud)
    with replacing(path) as temporary:
        temporary.write_bytes(data)


def _ply_bytes(cloud: PointCloud) -> bytes:
    """Binary little-endian PLY: positions as float, colours as bytes, +Z up as they are."""
    fields = [(axis, "<f4") for axis in "xyz"] + [(color, "u1") for color in ("red", "green", "blue")]
    rows = np.empty(len(cloud), dtype=fields)
    for index, axis in enumerate("xyz"):
        rows[axis] = cloud.positions[:, index]
    for index, color in enumerate(("red", "green", "blue")):
        rows[color] = np.round(cloud.colors[:, index] * 255.0)
    properties = [f"property {'float' if kind == '<f4' else 'uchar'} {name}" for name, kind in fields]
    header = ["ply", "format binary_little_endian 1.0", f"element vertex {len(cloud)}", *properties]
    return ("\n".join([*header, "end_header"]) + "\n").encode() + rows.tobytes()


def _glb_bytes(cloud: PointCloud) -> bytes:
    x, y, z = cloud.positions.T
    return points_glb_bytes(np.stack([x, z, -y], axis=-1), cloud.colors)


POINT_WRITERS: dict[str, Callable[[PointCloud], bytes]] = {".glb": _glb_bytes, ".ply": _ply_bytes}
