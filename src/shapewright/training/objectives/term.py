"""What an objective that is mixed with others must be able to do."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol, runtime_checkable

import numpy as np
from torch import Tensor

from shapewright.dataset.loader import AssetRecord
from shapewright.dataset.views import Views
from shapewright.field import Field, FieldWeights
from shapewright.training.objectives.tensor_batch import TensorBatch

__all__ = ["DrawnAsset", "Term"]


@dataclass(frozen=True, kw_only=True)
class DrawnAsset:
    """An asset of a step; `views` gives its pictures, which may have to be read for that."""

    record: AssetRecord
    views: Callable[[], Views]


@runtime_checkable
class Term(Protocol):
    """Something that fields are asked, and how wrong the answers are."""

    def example(self, asset: DrawnAsset, rng: np.random.Generator) -> TensorBatch:
        """The question to one asset, as a batch of one."""
        ...

    def losses(self, field: Field, weights: FieldWeights, batch: Any) -> dict[str, Tensor]:
        """Means over the batch's assets; `loss` is the one that is minimised."""
        ...
