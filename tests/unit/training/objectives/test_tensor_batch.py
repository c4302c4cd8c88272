"""Examples become batches, whatever they are made of."""

from dataclasses import dataclass

import torch
from torch import Tensor

from shapewright.training.objectives.tensor_batch import TensorBatch, joined


@dataclass(frozen=True, kw_only=True)
class Inner(TensorBatch):
    x: Tensor
    absent: Tensor | None = None


@dataclass(frozen=True, kw_only=True)
class Outer(TensorBatch):
    names: list[str]
    inner: Inner
    parts: dict[str, TensorBatch]


def example(k: int) -> Outer:
    return Outer(
        names=[f"n{k}"], inner=Inner(x=torch.full((1, 2), k)), parts={"a": Inner(x=torch.tensor([k]))}
    )


def test_examples_are_joined_in_their_order() -> None:
    batch = joined([example(k) for k in range(3)])
    assert batch.names == ["n0", "n1", "n2"]
    assert batch.inner.x.tolist() == [[0, 0], [1, 1], [2, 2]]
    assert batch.inner.absent is None
    part = batch.parts["a"]
    assert isinstance(part, Inner)
    assert part.x.tolist() == [0, 1, 2]


def test_all_tensors_move() -> None:
    moved = example(1).to(torch.device("meta"))
    part = moved.parts["a"]
    assert isinstance(part, Inner)
    assert moved.inner.x.device.type == part.x.device.type == "meta"
    assert moved.names == ["n1"]
