"""Direct supervision beside other objectives: assets as they are, since pictures show them so."""

from dataclasses import replace

import numpy as np
from torch import Tensor

from shapewright.field import Field, FieldConfig, FieldWeights
from shapewright.training.objectives.field_supervision import (
    FieldLossConfig,
    field_losses,
    truncation_of,
)
from shapewright.training.objectives.queries import QueryBatch, draw_queries
from shapewright.training.objectives.term import DrawnAsset

__all__ = ["Direct"]


class Direct:
    """Asks a field for signed distance, densities and colours at an asset's queries."""

    def __init__(self, config: FieldLossConfig, field: FieldConfig) -> None:
        self.config = config
        self.truncation, self.density_scale = truncation_of(field), field.density_scale

    def example(self, asset: DrawnAsset, rng: np.random.Generator) -> QueryBatch:
        """A random run of its queries."""
        drawn = draw_queries(asset.record, self.config.queries, rng)
        return replace(drawn, signed_distance=drawn.signed_distance + self.config.thickening)

    def losses(self, field: Field, weights: FieldWeights, batch: QueryBatch) -> dict[str, Tensor]:
        output = field.query(weights, batch.queries)
        return field_losses(
            output, batch, self.config, truncation=self.truncation, density_scale=self.density_scale
        )
