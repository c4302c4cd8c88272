"""Simple meshes."""

import numpy as np

from shapewright.geometry.mesh import Mesh


def cube_mesh(*, half_side: float = 0.5, colors: np.ndarray | None = None) -> Mesh:
    """A closed cube with outward faces."""
    corners = [(x, y, z) for x in (-1, 1) for y in (-1, 1) for z in (-1, 1)]
    quads = [(0, 1, 3, 2), (4, 6, 7, 5), (0, 4, 5, 1), (2, 3, 7, 6), (0, 2, 6, 4), (1, 5, 7, 3)]
    faces = [triangle for a, b, c, d in quads for triangle in ((a, b, c), (a, c, d))]
    return Mesh(
        vertices=np.array(corners, dtype=np.float32) * half_side,
        faces=np.array(faces, dtype=np.int64),
        vertex_colors=colors,
    )


def grid_mesh(side: int) -> Mesh:
    """A wavy sheet of 2 (side - 1)^2 triangles."""
    steps = np.linspace(-1, 1, side, dtype=np.float32)
    x, y = np.meshgrid(steps, steps, indexing="ij")
    vertices = np.stack([x, y, 0.2 * np.sin(4 * x) * np.cos(3 * y)], axis=-1).reshape(-1, 3)
    corner = (np.arange(side - 1)[:, None] * side + np.arange(side - 1)).reshape(-1)
    lower = np.stack([corner, corner + side, corner + 1], axis=-1)
    upper = np.stack([corner + 1, corner + side, corner + side + 1], axis=-1)
    return Mesh(vertices=vertices.astype(np.float32), faces=np.concatenate([lower, upper]))


def prism_mesh(sides: int, *, height: float = 1.0, rgb: tuple[float, float, float] = (0.5, 0.5, 0.5)) -> Mesh:
    """A closed upright prism over a regular polygon, of one colour."""
    angles = np.arange(sides) * (2 * np.pi / sides)
    rim = np.stack([np.cos(angles), np.sin(angles)], axis=-1) * 0.5
    rings = [np.column_stack([rim, np.full(sides, z)]) for z in (-height / 2, height / 2)]
    ends = np.array([[0, 0, -height / 2], [0, 0, height / 2]])
    bottom, top = 2 * sides, 2 * sides + 1
    faces: list[tuple[int, int, int]] = []
    for k in range(sides):
        following = (k + 1) % sides
        faces += [(k, following, sides + k), (following, sides + following, sides + k)]
        faces += [(bottom, following, k), (top, sides + k, sides + following)]
    vertices = np.concatenate([*rings, ends]).astype(np.float32)
    colors = np.tile(np.array(rgb, dtype=np.float32), (len(vertices), 1))
    return Mesh(vertices=vertices, faces=np.array(faces, dtype=np.int64), vertex_colors=colors)
