"""Latent tokens that look at data sets in turn."""

import pytest
import torch

from shapewright.nn.perceiver import Perceiver
from shapewright.nn.transformer import blocks_of


@pytest.fixture
def data() -> list[torch.Tensor]:
    generator = torch.Generator().manual_seed(0)
    return [torch.randn(2, length, 8, generator=generator) for length in (5, 3)]


def test_rounds_of_every_data_set_and_then_self_attention(data: list[torch.Tensor]) -> None:
    torch.manual_seed(0)
    perceiver = Perceiver(8, 2, datasets=2, self_layers=3, rounds=2, init_scale=1.0)
    x = torch.randn(2, 4, 8)
    h = perceiver.cross[1](perceiver.cross[0](x, data[0]), data[1])
    h = perceiver.processors[0](h)
    h = perceiver.cross[3](perceiver.cross[2](h, data[0]), data[1])
    torch.testing.assert_close(perceiver(x, data), perceiver.processors[1](h))


@pytest.mark.parametrize(("layers", "rounds", "shares"), [(11, 1, [11]), (5, 2, [3, 2]), (1, 2, [1, 0])])
def test_self_attention_layers_are_shared_out_over_the_rounds(
    layers: int, rounds: int, shares: list[int]
) -> None:
    perceiver = Perceiver(8, 2, datasets=1, self_layers=layers, rounds=rounds)
    assert [len(processor.resblocks) for processor in perceiver.processors] == shares
    assert len(perceiver.cross) == rounds


def test_the_cross_attention_starts_at_the_scale_too() -> None:
    torch.manual_seed(0)
    perceiver = Perceiver(64, 2, datasets=1, self_layers=1, init_scale=0.5)
    assert float(perceiver.cross[0].attn.c_kv.weight.detach().std()) == pytest.approx(0.5 / 8, rel=0.05)


def test_recomputed_blocks_have_the_same_gradients(data: list[torch.Tensor]) -> None:
    torch.manual_seed(0)
    perceiver = Perceiver(8, 2, datasets=2, self_layers=3, rounds=2, init_scale=1.0)
    x = torch.randn(2, 4, 8)
    inputs = [x.requires_grad_(), *(part.requires_grad_() for part in data), *perceiver.parameters()]
    kept = torch.autograd.grad(perceiver(x, data).square().sum(), inputs)
    assert len(blocks_of(perceiver)) == 4 + 3
    for block in blocks_of(perceiver):
        block.recompute = True
    again = torch.autograd.grad(perceiver(x, data).square().sum(), inputs)
    # the same operations on the same numbers: to the last bit
    assert all(torch.equal(ours, theirs) for ours, theirs in zip(again, kept, strict=True))
