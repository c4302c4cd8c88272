"""Attention: the fast forms against written-out ones, forward and backward; the blocks around it."""

from copy import deepcopy

import pytest
import torch
from torch import Tensor
from torch.nn import functional as F

from shapewright.nn import transformer
from shapewright.nn.transformer import (
    MLP,
    CrossAttention,
    CrossAttentionBlock,
    Linear,
    SelfAttention,
    SelfAttentionBlock,
    Transformer,
    attend,
    attend_by_head,
    attend_explicitly,
    blocks_of,
)

HEADS, DIM = 2, 4
# fp32 sums of at most a few dozen terms of size 10
CLOSE = {"rtol": 1e-5, "atol": 1e-5}


def qkv(batch: int, queries: int, keys: int) -> list[Tensor]:
    generator = torch.Generator().manual_seed(batch + 10 * queries + 100 * keys)
    shapes = [(batch, length, HEADS, DIM) for length in (queries, keys, keys)]
    return [(2 * torch.randn(shape, generator=generator)).requires_grad_() for shape in shapes]


def some_keys(batch: int, keys: int) -> Tensor:
    """A mask that hides other keys in every row, never all."""
    mask = torch.rand(batch, keys, generator=torch.Generator().manual_seed(0)) < 0.5
    mask[torch.arange(batch), torch.arange(batch) % keys] = True
    return mask


@pytest.mark.parametrize("batch", [1, 3])
@pytest.mark.parametrize(("queries", "keys"), [(5, 5), (1, 7), (6, 2)])
@pytest.mark.parametrize("masked", [False, True])
def test_the_fused_kernel_is_the_written_out_form_forward_and_backward(
    batch: int, queries: int, keys: int, masked: bool
) -> None:
    parts = qkv(batch, queries, keys)
    mask = some_keys(batch, keys)[:, None, None, :] if masked else None
    q, k, v = (part.transpose(1, 2) for part in parts)
    plain = attend_explicitly(q, k, v, mask)
    fused = F.scaled_dot_product_attention(q, k, v, mask)
    torch.testing.assert_close(plain, fused, **CLOSE)
    weight = torch.randn(plain.shape, generator=torch.Generator().manual_seed(1))
    backward = [torch.autograd.grad((out * weight).sum(), parts) for out in (plain, fused)]
    for ours, theirs in zip(*backward, strict=True):
        torch.testing.assert_close(ours, theirs, **CLOSE)


@pytest.mark.parametrize(("batch", "queries", "keys"), [(1, 5, 5), (2, 300, 260)])
def test_head_by_head_is_the_written_out_form(batch: int, queries: int, keys: int) -> None:
    q, k, v = (part.detach().transpose(1, 2) for part in qkv(batch, queries, keys))
    plain = attend_explicitly(q, k, v, None)
    torch.testing.assert_close(attend_by_head(q, k, v), plain, **CLOSE)
    lowered = attend_by_head(q.bfloat16(), k.bfloat16(), v.bfloat16())
    assert lowered.dtype == torch.bfloat16
    # scores here are of size 10 and rounded to 8 bits: weights are off by up to 10 * 2^-9 of themselves
    assert (lowered - plain).norm() / plain.norm() < 10 * 2**-9


@pytest.mark.parametrize(
    ("amx", "dtype", "tokens", "masked", "expected"),
    [
        (False, torch.bfloat16, 256, False, True),
        (True, torch.bfloat16, 256, False, False),
        (False, torch.float32, 256, False, False),
        (False, torch.bfloat16, 255, False, False),
        (False, torch.bfloat16, 256, True, False),
    ],
)
def test_heads_are_taken_one_by_one_where_that_is_faster(
    monkeypatch: pytest.MonkeyPatch,
    amx: bool,
    dtype: torch.dtype,
    tokens: int,
    masked: bool,
    expected: bool,
) -> None:
    taken: list[bool] = []

    def spied(*parts: Tensor) -> Tensor:
        taken.append(True)
        return attend_by_head(*parts)

    monkeypatch.setattr(transformer, "has_amx", lambda: amx)
    monkeypatch.setattr(transformer, "attend_by_head", spied)
    q, k, v = (part.detach().to(dtype) for part in qkv(1, tokens, tokens))
    attend(q, k, v, some_keys(1, tokens) if masked else None)
    assert bool(taken) == expected
    attend(q.requires_grad_(), k, v)  # and never where there is something to learn
    assert bool(taken) == expected


def test_a_lowered_layer_rounds_its_input_and_others_nothing() -> None:
    layer, x = Linear(6, 4), torch.randn(3, 6, generator=torch.Generator().manual_seed(0))
    assert layer(x).dtype == torch.float32
    lowered = deepcopy(layer).bfloat16()
    assert torch.equal(lowered(x), lowered(x.bfloat16()))
    assert lowered(x).dtype == torch.bfloat16


@pytest.mark.parametrize("masked", [False, True])
def test_training_and_inference_attend_alike(masked: bool) -> None:
    q, k, v = qkv(2, 3, 5)
    mask = some_keys(2, 5) if masked else None
    training = attend(q, k, v, mask)
    assert training.requires_grad
    with torch.no_grad():
        torch.testing.assert_close(attend(q, k, v, mask), training.detach(), **CLOSE)


@pytest.mark.parametrize("grad", [False, True])
def test_masked_keys_are_as_if_they_were_not_there(grad: bool) -> None:
    q, k, v = qkv(1, 3, 6)
    mask = torch.tensor([[True, False, True, True, False, False]])
    with torch.set_grad_enabled(grad):
        seen = attend(q, k, v, mask)
        alone = attend(q, k[:, mask[0]], v[:, mask[0]])
    torch.testing.assert_close(seen, alone, **CLOSE)


def test_queries_keys_and_values_are_interleaved_per_head() -> None:
    """The published order; splitting thirds of the whole width would scramble their weights."""
    torch.manual_seed(0)
    attention, x = SelfAttention(HEADS * DIM, HEADS), torch.randn(1, 5, HEADS * DIM)
    rows = attention.c_qkv(x)[0].split(3 * DIM, dim=-1)
    heads = []
    for row in rows:
        q, k, v = row.split(DIM, dim=-1)
        heads.append(torch.softmax(q @ k.T / DIM**0.5, dim=-1) @ v)
    torch.testing.assert_close(attention(x)[0], attention.c_proj(torch.cat(heads, dim=-1)), **CLOSE)


def test_cross_attention_interleaves_keys_and_values_per_head() -> None:
    torch.manual_seed(0)
    attention = CrossAttention(HEADS * DIM, HEADS)
    x, data = torch.randn(1, 3, HEADS * DIM), torch.randn(1, 7, HEADS * DIM)
    heads = []
    queries, rows = attention.c_q(x)[0].split(DIM, dim=-1), attention.c_kv(data)[0].split(2 * DIM, dim=-1)
    for q, row in zip(queries, rows, strict=True):
        k, v = row.split(DIM, dim=-1)
        heads.append(torch.softmax(q @ k.T / DIM**0.5, dim=-1) @ v)
    torch.testing.assert_close(attention(x, data)[0], attention.c_proj(torch.cat(heads, dim=-1)), **CLOSE)


def test_blocks_normalise_first_and_add_to_their_input() -> None:
    torch.manual_seed(0)
    x, data = torch.randn(2, 3, 8), torch.randn(2, 4, 8)
    block = SelfAttentionBlock(8, 2)
    h = x + block.attn(block.ln_1(x))
    torch.testing.assert_close(block(x), h + block.mlp(block.ln_2(h)))
    cross = CrossAttentionBlock(8, 2)
    h = x + cross.attn(cross.ln_1(x), cross.ln_2(data))
    torch.testing.assert_close(cross(x, data), h + cross.mlp(cross.ln_3(h)))


def test_the_mlp_is_an_exact_gelu_between_linears() -> None:
    torch.manual_seed(0)
    mlp, x = MLP(6), torch.randn(2, 3, 6) * 3
    h = mlp.c_fc(x)
    assert h.shape[-1] == 24
    exact = h * 0.5 * (1 + torch.erf(h / 2**0.5))
    torch.testing.assert_close(mlp(x), mlp.c_proj(exact), **CLOSE)
    assert MLP(6, 10).c_fc.out_features == 10


def test_a_transformer_is_its_blocks_in_order_and_hands_on_the_mask() -> None:
    torch.manual_seed(0)
    transformer, x = Transformer(8, 2, 2, init_scale=1.0), torch.randn(1, 4, 8)
    mask = torch.tensor([[True, True, False, True]])
    first, second = transformer.resblocks
    torch.testing.assert_close(transformer(x, mask), second(first(x, mask), mask))
    changed = x.clone()
    changed[:, 2] = torch.randn(8)
    seen = mask[0]
    torch.testing.assert_close(transformer(changed, mask)[:, seen], transformer(x, mask)[:, seen])
    assert not torch.allclose(transformer(changed)[:, seen], transformer(x)[:, seen])


def test_the_first_weights_have_the_size_asked_for() -> None:
    torch.manual_seed(0)
    transformer = Transformer(64, 2, 4, init_scale=0.5)
    for name, parameter in transformer.named_parameters():
        if ".ln_" in name:
            continue
        if parameter.ndim == 2:  # 4096 numbers and more: their spread is known to 1%
            assert float(parameter.detach().std()) == pytest.approx(0.5 / 64**0.5, rel=0.05)
        else:
            assert not parameter.any()


def backward_of(model: Transformer, x: Tensor, *, mask: Tensor | None, dtype: torch.dtype) -> list[Tensor]:
    """The output and all gradients."""
    x = x.clone().requires_grad_()
    with torch.autocast("cpu", torch.bfloat16, enabled=dtype == torch.bfloat16):
        y = model(x, mask)
    gradients = torch.autograd.grad(y.float().square().sum(), [x, *model.parameters()])
    return [y.detach(), *gradients]


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
@pytest.mark.parametrize("masked", [False, True])
def test_recomputed_blocks_have_the_same_gradients(
    dtype: torch.dtype, masked: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    torch.manual_seed(0)
    model, x = Transformer(8, 3, HEADS, init_scale=1.0), torch.randn(2, 5, 8)
    mask = some_keys(2, 5) if masked else None
    computed: list[Tensor] = []
    transform = SelfAttentionBlock.transform

    def counted(self: SelfAttentionBlock, x: Tensor, key_mask: Tensor | None) -> Tensor:
        computed.append(x)
        return transform(self, x, key_mask)

    monkeypatch.setattr(SelfAttentionBlock, "transform", counted)
    kept = backward_of(model, x, mask=mask, dtype=dtype)
    assert len(computed) == 3
    for block in blocks_of(model):
        block.recompute = True
    again = backward_of(model, x, mask=mask, dtype=dtype)
    assert len(computed) == 3 + 6
    # the same operations on the same numbers: to the last bit
    assert all(torch.equal(ours, theirs) for ours, theirs in zip(again, kept, strict=True))
    with torch.no_grad():
        model(x, mask)
    assert len(computed) == 3 + 6 + 3, "nothing is kept or computed again without gradients"
