"""The triangles inside a cube, for all signs of its corners."""

import itertools
from collections import Counter

import numpy as np
import pytest

from shapewright.geometry.cube_triangles import CORNERS_OF_EDGE, cube_tables, loops, triangles

CORNERS = np.array([[c & 1, c >> 1 & 1, c >> 2 & 1] for c in range(8)], dtype=float)
MIDDLES = np.array([CORNERS[list(edge)].mean(axis=0) for edge in CORNERS_OF_EDGE])


def cut_edges(case: int) -> set[int]:
    return {e for e, (a, b) in enumerate(CORNERS_OF_EDGE) if (case >> a & 1) != (case >> b & 1)}


def test_the_tables_hold_the_triangles_of_every_case() -> None:
    edges, exists = cube_tables()
    assert edges.shape == (256, 5, 3)
    for case in range(256):
        assert [tuple(row) for row in edges[case][exists[case]].tolist()] == triangles(case)
        assert not exists[case, len(triangles(case)) :].any()


@pytest.mark.parametrize("case", [0, 255])
def test_cubes_of_one_sign_are_empty(case: int) -> None:
    assert triangles(case) == []


def test_loops_pass_every_cut_edge_once() -> None:
    for case in range(256):
        passed = [edge for loop in loops(case) for edge in loop]
        assert len(passed) == len(set(passed))
        assert set(passed) == cut_edges(case)


def test_inside_corners_across_a_face_are_kept_apart() -> None:
    assert len(loops(0b00000110)) == 2  # corners 1 and 2, the ends of a face's diagonal
    assert len(loops(0b11111001)) == 1  # their complement: the outside corners are joined


def test_a_corner_alone_has_a_triangle_that_faces_away_from_it() -> None:
    for corner in range(8):
        ((a, b, c),) = triangles(1 << corner)
        normal = np.cross(MIDDLES[b] - MIDDLES[a], MIDDLES[c] - MIDDLES[a])
        assert normal @ (CORNERS[corner] - MIDDLES[a]) < 0


def test_any_grid_of_signs_has_a_closed_surface_without_folds() -> None:
    """Of 4^3 random signs with a border outside: each side of a triangle has one neighbour, turned about."""
    rng = np.random.default_rng(0)
    for _ in range(20):
        inside = np.zeros((6, 6, 6), dtype=int)
        inside[1:-1, 1:-1, 1:-1] = rng.integers(0, 2, (4, 4, 4))
        sides: Counter[tuple[tuple[float, ...], tuple[float, ...]]] = Counter()
        for origin in itertools.product(range(5), repeat=3):
            signs = [inside[tuple((corner + origin).astype(int))] for corner in CORNERS]
            for triangle in triangles(sum(int(sign) << c for c, sign in enumerate(signs))):
                points = [tuple(MIDDLES[edge] + origin) for edge in triangle]
                sides.update(zip(points, points[1:] + points[:1], strict=True))
        assert sides
        assert all(count == 1 and sides[b, a] == 1 for (a, b), count in list(sides.items()))
