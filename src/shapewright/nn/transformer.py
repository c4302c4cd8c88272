"""Pre-norm transformer blocks, with the published checkpoints' parameter names.

Shapes: B batch, L tokens, S tokens attended to, W width, H heads, D = W / H.
"""

from collections.abc import Callable

import torch
from jaxtyping import Bool, Float
from torch import Tensor, nn
from torch.nn import functional as F
from torch.utils.checkpoint import checkpoint

__all__ = [
    "MLP",
    "Block",
    "CrossAttentionBlock",
    "SelfAttentionBlock",
    "Transformer",
    "attend",
    "blocks_of",
]


def attend(
    q: Float[Tensor, "b l h d"],
    k: Float[Tensor, "b s h d"],
    v: Float[Tensor, "b s h d"],
    key_mask: Bool[Tensor, "b s"] | None = None,
) -> Float[Tensor, "b l w"]:
    """Scaled dot-product attention, heads joined again in the result; masked keys are not seen.

    Training on a CPU takes the written-out form, whose backward pass is faster there than that of the
    fused kernel; everything else takes the fused kernel. Both take the softmax in fp32.
    """
    q, k, v = (t.transpose(1, 2) for t in (q, k, v))
    mask = None if key_mask is None else key_mask[:, None, None, :]
    written_out = q.device.type == "cpu" and torch.is_grad_enabled() and q.requires_grad
    out = attend_explicitly(q, k, v, mask) if written_out else F.scaled_dot_product_attention(q, k, v, mask)
    return out.transpose(1, 2).flatten(2)


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


class MLP(nn.Module):
    """Linear, exact GELU, linear; `hidden` is four times the width unless given."""

    def __init__(self, width: int, hidden: int | None = None) -> None:
        super().__init__()
        self.c_fc = nn.Linear(width, hidden or 4 * width)
        self.c_proj = nn.Linear(hidden or 4 * width, width)

    def forward(self, x: Float[Tensor, "*b w"]) -> Float[Tensor, "*b w"]:
        return self.c_proj(F.gelu(self.c_fc(x)))


class SelfAttention(nn.Module):
    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.c_qkv = nn.Linear(width, 3 * width)
        self.c_proj = nn.Linear(width, width)

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
        self.c_q = nn.Linear(width, width)
        self.c_kv = nn.Linear(width, 2 * width)
        self.c_proj = nn.Linear(width, width)

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
