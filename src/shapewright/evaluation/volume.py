"""Volumes from a record's queries, most of which lie near its surface: each counts for the room it has."""

import numpy as np

from shapewright.dataset.field_targets import QUERY_SHARES
from shapewright.dataset.loader import AssetRecord
from shapewright.evaluation.metrics import volume_iou
from shapewright.pipeline import Asset
from shapewright.pipeline.latent_refinement import HELD_BACK

__all__ = ["iou_of_asset", "uniform_weights"]

BOX_VOLUME = 8.0
AT_ONCE = 1024


def iou_of_asset(asset: Asset, record: AssetRecord) -> float:
    """Volume IoU of the asset's field and the record's solid over the box [-1, 1]^3.

    It is asked at every eighth of the record's queries, those from which no refinement learns.
    """
    chosen = slice(HELD_BACK - 1, None, HELD_BACK)
    queries = record.queries[chosen].astype(np.float32)
    room = uniform_weights(queries, record.points[:, :3].astype(np.float32))
    return volume_iou(asset.inside(queries), record.signed_distance[chosen] > 0, room)


def uniform_weights(queries: np.ndarray, surface: np.ndarray) -> np.ndarray:
    """(Q,) weights that make (Q, 3) queries of `dataset.field_targets` stand for evenly spread points.

    surface: (N, 3) points over the surface that the queries were drawn around, at even distances as a
    record's (they are in farthest-point order); random ones are not even enough. A weight is the density of
    even points over that which the queries were drawn with.
    """
    even = 1 / BOX_VOLUME
    anywhere = 1 - sum(share for share, _ in QUERY_SHARES)
    return np.concatenate(
        [
            even / (anywhere * even + density_around(part, surface))
            for part in np.array_split(queries, -(-len(queries) // AT_ONCE))
        ]
    )


def density_around(queries: np.ndarray, surface: np.ndarray) -> np.ndarray:
    """How densely points near the surface are drawn at the queries: a sum of Gaussians around its points."""
    squares = (queries**2).sum(axis=1)[:, None] + (surface**2).sum(axis=1) - 2 * queries @ surface.T
    total = np.zeros(len(queries))
    for share, std in QUERY_SHARES:
        bells = np.exp(squares.clip(min=0) / (-2 * std**2)).mean(axis=1)
        total += share * bells / (2 * np.pi * std**2) ** 1.5
    return total
