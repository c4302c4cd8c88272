"""Points in the box with what a field should answer there.

Shapes: B assets, Q queries.
"""

from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from shapewright.dataset.loader import AssetRecord
from shapewright.geometry.light import shade
from shapewright.training.objectives.tensor_batch import TensorBatch

__all__ = ["QueryBatch", "draw_queries"]


@dataclass(frozen=True, kw_only=True)
class QueryBatch(TensorBatch):
    """Queries and their answers: signed distance, positive inside, and the nearest surface's colours.

    Colours are sRGB in [0, 1], `lit` under the views' light.
    """

    queries: Float[Tensor, "b q 3"]
    signed_distance: Float[Tensor, "b q"]
    colors: Float[Tensor, "b q 3"]
    lit: Float[Tensor, "b q 3"]


def draw_queries(record: AssetRecord, count: int, rng: np.random.Generator) -> QueryBatch:
    """A batch of one: a random run of the record's queries, which are stored in random order."""
    start = int(rng.integers(0, max(1, len(record.queries) - count + 1)))
    window = slice(start, start + count)
    colors = record.query_colors[window].astype(np.float32) / 255
    normals = record.query_normals[window].astype(np.float32) / 127
    arrays = {
        "queries": record.queries[window],
        "signed_distance": record.signed_distance[window],
        "colors": colors,
        "lit": shade(colors, normals),
    }
    return QueryBatch(
        **{name: torch.from_numpy(array.astype(np.float32))[None] for name, array in arrays.items()}
    )
