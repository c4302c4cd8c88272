"""Closed surfaces of boxes and balls, as fine as those of fields."""

from collections.abc import Callable

import numpy as np

from shapewright.geometry.marching_cubes import marching_cubes
from shapewright.geometry.mesh import Mesh

Points = np.ndarray
Solid = Callable[[Points], np.ndarray]  # distances (N,) of points (N, 3), positive inside


def ball(radius: float, center: tuple[float, float, float] = (0, 0, 0)) -> Solid:
    return lambda points: radius - np.linalg.norm(points - np.array(center), axis=-1)


def box(half: tuple[float, float, float], center: tuple[float, float, float] = (0, 0, 0)) -> Solid:
    def distance(points: Points) -> np.ndarray:
        beyond = np.abs(points - np.array(center)) - np.array(half)
        outside = np.linalg.norm(np.maximum(beyond, 0.0), axis=-1)
        return -(outside + np.minimum(beyond.max(axis=-1), 0.0))

    return distance


def union(*solids: Solid) -> Solid:
    return lambda points: np.max([solid(points) for solid in solids], axis=0)


def without(solid: Solid, hollow: Solid) -> Solid:
    return lambda points: np.minimum(solid(points), -hollow(points))


CHAIR = union(
    box((0.4, 0.4, 0.06)),
    box((0.4, 0.05, 0.4), (0, 0.35, 0.4)),
    *(box((0.05, 0.05, 0.4), (x, y, -0.4)) for x in (-0.34, 0.34) for y in (-0.34, 0.34)),
)


def surface_of(solid: Solid, resolution: int = 40) -> Mesh:
    """The surface in the box [-1, 1]^3, coloured by where it is."""
    steps = np.linspace(-1, 1, resolution)
    points = np.stack(np.meshgrid(steps, steps, steps, indexing="ij"), axis=-1)
    vertices, faces = marching_cubes(solid(points.reshape(-1, 3)).reshape((resolution,) * 3))
    vertices = (vertices * np.float32(2 / (resolution - 1)) - np.float32(1)).astype(np.float32)
    return Mesh(vertices=vertices, faces=faces, vertex_colors=(vertices + 1) / np.float32(2))
