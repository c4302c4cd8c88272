"""Stage 2, distillation: the field's surface taught at points where signed distance and colour are known.

Shapes: B assets, Q queries.
Source: Shap-E, section 4.3; what the paper does not say is in docs/decisions/0004-three-stages.md.
"""

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from shapewright.errors import ConfigError
from shapewright.field import Field, FieldOutput, FieldWeights
from shapewright.training.objectives.queries import QueryBatch, draw_queries
from shapewright.training.objectives.term import DrawnAsset

__all__ = ["Distillation", "DistillationConfig", "distillation_losses"]


@dataclass(frozen=True, kw_only=True)
class DistillationConfig:
    """Queries of an asset and step, and the weight of their colours beside their distances."""

    queries: int = 4096
    color_weight: float = 1.0

    def __post_init__(self) -> None:
        if self.queries < 1:
            raise ConfigError(f"queries must be at least 1, got {self.queries}")


class Distillation:
    """Asks a field for signed distance and colour at an asset's queries."""

    def __init__(self, config: DistillationConfig) -> None:
        self.config = config

    def example(self, asset: DrawnAsset, rng: np.random.Generator) -> QueryBatch:
        """A random run of its queries."""
        return draw_queries(asset.record, self.config.queries, rng)

    def losses(self, field: Field, weights: FieldWeights, batch: QueryBatch) -> dict[str, Tensor]:
        output = field.query(weights, batch.queries)
        return distillation_losses(
            output, batch, self.config.color_weight, truncation=field.config.signed_distance_truncation
        )


def distillation_losses(
    output: FieldOutput, batch: QueryBatch, color_weight: float, *, truncation: float | None
) -> dict[str, Tensor]:
    """L1 on the squashed signed distance and on the surface's colour (summed over its three channels).

    With a truncation the target is tanh(distance / truncation), which is what such a field answers in;
    without one it is the distance itself, as far as the field's tanh can say it.
    """
    distance = batch.signed_distance
    target = distance.clamp(-1, 1) if truncation is None else torch.tanh(distance / truncation)
    apart = (output.signed_distance - target).abs().mean()
    color = (output.stf_color - batch.colors).abs().sum(dim=-1).mean()
    with torch.no_grad():
        inside, said = distance > 0, output.raw[..., 0] > 0
        iou = (inside & said).sum() / (inside | said).sum().clamp(min=1)
    return {
        "loss": apart + color_weight * color,
        "signed_distance": apart,
        "color": color,
        "iou": iou,
    }
