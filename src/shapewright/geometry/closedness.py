"""Whether triangles bound a volume: what lies on both sides of their edges."""

from __future__ import annotations

import numpy as np

__all__ = ["is_closed", "open_edges", "signed_volumes", "welded"]


def welded(vertices: np.ndarray, faces: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The same triangles with one vertex for each position; those that have no third corner any more go."""
    unique, index = np.unique(vertices, axis=0, return_inverse=True)
    faces = index.reshape(-1)[faces]
    distinct = (faces != np.roll(faces, 1, axis=1)).all(axis=1)
    return unique, faces[distinct]


def is_closed(faces: np.ndarray) -> bool:
    """Whether every edge joins exactly two faces (F, 3), which agree on what is outside."""
    forward, backward = _directed_edges(faces)
    return (
        len(faces) > 0
        and len(np.unique(forward)) == len(forward)
        and np.array_equal(np.sort(forward), np.sort(backward))
    )


def open_edges(faces: np.ndarray) -> np.ndarray:
    """Edges (E, 2), in the direction of their faces, that have no face on their other side."""
    forward, backward = _directed_edges(faces)
    edges = np.stack([faces, np.roll(faces, -1, axis=1)], axis=-1).reshape(-1, 2)
    return edges[~np.isin(forward, backward)]


def signed_volumes(vertices: np.ndarray, faces: np.ndarray) -> np.ndarray:
    """What each face adds to the volume (F,) float64; the sum is negative for a solid turned inside out."""
    a, b, c = np.moveaxis(vertices[faces].astype(np.float64), 1, 0)
    return np.einsum("fc,fc->f", a, np.cross(b, c)) / 6.0


def _directed_edges(faces: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """A number for each of the 3 F edges in its face's direction, and the number of the opposite one."""
    start = faces.astype(np.int64).reshape(-1)
    end = np.roll(faces, -1, axis=1).astype(np.int64).reshape(-1)
    count = int(faces.max(initial=0)) + 1
    return start * count + end, end * count + start
