"""Batches as dataclasses: tensors with the assets first, and lists of what is no tensor."""

from collections.abc import Sequence
from dataclasses import dataclass, fields, replace
from typing import Any, Self

import torch
from torch import Tensor

__all__ = ["TensorBatch"]


@dataclass(frozen=True, kw_only=True)
class TensorBatch:
    """Base of batches that are made example by example, each a batch of one."""

    @classmethod
    def joined(cls, examples: Sequence[Self]) -> Self:
        """The examples as one batch, in their order."""
        return cls(**{f.name: joined([getattr(e, f.name) for e in examples]) for f in fields(cls)})

    def to(self, device: torch.device) -> Self:
        return replace(self, **{f.name: moved(getattr(self, f.name), device) for f in fields(self)})


def joined(values: list[Any]) -> Any:
    first = values[0]
    if first is None:
        return None
    if isinstance(first, Tensor):
        return torch.cat(values)
    if isinstance(first, TensorBatch):
        return type(first).joined(values)
    if isinstance(first, dict):
        return {name: joined([value[name] for value in values]) for name in first}
    return [item for value in values for item in value]


def moved(value: Any, device: torch.device) -> Any:
    if isinstance(value, Tensor | TensorBatch):
        return value.to(device)
    if isinstance(value, dict):
        return {name: moved(item, device) for name, item in value.items()}
    return value
