"""Signed distance on a regular grid: every node, or only those near the surface.

`dense_grid` is the plain twin: it asks for all nodes. `refined_grid` asks for every fourth node along each
axis, then only inside blocks that may hold surface, and gives the same surface.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import torch
from jaxtyping import Bool, Float
from torch import Tensor
from torch.nn import functional as F

__all__ = ["SAFETY", "DistanceFunction", "dense_grid", "refined_grid"]

DistanceFunction = Callable[[Float[Tensor, "n 3"]], Float[Tensor, "n"]]
"""Positions to signed distances (positive inside) in about the units of the positions."""

COARSEST_STRIDE = 4
# A block is looked into unless its corners are this many times farther from the surface than they need to
# be: learned distances are not exact. Measured in tests/unit/render/test_distance_grid.py.
SAFETY = 1.5


def dense_grid(distance: DistanceFunction, resolution: int, device: torch.device) -> Float[Tensor, "n n n"]:
    """Signed distance at all nodes of a grid that spans [-1, 1]^3 inclusively."""
    nodes = torch.ones((resolution,) * 3, dtype=torch.bool, device=device)
    return distance(node_positions(nodes, 1, resolution)).view(nodes.shape)


def refined_grid(
    distance: DistanceFunction,
    resolution: int,
    device: torch.device,
    *,
    farthest: float = math.inf,
    safety: float = SAFETY,
) -> Float[Tensor, "n n n"]:
    """The same as `dense_grid` near the surface, interpolated elsewhere with the right sign.

    `farthest`: distances beyond this only mean that the surface is farther than this. `safety`: how far
    the distances are trusted; less of it asks for fewer nodes.

    Every cell of the grid whose corners differ in sign holds computed values only: where the surface leaves
    the refined blocks it is followed. What could be lost is a separate piece that no block's corners point
    to, by the distance there and its steepness nearby.
    """
    stride, blocks = COARSEST_STRIDE, math.ceil((resolution - 1) / COARSEST_STRIDE)
    known = torch.ones((blocks + 1,) * 3, dtype=torch.bool, device=device)
    grid = distance(node_positions(known, stride, resolution)).view(known.shape)
    while stride > 1:
        side = 2 * stride / (resolution - 1)
        wanted = nodes_of_blocks(may_hold_surface(grid.clamp(-farthest, farthest), side, safety))
        grid, known, stride = interpolate(grid), spread(known), stride // 2
        compute(grid, wanted & ~known, distance, stride, resolution)
        known |= wanted
    grid = grid[:resolution, :resolution, :resolution].contiguous()
    known = known[:resolution, :resolution, :resolution].contiguous()
    while bool((missing := nodes_of_cells(crossed_cells(grid)) & ~known).any()):
        compute(grid, missing, distance, 1, resolution)
        known |= missing
    return grid


def node_positions(nodes: Bool[Tensor, "x y z"], stride: int, resolution: int) -> Float[Tensor, "n 3"]:
    """World positions of the marked nodes of a lattice with every `stride`-th node of the full grid."""
    return torch.nonzero(nodes) * (2.0 * stride / (resolution - 1)) - 1.0


def compute(
    grid: Float[Tensor, "x y z"],
    nodes: Bool[Tensor, "x y z"],
    distance: DistanceFunction,
    stride: int,
    resolution: int,
) -> None:
    """Write the distances of the marked nodes into `grid`."""
    positions = node_positions(nodes, stride, resolution)
    if len(positions):
        grid[nodes] = distance(positions)


def may_hold_surface(grid: Float[Tensor, "x y z"], side: float, safety: float) -> Bool[Tensor, "a b c"]:
    """Blocks between neighbouring nodes, `side` wide, that cannot be ruled out by their corners.

    No point of a block is farther than half its diagonal from a corner. The distance can change by 1 per
    unit of length, or by more where the field is seen to be steeper in the block or beside it.
    """
    lowest, highest = -pooled(-grid), pooled(grid)
    nearest = -pooled(-grid.abs())
    slope = (highest - lowest) / (side * math.sqrt(3))
    slope = F.max_pool3d(slope[None], 3, stride=1, padding=1)[0].clamp(min=1.0)
    reach = side * math.sqrt(3) / 2
    return ((lowest < 0) & (highest > 0)) | (nearest < safety * reach * slope)


def pooled(grid: Float[Tensor, "x y z"]) -> Float[Tensor, "a b c"]:
    """Maximum over the eight corners of every block."""
    grid = torch.maximum(grid[1:], grid[:-1])
    grid = torch.maximum(grid[:, 1:], grid[:, :-1])
    return torch.maximum(grid[:, :, 1:], grid[:, :, :-1])


def crossed_cells(grid: Float[Tensor, "x y z"]) -> Bool[Tensor, "a b c"]:
    """Cells whose corners are not all on one side of the surface."""
    inside = grid > 0
    some, every = inside, inside
    for axis in range(3):
        length = inside.shape[axis] - 1
        some = some.narrow(axis, 0, length) | some.narrow(axis, 1, length)
        every = every.narrow(axis, 0, length) & every.narrow(axis, 1, length)
    return some & ~every


def nodes_of_cells(cells: Bool[Tensor, "a b c"]) -> Bool[Tensor, "x y z"]:
    """Nodes that are a corner of a marked cell."""
    for axis in range(3):
        before = F.pad(cells, [0, 0] * (2 - axis) + [0, 1])
        after = F.pad(cells, [0, 0] * (2 - axis) + [1, 0])
        cells = before | after
    return cells


def nodes_of_blocks(blocks: Bool[Tensor, "a b c"]) -> Bool[Tensor, "x y z"]:
    """Nodes, of the lattice twice as fine, that lie in a marked block or on its border."""
    for axis in range(3):
        blocks = blocks.repeat_interleave(2, dim=axis)
    return nodes_of_cells(blocks)


def spread(nodes: Bool[Tensor, "x y z"]) -> Bool[Tensor, "a b c"]:
    """The marked nodes on the lattice twice as fine, whose own nodes are not marked."""
    fine = nodes.new_zeros([2 * length - 1 for length in nodes.shape])
    fine[::2, ::2, ::2] = nodes
    return fine


def interpolate(grid: Float[Tensor, "x y z"]) -> Float[Tensor, "a b c"]:
    """Linear interpolation to the lattice twice as fine; shared nodes keep their values exactly."""
    for axis in range(3):
        length = grid.shape[axis] - 1
        middles = (grid.narrow(axis, 0, length) + grid.narrow(axis, 1, length)) / 2
        paired = torch.stack([grid.narrow(axis, 0, length), middles], dim=axis + 1).flatten(axis, axis + 1)
        grid = torch.cat([paired, grid.narrow(axis, length, 1)], dim=axis)
    return grid
