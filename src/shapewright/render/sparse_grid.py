"""Signed distance on a regular grid where the surface can be, asked for by node, in two precisions.

A fast look (`rough`) at every fourth node, then at every second one and at last at every one of the blocks
that may hold surface, finds it; the ends of the edges that it crosses are asked for exactly. `distance_grid`
has the plain twins.

What is certain: both ends of every edge of the grid that the surface crosses hold exact values, so a piece of
surface that is found at all is found whole, as the dense grid has it. What is measured, not proved: that no
piece lies between nodes unseen. A node or a block is passed over only if its distance is larger than what the
field's steepness or what its bends nearby allow for, see `tolerance`. A field that is noise from node to node
bends everywhere: then nothing is passed over, all nodes are asked roughly, and those whose sign the roughness
could change exactly.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor
from torch.nn import functional as F

from shapewright.render.distance_grid import (
    COARSEST_STRIDE,
    SAFETY,
    interpolate,
    nodes_of_blocks,
    pooled,
    spread,
)

__all__ = ["NodeFunction", "lattice_steps", "sparse_grid"]

NodeFunction = Callable[[Int[Tensor, "n 3"]], Float[Tensor, "n"]]
"""Indices of nodes of the full grid to signed distances (positive inside)."""

# Where more of the coarsest blocks than this may hold surface, looking for it costs more than it saves.
DENSE_SHARE = 0.5


def lattice_steps(resolution: int) -> int:
    """How many nodes a side are asked about: the coarsest lattice may end beyond the grid."""
    return math.ceil((resolution - 1) / COARSEST_STRIDE) * COARSEST_STRIDE + 1


def sparse_grid(
    rough: NodeFunction,
    exact: NodeFunction,
    resolution: int,
    device: torch.device,
    *,
    margin: float,
    farthest: float = math.inf,
    safety: float = SAFETY,
) -> Float[Tensor, "n n n"]:
    """Exact next to the surface; elsewhere rough or interpolated, with the right sign.

    margin: how far `rough` may be from `exact`. farthest, safety: as for `refined_grid`.
    """
    stride, blocks = COARSEST_STRIDE, math.ceil((resolution - 1) / COARSEST_STRIDE)
    known = torch.ones((blocks + 1,) * 3, dtype=torch.bool, device=device)
    grid = rough(torch.nonzero(known) * stride).view(known.shape)
    while stride > 2:
        side = 2 * stride / (resolution - 1)
        blocks_kept = nearest_corner(grid) < tolerance(grid.clamp(-farthest, farthest), side, safety) + margin
        if blocks_kept.float().mean() > DENSE_SHARE:
            return dense(rough, exact, resolution, device, margin)
        wanted = nodes_of_blocks(blocks_kept)
        grid, known, stride = interpolate(grid), spread(known), stride // 2
        fill(grid, wanted & ~known, rough, stride)
        known |= wanted
    side = 2 * stride / (resolution - 1)
    allowed = at_nodes(tolerance(grid.clamp(-farthest, farthest), side, safety) + margin)
    grid, known = interpolate(grid), spread(known)
    unsure = torch.where(known, grid.abs() <= margin, grid.abs() < allowed)
    inside_box = (slice(resolution),) * 3
    grid, known, unsure = (part[inside_box].contiguous() for part in (grid, known, unsure))
    fill(grid, unsure & ~known, rough, 1)
    return followed(grid, unsure | known, exact, margin)


def dense(
    rough: NodeFunction, exact: NodeFunction, resolution: int, device: torch.device, margin: float
) -> Float[Tensor, "n n n"]:
    """All nodes roughly, and exactly where it matters."""
    known = torch.ones((resolution,) * 3, dtype=torch.bool, device=device)
    return followed(rough(torch.nonzero(known)).view(known.shape), known, exact, margin)


def followed(
    grid: Float[Tensor, "n n n"], known: Bool[Tensor, "n n n"], exact: NodeFunction, margin: float
) -> Float[Tensor, "n n n"]:
    """Exact values where roughness could change the sign, and next to the surface, wherever it leads."""
    unsure = known & (grid.abs() <= margin) | ends_of_crossed_edges(grid)
    found = known if margin == 0 else torch.zeros_like(known)  # nothing is rough then
    while bool((unsure := unsure & ~found).any()):
        fill(grid, unsure, exact, 1)
        found = found | unsure
        unsure = ends_of_crossed_edges(grid)
    return grid


def fill(grid: Float[Tensor, "x y z"], nodes: Bool[Tensor, "x y z"], ask: NodeFunction, stride: int) -> None:
    """Ask for the marked nodes of a lattice with every `stride`-th node of the full grid."""
    indices = torch.nonzero(nodes)
    if len(indices):
        grid[nodes] = ask(indices * stride)


def tolerance(grid: Float[Tensor, "x y z"], side: float, safety: float) -> Float[Tensor, "a b c"]:
    """How far from zero the corners of blocks `side` wide must be for them to hold no surface.

    The lesser of two bounds, `safety` times each. Steepness: no point is farther than half a diagonal from a
    corner, and the distance changes by 1 per unit of length, or by more where it is seen to nearby. Bends:
    between two nodes the distance is off its interpolation by no more than half the second difference
    there, at which it would have a kink in the middle; summed over the axes.
    """
    slope = (pooled(grid) + pooled(-grid)) / (side * math.sqrt(3))
    slope = F.max_pool3d(slope[None], 3, stride=1, padding=1)[0].clamp(min=1.0)
    return safety * torch.minimum(slope * (side * math.sqrt(3) / 2), pooled(bends(grid)))


def bends(grid: Float[Tensor, "x y z"]) -> Float[Tensor, "x y z"]:
    """Half the sum of second differences along the axes, each without sign, those of the border repeated."""
    total = torch.zeros_like(grid)
    for axis in range(3):
        inner = grid.shape[axis] - 2
        second = grid.narrow(axis, 0, inner) + grid.narrow(axis, 2, inner) - 2 * grid.narrow(axis, 1, inner)
        second = second.abs_().mul_(0.5)
        ends = second.narrow(axis, 0, 1), second.narrow(axis, inner - 1, 1)
        total += torch.cat([ends[0], second, ends[1]], dim=axis)
    return total


def nearest_corner(grid: Float[Tensor, "x y z"]) -> Float[Tensor, "a b c"]:
    """The corner value nearest to zero of every block; 0 where the surface runs between the corners."""
    lowest, highest = -pooled(-grid), pooled(grid)
    return torch.where((lowest < 0) & (highest > 0), 0.0, torch.minimum(lowest.abs(), highest.abs()))


def at_nodes(blocks: Float[Tensor, "a b c"]) -> Float[Tensor, "x y z"]:
    """Of the lattice twice as fine: the largest value of the blocks that a node is in or on the border of."""
    for axis in range(3):
        blocks = blocks.repeat_interleave(2, dim=axis)
        ends = blocks.narrow(axis, 0, 1), blocks.narrow(axis, blocks.shape[axis] - 1, 1)
        blocks = torch.maximum(torch.cat([blocks, ends[1]], dim=axis), torch.cat([ends[0], blocks], dim=axis))
    return blocks


def ends_of_crossed_edges(grid: Float[Tensor, "x y z"]) -> Bool[Tensor, "x y z"]:
    inside = grid > 0
    ends = torch.zeros_like(inside)
    for axis in range(3):
        length = grid.shape[axis] - 1
        crossed = inside.narrow(axis, 0, length) ^ inside.narrow(axis, 1, length)
        ends.narrow(axis, 0, length).logical_or_(crossed)
        ends.narrow(axis, 1, length).logical_or_(crossed)
    return ends
