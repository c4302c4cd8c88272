"""Where outlines pass between pixel centres: antialiasing whose weights follow the vertices.

A pixel pair is two neighbours in a row or in a column. Where one shows a nearer surface than the other, an
outline edge crosses the line between their centres: the pixel that is cut is mixed with the other in
proportion to how far beyond the middle the crossing lies. Which edge crosses which pair is decided
without gradients, the place of the crossing is a differentiable function of the edge's two ends.

In the manner of Laine et al. 2020, "Modular primitives for high-performance differentiable rendering",
section 3.5, with two differences. There the edge must belong to the triangle seen at one of the pixels, which
fails for triangles smaller than pixels, as those of marching cubes are; here all outline edges of the mesh
are met with all lines through pixel centres. There steep edges count in rows and flat ones in columns; here
both count, weighted by the squared components of the edge's normal: they sum to one, and no edge's
gradient grows without bound.

Shapes: V vertices, F triangles, E edges, K crossings, P pixels.
"""

from __future__ import annotations

from dataclasses import dataclass, fields

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from shapewright.render.rasterize import NEAREST, ProjectedVertices, Visibility, cross, signed_areas

__all__ = ["Crossings", "antialias", "edge_numbers", "find_crossings"]


@dataclass(frozen=True, kw_only=True)
class Crossings:
    """Outline edges on lines through pixel centres; all that is decided, and nothing that is differentiated.

    `axis` is 0 for a row, along which x changes, and 1 for a column; `line` the number of that row or column;
    `start` the near pixel's place along it. `step` (1 or -1) leads from there to the far pixel.
    """

    ends: Int[Tensor, "k 2"]
    axis: Int[Tensor, "k"]
    line: Float[Tensor, "k"]
    near: Int[Tensor, "k"]
    far: Int[Tensor, "k"]
    start: Float[Tensor, "k"]
    step: Float[Tensor, "k"]
    weight: Float[Tensor, "k"]

    def outward(self, points: Float[Tensor, "v 2"]) -> Float[Tensor, "k"]:
        """How far the crossing is from the near pixel towards the far one, in [0, 1]."""
        return self.step * (place_on_line(points[self.ends], self.axis, self.line)[0] - self.start)

    def where(self, keep: Tensor) -> Crossings:
        """Those that `keep` (mask or index) names."""
        return Crossings(**{part.name: getattr(self, part.name)[keep] for part in fields(self)})


def antialias(
    image: Float[Tensor, "p c"], crossings: Crossings, points: Float[Tensor, "v 2"]
) -> Float[Tensor, "p c"]:
    """The image with its outlines smoothed; differentiable in the image and in `points`."""
    beyond = crossings.outward(points) - 0.5
    target = torch.where(beyond > 0, crossings.far, crossings.near)
    difference = image[crossings.near] - image[crossings.far]
    return image.index_add(0, target, (crossings.weight * beyond)[:, None] * difference)


def edge_numbers(faces: Int[Tensor, "f 3"]) -> Int[Tensor, "f 3"]:
    """One number for each edge of the mesh: of a face's edges from corner k to the next."""
    pairs = torch.stack([faces, faces.roll(-1, dims=1)], dim=-1).sort(dim=-1).values
    keys = pairs[..., 0] * (int(faces.max()) + 1) + pairs[..., 1]
    return torch.unique(keys, return_inverse=True)[1]


@torch.no_grad()
def find_crossings(
    vertices: ProjectedVertices,
    faces: Int[Tensor, "f 3"],
    numbers: Int[Tensor, "f 3"],
    seen: Visibility,
) -> Crossings:
    """The crossings by which the picture is smoothed: for a pixel pair at most one.

    It is the outermost one that leaves what the near pixel shows and is in front of what the far one shows.
    """
    outline = outline_edges(vertices, faces, numbers)
    parts = [line_crossings(vertices, outline, axis) for axis in (0, 1)]
    found = Crossings(
        **{f.name: torch.cat([getattr(part, f.name) for part in parts]) for f in fields(Crossings)}
    )
    found = found.where(is_step_in_depth(vertices, seen, found))
    return found.where(outermost(found, vertices))


def outline_edges(
    vertices: ProjectedVertices, faces: Int[Tensor, "f 3"], numbers: Int[Tensor, "f 3"]
) -> Int[Tensor, "e 3"]:
    """Edges where the surface turns from front to back, or ends; and the third corner of a face beside it.

    Parity decides: of the triangles at an edge an odd number is seen from one of the sides.
    """
    areas = signed_areas(vertices.points, faces)
    ahead = (vertices.depth[faces] > NEAREST).all(dim=1)
    count = torch.zeros(2, int(numbers.max()) + 1, dtype=torch.int32, device=faces.device)
    sides = torch.stack([areas > 0, areas < 0]) & ahead
    for row, side in zip(count, sides, strict=True):
        row.index_add_(0, numbers.flatten(), side.int().repeat_interleave(3))
    odd = count[:, numbers] % 2 == 1  # (2, F, 3)
    front, back = sides[..., None].expand_as(odd)
    chosen = (odd[0] & front) | (odd[1] & ~odd[0] & back)
    face, corner = torch.nonzero(chosen).unbind(dim=1)
    return torch.stack([faces[face, (corner + k) % 3] for k in range(3)], dim=1)


def line_crossings(vertices: ProjectedVertices, outline: Int[Tensor, "e 3"], axis: int) -> Crossings:
    """Where outlines cross rows (axis 0) or columns (axis 1) between two of the picture's pixels."""
    sizes = (vertices.width_px, vertices.height_px)
    other = vertices.points[outline[:, :2], 1 - axis]
    first = other.amin(dim=1).ceil().clamp(min=0)
    last = other.amax(dim=1).ceil().clamp(max=sizes[1 - axis])
    counts = (last - first).clamp(min=0).long()
    row = torch.repeat_interleave(torch.arange(len(outline), device=outline.device), counts)
    line = first[row] + torch.arange(len(row), device=row.device) - (counts.cumsum(dim=0) - counts)[row]
    corners = vertices.points[outline[row]]
    axes = torch.full_like(row, axis)
    place = place_on_line(corners[:, :2], axes, line)[0]
    inside = (place >= 0) & (place < sizes[axis] - 1)
    row, line, corners, place, axes = (part[inside] for part in (row, line, corners, place, axes))
    edge = corners[:, 1] - corners[:, 0]
    along = edge[:, 0] if axis == 1 else -edge[:, 1]  # cross product with a step along the line
    covered_after = (along > 0) == (cross(edge, corners[:, 2] - corners[:, 0]) > 0)
    low = place.floor()
    strides = (1, vertices.width_px)
    low_pixel = low.long() * strides[axis] + line.long() * strides[1 - axis]
    high_pixel = low_pixel + strides[axis]
    return Crossings(
        ends=outline[row, :2],
        axis=axes,
        line=line,
        near=torch.where(covered_after, high_pixel, low_pixel),
        far=torch.where(covered_after, low_pixel, high_pixel),
        start=low + covered_after,
        step=1.0 - 2.0 * covered_after.to(low.dtype),
        weight=edge[:, 1 - axis] ** 2 / edge.square().sum(dim=-1),
    )


def is_step_in_depth(vertices: ProjectedVertices, seen: Visibility, found: Crossings) -> Bool[Tensor, "k"]:
    """Whether the near pixel's surface is in front, and the edge at least a pixel's width before the far one.

    Smaller steps are folds of one surface.
    """
    near, far = seen.inverse_depth[found.near], seen.inverse_depth[found.far]
    share = place_on_line(vertices.points[found.ends], found.axis, found.line)[1]
    start, end = (1 / vertices.depth[found.ends]).unbind(dim=1)
    edge = torch.lerp(start, end, share)
    behind = edge * (1 / far) > 1 + vertices.pixel_width  # the background is infinitely far
    return (near > far) & behind


def outermost(found: Crossings, vertices: ProjectedVertices) -> Int[Tensor, "k"]:
    """Of the crossings of each pixel pair the one farthest from the near pixel."""
    pixels = vertices.height_px * vertices.width_px
    pair = torch.minimum(found.near, found.far) + found.axis * pixels
    outward = found.outward(vertices.points)
    farthest = outward.new_full((2 * pixels,), -1.0).scatter_reduce(0, pair, outward, "amax")
    equals = torch.nonzero(outward == farthest[pair])[:, 0]
    last = torch.full((2 * pixels,), -1, dtype=torch.int32, device=pair.device)
    last = last.scatter_reduce(0, pair[equals], equals.int(), "amax")
    return last[last >= 0].long()


def place_on_line(
    ends: Float[Tensor, "k 2 2"], axis: Int[Tensor, "k"], line: Float[Tensor, "k"]
) -> tuple[Float[Tensor, "k"], Float[Tensor, "k"]]:
    """Where edges between two `ends` meet the line: the coordinate along it, and the second end's share."""
    along = ends.gather(2, axis[:, None, None].expand(-1, 2, 1))[..., 0]
    other = ends.gather(2, 1 - axis[:, None, None].expand(-1, 2, 1))[..., 0]
    share = (line - other[:, 0]) / (other[:, 1] - other[:, 0])
    return torch.lerp(along[:, 0], along[:, 1], share), share
