"""A flat layout of a surface for its texture: charts seen along the axes, packed by xatlas.

xatlas's own charts take 14 s for the 48,000 triangles of a chair from a grid of 128^3, where these take a
tenth of a second; its packing is quick. Surfaces from grids are made of flat and gently bent patches, which
an axis sees with little distortion: a triangle is squeezed to LEAST_FACING at worst.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import xatlas
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from shapewright.geometry.mesh import face_areas_and_normals
from shapewright.geometry.raycast import Raycaster

__all__ = ["UvAtlas", "unwrap"]

# A triangle may join neighbours whose axis it faces by this much (cosine), so that charts are large.
LEAST_FACING = 0.3
SMOOTHINGS = 6
# Charts are packed on a grid of about this many cells a side, then scaled to the texture: finer takes long.
PACKING_CELLS = 256
# Packing on N cells a side comes out at up to 2 N.
PACKING_GROWTH = 2.0
MOST_LAYERS = 4
NO_CHART = 0xFFFFFFFF  # xatlas's


@dataclass(frozen=True, kw_only=True)
class UvAtlas:
    """Where each triangle lies in the unit square. Vertices on the rim of a chart appear once per chart."""

    uvs: np.ndarray  # (T, 2) float32 in [0, 1], v upwards
    source: np.ndarray  # (T,) int64, the vertex that each of them stands for
    faces: np.ndarray  # (F, 3) int64, into `uvs`; charts may be turned and mirrored


def unwrap(vertices: np.ndarray, faces: np.ndarray, *, size_px: int, padding_px: float = 3.0) -> UvAtlas:
    """An atlas of `vertices` (V, 3) and `faces` (F, 3) for a texture of `size_px` a side.

    No two triangles overlap, all have about the same scale, and charts are about `padding_px` apart.
    """
    charts, axes = face_charts(vertices, faces)
    source, chart_faces, chart_of = _split(charts, faces)
    flat, _ = _seen_along(axes[chart_of], vertices[source])
    uvs = _packed(_apart(flat, chart_of), chart_faces, size_px, padding_px)
    # off the border: many viewers repeat the texture there, and would mix in the other side
    uvs = 1 / size_px + uvs * (1 - 2 / size_px)
    return UvAtlas(uvs=uvs.astype(np.float32), source=source, faces=chart_faces)


def _packed(flat: np.ndarray, faces: np.ndarray, size_px: int, padding_px: float) -> np.ndarray:
    """The charts of a layout (T, 2) moved close together in the unit square."""
    cells = min(size_px, PACKING_CELLS)
    atlas = xatlas.Atlas()
    atlas.add_uv_mesh(flat.astype(np.float32), faces.astype(np.uint32))
    options = xatlas.PackOptions()
    options.resolution = cells
    options.padding = math.ceil(padding_px * PACKING_GROWTH * cells / size_px)
    options.bruteForce = True
    atlas.generate(xatlas.ChartOptions(), options)
    index, _, uvs = atlas.get_mesh(0)
    chart_of = atlas.get_mesh_vertex_assignment(0)[1]
    assert len(index) == len(flat), "each chart has vertices of its own"
    uvs = uvs[np.argsort(index)] * [atlas.width, atlas.height] / max(atlas.width, atlas.height)
    return _closed_up(uvs, chart_of[np.argsort(index)] != NO_CHART, faces)


def _closed_up(uvs: np.ndarray, packed: np.ndarray, faces: np.ndarray) -> np.ndarray:
    """xatlas leaves out triangles without an area: their corners are put where another of theirs is."""
    uvs, packed = uvs.copy(), packed.copy()
    while True:
        halves = faces[packed[faces].any(axis=1) & ~packed[faces].all(axis=1)]
        if not len(halves):
            uvs[~packed] = 0.0
            return uvs
        known = halves[np.arange(len(halves)), packed[halves].argmax(axis=1)]
        for corner in halves.T:
            new = ~packed[corner]
            uvs[corner[new]] = uvs[known[new]]
        packed[halves] = True


def face_charts(vertices: np.ndarray, faces: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The chart (F,) of each triangle, and the axis (C,) that each chart is seen along: +x +y +z -x -y -z.

    A chart is connected and faces its axis; no part of it hides another.
    """
    _, normals = face_areas_and_normals(vertices, faces)
    left, right = _neighbours(faces)
    axes = _smooth_axes(np.concatenate([normals, -normals], axis=1), left, right)
    layers = np.zeros(len(faces), dtype=np.int64)
    charts = _connected(axes, left, right)
    hidden = _hidden(vertices, faces, charts, axes)
    for _ in range(MOST_LAYERS):
        if not hidden.any():
            break
        again = np.isin(charts, np.unique(charts[hidden]))  # only these are cut, and looked at once more
        # of those around, a part may be hidden though the middle is not
        layers[again & np.isin(faces, faces[hidden]).any(axis=1)] += 1
        charts = _connected(axes + 6 * layers, left, right)
        hidden = np.zeros(len(faces), dtype=bool)
        hidden[again] = _hidden(vertices, faces[again], charts[again], axes[again])
    alone = np.flatnonzero(hidden)  # hardly ever any: each is a chart of its own
    charts[alone] = charts.max() + 1 + np.arange(len(alone))
    chart_axes = np.zeros(charts.max() + 1, dtype=np.int64)
    chart_axes[charts] = axes
    return charts, chart_axes


def _neighbours(faces: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Pairs of triangles with a common edge."""
    edges = np.sort(faces[:, [0, 1, 1, 2, 2, 0]].reshape(-1, 2), axis=1)
    keys = edges[:, 0] * (faces.max() + 1) + edges[:, 1]
    order = np.argsort(keys, kind="stable")
    same = keys[order[1:]] == keys[order[:-1]]
    return order[:-1][same] // 3, order[1:][same] // 3


def _smooth_axes(facing: np.ndarray, left: np.ndarray, right: np.ndarray) -> np.ndarray:
    """The axis (F,) of each triangle: that which it and its neighbours face most; facing (F, 6) cosines."""
    count = len(facing)
    pairs = (np.concatenate([left, right]), np.concatenate([right, left]))
    among = coo_array((np.full(len(pairs[0]), 1 / 3), pairs), shape=(count, count)).tocsr()
    votes = facing
    for _ in range(SMOOTHINGS):
        votes = 0.5 * facing + 0.5 * (among @ votes)
    best = facing.argmax(axis=1)
    allowed = facing >= LEAST_FACING
    allowed[np.arange(count), best] = True
    return np.where(allowed, votes, -np.inf).argmax(axis=1)


def _connected(labels: np.ndarray, left: np.ndarray, right: np.ndarray) -> np.ndarray:
    """The connected patch (F,) of equal labels that each triangle is in."""
    same = labels[left] == labels[right]
    links = (left[same], right[same])
    graph = coo_array((np.ones(len(links[0]), dtype=np.int8), links), shape=(len(labels), len(labels)))
    _, patches = connected_components(graph, directed=False)
    return patches.astype(np.int64)


def _hidden(vertices: np.ndarray, faces: np.ndarray, charts: np.ndarray, axes: np.ndarray) -> np.ndarray:
    """Whether (F,) another triangle of the chart lies before a triangle's middle, seen along the axis."""
    source, chart_faces, chart_of = _split(charts, faces)
    chart_axes = np.zeros(charts.max() + 1, dtype=np.int64)
    chart_axes[charts] = axes
    flat, depth = _seen_along(chart_axes[chart_of], vertices[source])
    layout = np.column_stack([_apart(flat, chart_of), depth])
    middles = layout[chart_faces].mean(axis=1)
    size = float(np.ptp(vertices, axis=0).max())
    middles[:, 2] += 1e-4 * size
    hits = Raycaster(layout, chart_faces).cast(middles, np.tile([0.0, 0.0, 1.0], (len(middles), 1)))
    return (hits.face_index >= 0) & (hits.face_index != np.arange(len(faces)))


def _split(charts: np.ndarray, faces: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Vertices once per chart: the vertex (T,) of each, faces (F, 3) of them, and the chart (T,) of each."""
    count = int(faces.max()) + 1
    keys, index = np.unique((charts[:, None] * count + faces).reshape(-1), return_inverse=True)
    return keys % count, index.reshape(-1, 3), keys // count


def _seen_along(axes: np.ndarray, points: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Points (T, 3) seen from the tips of `axes` (T,): (T, 2), x to the right and y up, and how near."""
    rows = np.arange(len(points))
    axis, sign = axes % 3, np.where(axes < 3, 1.0, -1.0)
    right = points[rows, (axis + 1) % 3] * sign
    return np.column_stack([right, points[rows, (axis + 2) % 3]]), points[rows, axis] * sign


def _apart(flat: np.ndarray, chart_of: np.ndarray) -> np.ndarray:
    """The charts side by side, so that none touches another."""
    columns = math.ceil(math.sqrt(int(chart_of.max()) + 1))
    spacing = 1.1 * float(np.ptp(flat, axis=0).max())
    return flat + spacing * np.column_stack([chart_of % columns, chart_of // columns])
