"""Pre-norm transformer blocks, with the published checkpoints' parameter names.

Shapes: B batch, L tokens, S tokens attended to, W width, H heads, D = W / H.
"""

from collections.abc import Callable

import torch
from jaxtyping import Bool, Float
from torch import Tensor, nn
from torch.nn import functional as F
from torch.utils.checkpoint import checkpoint

from shapewright.nn.packed_linear import gelu_of
from shapewright.nn.processor import has_amx

__all__ = [
    "MLP",
    "Block",
    "CrossAttentionBlock",
    "Linear",
    "SelfAttentionBlock",
    "Transformer",
    "attend",
    "blocks_of",
]

# So many tokens make a head's products large enough to be computed one head after the other.
TOKENS_OF_LARGE_HEADS = 256


def attend(
    q: Float[Tensor, "b l h d"],
    k: Float[Tensor, "b s h d"],
    v: Float[Tensor, "b s h d"],
    key_mask: Bool[Tensor, "b s"] | None = None,
) -> Float[Tensor, "b l w"]:
    """Scaled dot-product attention, heads joined again in the result; masked keys are not seen.

    Training on a CPU takes the written-out form, whose backward pass is faster there than that of the
    fused kernel; bf16 on a CPU without AMX goes head by head, for the fused kernel is no faster in bf16
    there than in fp32; everything else takes the fused kernel. All take the softmax in fp32.
    """
    q, k, v = (t.transpose(1, 2) for t in (q, k, v))
    mask = None if key_mask is None else key_mask[:, None, None, :]
    if q.device.type == "cpu" and torch.is_grad_enabled() and q.requires_grad:
        out = attend_explicitly(q, k, v, mask)
    elif mask is None and is_faster_by_head(q, k):
        out = attend_by_head(q, k, v)
    else:
        out = F.scaled_dot_product_attention(q, k, v, mask)
    return out.transpose(1, 2).flatten(2)


def is_faster_by_head(q: Float[Tensor, "b h l d"], k: Float[Tensor, "b h s d"]) -> bool:
    """Whether to take `attend_by_head`: large heads in bf16 on a CPU without AMX, nothing to learn."""
    learning = torch.is_grad_enabled() and (q.requires_grad or k.requires_grad)
    in_bf16 = q.device.type == "cpu" and q.dtype == torch.bfloat16
    large = min(q.shape[2], k.shape[2]) >= TOKENS_OF_LARGE_HEADS
    return in_bf16 and large and not learning and not has_amx()


def attend_by_head(
    q: Float[Tensor, "b h l d"], k: Float[Tensor, "b h s d"], v: Float[Tensor, "b h s d"]
) -> Float[Tensor, "b h l d"]:
    """Two plain products for each head of each sample, whose scores stay in the cache.

    Scores are rounded to bf16, but nothing is summed in it. Measured on AVX-512 bf16 with 1026 tokens and
    16 heads of 64: two thirds of the fused kernel's time.
    """
    heads = [t.reshape(-1, *t.shape[2:]) for t in (q * q.shape[-1] ** -0.5, k, v)]
    out = torch.empty_like(heads[0])
    for q_ld, k_sd, v_sd, out_ld in zip(*heads, out, strict=True):
        torch.mm(torch.softmax(q_ld @ k_sd.T, dim=-1), v_sd, out=out_ld)
    return out.view(q.shape)


def attend_explicitly(
    q: Float[Tensor, "b h l d"],
    k: Float[Tensor, "b h s d"],
    v: Float[Tensor, "b h s d"],
    mask: Bool[Tensor, "b 1 1 s"] | None,
) -> Float[Tensor, "b h l d"]:
    """The plain twin of the fused kernel."""
    scores = (q @ k.transpose(-1, -2)).float() * q.shape[-1] ** -0.5
    if mask is not None:
        scores = scores.masked_fill(~mask, float("-inf"))
    return torch.softmax(scores, dim=-1).to(v.dtype) @ v


class Linear(nn.Linear):
    """Where the weight was lowered to half precision, the product is computed in that; the input follows.

    So the residual stream and the norms stay in fp32. Nothing is raised: autocast chooses for itself.
    """

    def forward(self, input: Float[Tensor, "*b i"]) -> Float[Tensor, "*b o"]:
        lowered = self.weight.dtype.itemsize < input.dtype.itemsize
        return super().forward(input.to(self.weight.dtype) if lowered else input)


class MLP(nn.Module):
    """Linear, exact GELU, linear; `hidden` is four times the width unless given."""

    def __init__(self, width: int, hidden: int | None = None) -> None:
        super().__init__()
        self.c_fc = Linear(width, hidden or 4 * width)
        self.c_proj = Linear(hidden or 4 * width, width)

    def forward(self, x: Float[Tensor, "*b w"]) -> Float[Tensor, "*b w"]:
        return self.c_proj(gelu_of(self.c_fc, x))


class SelfAttention(nn.Module):
    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.c_qkv = Linear(width, 3 * width)
        self.c_proj = Linear(width, width)

    def forward(
        self, x: Float[Tensor, "b l w"], key_mask: Bool[Tensor, "b l"] | None = None
    ) -> Float[Tensor, "b l w"]:
        # q, k and v are interleaved per head, so the split comes after the view.
        q, k, v = self.c_qkv(x).unflatten(-1, (self.heads, -1)).chunk(3, dim=-1)
        return self.c_proj(attend(q, k, v, key_mask))


class CrossAttention(nn.Module):
    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.c_q = Linear(width, width)
        self.c_kv = Linear(width, 2 * width)
        self.c_proj = Linear(width, width)

    def forward(self, x: Float[Tensor, "b l w"], data: Float[Tensor, "b s w"]) -> Float[Tensor, "b l w"]:
        q = self.c_q(x).unflatten(-1, (self.heads, -1))
        k, v = self.c_kv(data).unflatten(-1, (self.heads, -1)).chunk(2, dim=-1)
        return self.c_proj(attend(q, k, v))


class Block(nn.Module):
    """What a deep network is made of, and what is recomputed, compiled and shared out piece by piece.

    With `recompute`, the backward pass computes the block again instead of keeping what it needs of it:
    much less memory, a third more work, the same gradients.
    """

    recompute: bool = False

    def run(self, compute: Callable[..., Tensor], *inputs: Tensor | None) -> Tensor:
        """compute(*inputs); the blocks have no random numbers that would have to be drawn again."""
        if self.recompute and torch.is_grad_enabled():
            return checkpoint(compute, *inputs, use_reentrant=False, preserve_rng_state=False)
        return compute(*inputs)


def blocks_of(model: nn.Module) -> list[Block]:
    """All blocks inside, in order."""
    return [module for module in model.modules() if isinstance(module, Block)]


class SelfAttentionBlock(Block):
    """x + attn(ln_1(x)), then x + mlp(ln_2(x))."""

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.ln_1 = nn.LayerNorm(width)
        self.attn = SelfAttention(width, heads)
        self.ln_2 = nn.LayerNorm(width)
        self.mlp = MLP(width)

    def forward(
        self, x: Float[Tensor, "b l w"], key_mask: Bool[Tensor, "b l"] | None = None
    ) -> Float[Tensor, "b l w"]:
        return self.run(self.transform, x, key_mask)

    def transform(self, x: Float[Tensor, "b l w"], key_mask: Bool[Tensor, "b l"] | None) -> Tensor:
        x = x + self.attn(self.ln_1(x), key_mask)
        return x + self.mlp(self.ln_2(x))


class CrossAttentionBlock(Block):
    """x + attn(ln_1(x), ln_2(data)), then x + mlp(ln_3(x))."""

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.ln_1 = nn.LayerNorm(width)
        self.ln_2 = nn.LayerNorm(width)
        self.ln_3 = nn.LayerNorm(width)
        self.attn = CrossAttention(width, heads)
        self.mlp = MLP(width)

    def forward(self, x: Float[Tensor, "b l w"], data: Float[Tensor, "b s w"]) -> Float[Tensor, "b l w"]:
        return self.run(self.transform, x, data)

    def transform(self, x: Float[Tensor, "b l w"], data: Float[Tensor, "b s w"]) -> Tensor:
        x = x + self.attn(self.ln_1(x), self.ln_2(data))
        return x + self.mlp(self.ln_3(x))


class Transformer(nn.Module):
    """A stack of self-attention blocks.

    Weights start at the reference's scale: normal with standard deviation `init_scale` / sqrt(width)
    for the input layers, the same for the output layers, biases zero.
    """

    def __init__(self, width: int, layers: int, heads: int, *, init_scale: float = 0.25) -> None:
        super().__init__()
        self.resblocks = nn.ModuleList(SelfAttentionBlock(width, heads) for _ in range(layers))
        initialise_linears(self, std=init_scale / width**0.5)

    def forward(
        self, x: Float[Tensor, "b l w"], key_mask: Bool[Tensor, "b l"] | None = None
    ) -> Float[Tensor, "b l w"]:
        for block in self.resblocks:
            x = block(x, key_mask)
        return x


def initialise_linears(module: nn.Module, *, std: float) -> None:
    """Normal weights of standard deviation `std` and zero biases for every linear layer inside."""
    for layer in module.modules():
        if isinstance(layer, nn.Linear):
            nn.init.normal_(layer.weight, std=std)
            nn.init.zeros_(layer.bias)
