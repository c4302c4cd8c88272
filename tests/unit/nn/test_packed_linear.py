"""Packed layers beside plain ones."""

import pytest
import torch
from torch import nn
from torch.nn import functional as F

from shapewright.nn import packed_linear
from shapewright.nn.packed_linear import PackedLinear, can_pack, gelu_of
from shapewright.nn.processor import has_bf16

# Sums are rounded to bf16 once in either layer, but summed in another order: one step of bf16, 2^-7 of a
# number, apart at most; before a GELU the packed layer does not round at all.
ONE_STEP = 2**-7

needs_bf16 = pytest.mark.skipif(not has_bf16(), reason="the processor has no bf16 products")


@pytest.fixture
def layer() -> nn.Linear:
    torch.manual_seed(0)
    return nn.Linear(96, 80).bfloat16().requires_grad_(False)


@needs_bf16
@pytest.mark.parametrize("rows", [1, 16, 300])
def test_a_packed_layer_is_the_plain_one(layer: nn.Linear, rows: int) -> None:
    x = torch.randn(2, rows, 96)
    packed = PackedLinear(layer)
    found, expected = packed(x), layer(x.bfloat16())
    assert found.shape == expected.shape == (2, rows, 80)
    assert found.dtype == torch.bfloat16
    assert torch.allclose(found.float(), expected.float(), rtol=ONE_STEP, atol=1e-3)
    activated = gelu_of(packed, x)
    exact = F.gelu(F.linear(x.bfloat16().float(), layer.weight.float(), layer.bias.float()))
    assert torch.allclose(activated.float(), exact, rtol=ONE_STEP, atol=1e-3)


def test_gelu_of_a_plain_layer(layer: nn.Linear) -> None:
    x = torch.randn(3, 96).bfloat16()
    assert torch.equal(gelu_of(layer, x), F.gelu(layer(x)))


def test_what_is_not_packed(layer: nn.Linear, monkeypatch: pytest.MonkeyPatch) -> None:
    assert not can_pack(nn.Linear(8, 8))
    assert not can_pack(nn.Linear(8, 8, device="meta", dtype=torch.bfloat16))
    assert can_pack(layer) == has_bf16()
    monkeypatch.setattr(packed_linear, "has_bf16", lambda: False)
    assert not can_pack(layer)
