"""Which triangle every pixel sees: a z-buffer in plain torch, the same on every device. No gradients.

Shapes: V vertices, F triangles, N candidates (a pixel in the bounding box of a triangle). Pixel centres lie
at whole numbers, x to the right and y down.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from shapewright.errors import ConfigError
from shapewright.geometry.cameras import Camera

__all__ = ["NEAREST", "ProjectedVertices", "Visibility", "in_camera", "project", "rasterize", "signed_areas"]

# Triangles with a corner closer to the camera's plane than this are not drawn.
NEAREST = 1e-3
# Small triangles have few candidates each; this bounds the memory of large ones.
CANDIDATES_AT_ONCE = 1 << 20


@dataclass(frozen=True, kw_only=True)
class ProjectedVertices:
    """Vertices as a camera sees them, in a picture of `height_px` by `width_px`."""

    points: Float[Tensor, "v 2"]  # x and y in pixels
    depth: Float[Tensor, "v"]  # along the camera's z axis
    height_px: int
    width_px: int
    pixel_width: float  # of a pixel at depth 1


@dataclass(frozen=True, kw_only=True)
class Visibility:
    """The nearest triangle of every pixel, -1 where there is none, and the inverse of its depth, then 0."""

    triangle: Int[Tensor, "p"]  # by pixel, row by row
    inverse_depth: Float[Tensor, "p"]


def project(positions: Float[Tensor, "v 3"], camera: Camera, supersample: int = 1) -> ProjectedVertices:
    """Where vertices appear, differentiably; with `supersample`^2 pixels in place of each of the camera's.

    Raises: ConfigError for a camera of a single row or column, whose pixels have no width.
    Source: NUMERICS "Cameras", solved for the pixel.
    """
    if min(camera.width_px, camera.height_px) < 2:
        raise ConfigError(
            f"A surface is drawn on at least 2 x 2 pixels, not {camera.width_px} x {camera.height_px}."
        )
    x, y, depth = in_camera(positions, camera)
    ahead = depth.clamp(min=NEAREST)
    across = _to_pixels(x / (ahead * math.tan(camera.fov_x_rad / 2)), camera.width_px, supersample)
    down = _to_pixels(y / (ahead * math.tan(camera.fov_y_rad / 2)), camera.height_px, supersample)
    return ProjectedVertices(
        points=torch.stack([across, down], dim=-1),
        depth=depth,
        height_px=camera.height_px * supersample,
        width_px=camera.width_px * supersample,
        pixel_width=2 * math.tan(camera.fov_x_rad / 2) / (camera.width_px - 1) / supersample,
    )


def in_camera(
    positions: Float[Tensor, "v 3"], camera: Camera
) -> tuple[Float[Tensor, "v"], Float[Tensor, "v"], Float[Tensor, "v"]]:
    """Coordinates along the camera's axes: right, down and forward (the depth)."""
    # sums, not matrix products: those lose precision under autocast
    relative = positions - _tensor(camera.origin, positions)
    x, y, depth = ((relative * _tensor(a, positions)).sum(dim=-1) for a in (camera.x, camera.y, camera.z))
    return x, y, depth


@torch.no_grad()
def rasterize(vertices: ProjectedVertices, faces: Int[Tensor, "f 3"]) -> Visibility:
    """The triangle in front at every pixel's centre; both sides of a triangle are seen.

    Neighbours leave no gap: the sign of a shared edge's distance is the same from both, and zero counts.
    """
    width, pixels = vertices.width_px, vertices.height_px * vertices.width_px
    found = [covered_pixels(vertices, faces, candidates) for candidates in candidate_parts(vertices, faces)]
    nothing = vertices.depth.new_zeros(pixels)
    best = torch.full((pixels,), -1, dtype=torch.int32, device=faces.device)
    if not found:
        return Visibility(triangle=best.long(), inverse_depth=nothing)
    face, x, y, inverse_depth = (torch.cat(part) for part in zip(*found, strict=True))
    pixel = y * width + x
    nearest = nothing.scatter_reduce(0, pixel, inverse_depth, "amax")
    first = inverse_depth == nearest[pixel]
    best = best.scatter_reduce(0, pixel[first], face[first].int(), "amax")
    return Visibility(triangle=best.long(), inverse_depth=nearest)


def signed_areas(points: Float[Tensor, "v 2"], faces: Int[Tensor, "f 3"]) -> Float[Tensor, "f"]:
    """Twice the area of each triangle in the picture; its sign says which side is seen."""
    a, b, c = points[faces].unbind(dim=1)
    return cross(b - a, c - a)


def cross(a: Float[Tensor, "n 2"], b: Float[Tensor, "n 2"]) -> Float[Tensor, "n"]:
    return a[:, 0] * b[:, 1] - a[:, 1] * b[:, 0]


@dataclass(frozen=True, kw_only=True)
class Candidates:
    """Pixels that lie in the bounding box of a triangle."""

    face: Int[Tensor, "n"]
    x: Int[Tensor, "n"]
    y: Int[Tensor, "n"]


def candidate_parts(vertices: ProjectedVertices, faces: Int[Tensor, "f 3"]) -> Iterator[Candidates]:
    """All candidates of all triangles that can be drawn, some at a time."""
    corners = vertices.points[faces]
    limit = corners.new_tensor([vertices.width_px - 1, vertices.height_px - 1])
    low = corners.amin(dim=1).ceil().clamp(min=0)
    high = torch.minimum(corners.amax(dim=1).floor(), limit)
    spans = (high - low + 1).clamp(min=0)
    usable = (vertices.depth[faces] > NEAREST).all(dim=1) & (signed_areas(vertices.points, faces) != 0)
    drawn = torch.nonzero(usable & (spans.amin(dim=1) > 0))[:, 0]
    if not len(drawn):
        return
    low, spans = low[drawn].long(), spans[drawn].long()
    counts = spans.prod(dim=1)
    group = (counts.cumsum(dim=0) - 1) // CANDIDATES_AT_ONCE
    sizes = torch.unique_consecutive(group, return_counts=True)[1].tolist()
    parts = (part.split(sizes) for part in (drawn, low, spans, counts))
    for face, corner, span, count in zip(*parts, strict=True):
        row = torch.repeat_interleave(torch.arange(len(face), device=face.device), count)
        within = torch.arange(len(row), device=face.device) - (count.cumsum(dim=0) - count)[row]
        x, y = within % span[row, 0], within // span[row, 0]
        yield Candidates(face=face[row], x=corner[row, 0] + x, y=corner[row, 1] + y)


def covered_pixels(
    vertices: ProjectedVertices, faces: Int[Tensor, "f 3"], candidates: Candidates
) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Face, x, y and inverse depth (all (n,)) of those candidates whose centre the triangle covers."""
    corners = faces[candidates.face]
    center = torch.stack([candidates.x, candidates.y], dim=-1).to(vertices.points.dtype)
    a, b, c = (vertices.points[corners[:, k]] - center for k in range(3))
    parts = torch.stack([cross(b, c), cross(c, a), cross(a, b)], dim=-1)
    covered: Bool[Tensor, "n"] = (parts >= 0).all(dim=-1) | (parts <= 0).all(dim=-1)
    parts, corners = parts[covered], corners[covered]
    total = parts.sum(dim=-1)
    inverse_depth = (parts / vertices.depth[corners]).sum(dim=-1) / total
    # edge-on, the three areas can cancel to nothing
    inverse_depth = torch.where(total != 0, inverse_depth, 1 / vertices.depth[corners].amax(dim=-1))
    return candidates.face[covered], candidates.x[covered], candidates.y[covered], inverse_depth


def _to_pixels(fraction: Tensor, size_px: int, supersample: int) -> Tensor:
    return ((fraction + 1) / 2 * (size_px - 1) + 0.5) * supersample - 0.5


def _tensor(vector: object, like: Tensor) -> Tensor:
    return torch.as_tensor(vector, device=like.device).to(like.dtype)
