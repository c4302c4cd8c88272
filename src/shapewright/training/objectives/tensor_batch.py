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
    first: Any = examples[0]
    values = cast("Sequence[Any]", examples)
    if first is None:
        return first
    if isinstance(first, Tensor):
        return cast("BatchT", torch.cat(list(values)))
    if isinstance(first, TensorBatch):
        names = [f.name for f in fields(first)]
        return replace(first, **{name: joined([getattr(value, name) for value in values]) for name in names})
    if isinstance(first, dict):
        return cast("BatchT", {name: joined([value[name] for value in values]) for name in first})
    return cast("BatchT", [item for value in values for item in value])


def moved(value: Any, device: torch.device) -> Any:
    if isinstance(value, Tensor | TensorBatch):
        return value.to(device)
    if isinstance(value, dict):
        return {name: moved(item, device) for name, item in cast("dict[str, Any]", value).items()}
    return value
