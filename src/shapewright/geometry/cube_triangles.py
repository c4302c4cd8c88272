"""Triangles of marching cubes for all 256 signs of a cube's corners, as the published code joins them.

They are worked out here from the geometry of a cube. Where a face has inside corners at both ends of a
diagonal only, they are kept apart, on every cube alike, so neighbours agree and surfaces are closed; this
is also what the published table does. Corner c lies at (c & 1, c >> 1 & 1, c >> 2 & 1).

Source: Lorensen and Cline 1987; for the rule of ambiguous faces, Montani et al. 1994.
"""

from __future__ import annotations

from functools import cache
from itertools import pairwise

import numpy as np

__all__ = ["CORNERS_OF_EDGE", "cube_tables"]

Triangle = tuple[int, int, int]

CASES = 256
MOST_TRIANGLES = 5
# Edges in the order of diffusers' mesh decoder: along x, along y, along z, each by the rest of its corner.
CORNERS_OF_EDGE = tuple(
    (corner, corner | axis) for axis in (1, 2, 4) for corner in range(8) if not corner & axis
)
EDGE_OF_CORNERS = {frozenset(corners): edge for edge, corners in enumerate(CORNERS_OF_EDGE)}
# Corners of the six faces (x, y, z low, then high), counter-clockwise as seen from outside the cube.
FACES = ((0, 4, 6, 2), (0, 1, 5, 4), (0, 2, 3, 1), (1, 3, 7, 5), (2, 6, 7, 3), (4, 5, 7, 6))


@cache
def cube_tables() -> tuple[np.ndarray, np.ndarray]:
    """Edges of each triangle's corners (256, 5, 3) int64, which triangles there are (256, 5) bool, by case.

    Bit c of a case is set where corner c is inside (positive); triangles are counter-clockwise from outside.
    """
    edges = np.zeros((CASES, MOST_TRIANGLES, 3), dtype=np.int64)
    exists = np.zeros((CASES, MOST_TRIANGLES), dtype=bool)
    for case in range(CASES):
        for row, triangle in enumerate(triangles(case)):
            edges[case, row] = triangle
            exists[case, row] = True
    return edges, exists


def triangles(case: int) -> list[Triangle]:
    return [triangle for loop in loops(case) for triangle in fan(loop)]


def loops(case: int) -> list[list[int]]:
    """The closed lines, as edges in turn, along which the surface leaves the cube through its faces."""
    following = {start: end for face in FACES for start, end in crossings(face, case)}
    found: list[list[int]] = []
    while following:
        start = min(following)
        loop = [start]
        while (edge := following.pop(loop[-1])) != start:
            loop.append(edge)
        found.append(loop)
    return found


def crossings(face: tuple[int, ...], case: int) -> list[tuple[int, int]]:
    """The surface's lines across a face, from edge to edge: one around each run of inside corners."""
    inside = [bool(case >> corner & 1) for corner in face]
    found: list[tuple[int, int]] = []
    for first in range(4):
        if inside[first] and not inside[first - 1]:
            last = next(i for i in range(first, first + 4) if not inside[(i + 1) % 4])
            found.append((edge_before(face, first), edge_before(face, last + 1)))
    return found


def edge_before(face: tuple[int, ...], index: int) -> int:
    return EDGE_OF_CORNERS[frozenset((face[(index - 1) % 4], face[index % 4]))]


def fan(loop: list[int]) -> list[Triangle]:
    """Triangles from one of the loop's points to all others, without a diagonal in a face of the cube.

    There the neighbouring cube could have the same diagonal, and four triangles would meet in it.
    """
    for shift in range(len(loop)):
        apex, *rest = loop[shift:] + loop[:shift]
        if not any(share_a_face(apex, edge) for edge in rest[1:-1]):
            return [(apex, first, second) for first, second in pairwise(rest)]
    raise AssertionError(f"no fan for the loop {loop}")


def share_a_face(one: int, other: int) -> bool:
    corners = {*CORNERS_OF_EDGE[one], *CORNERS_OF_EDGE[other]}
    return any(corners <= set(face) for face in FACES)
