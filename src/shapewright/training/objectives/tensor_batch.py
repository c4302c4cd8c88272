"""Batches as dataclasses: tensors with the assets first, and lists of what is no tensor."""

from collections.abc import Sequence
from dataclasses import dataclass, fields, replace
from typing import Any, Self, TypeVar, cast

import torch
from torch import Tensor

__all__ = ["TensorBatch", "joined"]

BatchT = TypeVar("BatchT")


@dataclass(frozen=True, kw_only=True)
class TensorBatch:
    """Base of batches that are made example by example, each a batch of one."""

    def to(self, device: torch.device) -> Self:
        return replace(self, **{f.name: moved(getattr(self, f.name), device) for f in fields(self)})


def joined(examples: Sequence[BatchT]) -> BatchT:
    """The examples as one batch, in their order: tensors, lists, and batches and dictionaries of these."""
    return cast("BatchT", joined_values(examples))


def joined_values(values: Sequence[Any]) -> Any:
    first = values[0]
    if first is None:
        return None
    if isinstance(first, Tensor):
        return torch.cat(list(values))
    if isinstance(first, TensorBatch):
        names = [f.name for f in fields(first)]
        parts = {name: joined_values([getattr(value, name) for value in values]) for name in names}
        return replace(first, **parts)
    if isinstance(first, dict):
        names = list(cast("dict[str, Any]", first))
        return {name: joined_values([value[name] for value in values]) for name in names}
    return [item for value in values for item in value]


def moved(value: Any, device: torch.device) -> Any:
    if isinstance(value, Tensor | TensorBatch):
        return value.to(device)
    if isinstance(value, dict):
        return {name: moved(item, device) for name, item in cast("dict[str, Any]", value).items()}
    return value
