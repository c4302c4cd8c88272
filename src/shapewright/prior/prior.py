"""The latent denoiser: a transformer over condition, time and noised latent tokens.

Shapes: B batch, T latent tokens, C latent channels, W width, K tokens put before the latent's.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor, nn
from torch.nn import functional as F

from shapewright.diffusion import DiscreteDiffusion
from shapewright.nn.timestep import timestep_embedding
from shapewright.nn.transformer import MLP, Transformer
from shapewright.prior.condition import Condition
from shapewright.prior.config import PriorConfig

__all__ = ["ConditionTokens", "Prior"]

# Products of very few rows take kernels of their own, which round differently. With this many rows at
# the least, a sample has the same bits in every batch (seen on x86 CPUs with 1 and 2 threads).
MIN_ROWS = 16


@dataclass(frozen=True, kw_only=True)
class ConditionTokens:
    """A condition in the prior's width; parts that the prior does not use are None."""

    pooled: Float[Tensor, "b 1 w"] | None
    text: Float[Tensor, "b l w"] | None
    text_mask: Bool[Tensor, "b l"] | None
    image: Float[Tensor, "b n w"] | None
    image_mask: Bool[Tensor, "b n"] | None
    low_res: Float[Tensor, "b k w"] | None


class Prior(nn.Module):
    """Predicts x_0 (or eps, by config) and the variance of a noised latent.

    Token order: text: pooled vector, text tokens, time, latents; image: time, image tokens, coarse points,
    latents; of a prior of both (ours): pooled vector (zeros without a text), text tokens, time, image
    tokens, latents. Parameters carry the published names.
    Source: Shap-E, section 4.3; Point-E, section 4.2.
    """

    def __init__(self, config: PriorConfig) -> None:
        super().__init__()
        self.config = config
        self.diffusion = DiscreteDiffusion(config.diffusion)
        width = config.width
        self.time_embed = MLP(width)
        self.ln_pre = nn.LayerNorm(width)
        self.backbone = Transformer(width, config.layers, config.heads, init_scale=config.init_scale)
        self.ln_post = nn.LayerNorm(width)
        self.input_proj = nn.Linear(config.latent_channels, width)
        self.output_proj = nn.Linear(width, config.outputs * config.latent_channels)
        self.clip_embed = condition_embedding(config)
        self.text_token_embed = None
        if config.text_token_width is not None:
            self.text_token_embed = normalised_linear(config.text_token_width, width)
        self.image_token_embed = None
        if config.has_both and config.image_token_width is not None:
            self.image_token_embed = normalised_linear(config.image_token_width, width)
        self.cond_point_proj = None
        if config.low_res is not None:
            self.cond_point_proj = nn.Linear(config.low_res.channels, width)
        self.pos_emb = None
        if config.use_pos_emb:
            self.pos_emb = nn.Parameter(config.pos_emb_init_scale * torch.randn(config.latent_tokens, width))
        self._initialise()

    def forward(
        self,
        x: Float[Tensor, "b t c"],
        t: Int[Tensor, " b"] | Float[Tensor, " b"],
        condition: Condition | ConditionTokens,
    ) -> Float[Tensor, "b outputs t c"]:
        """x: latents noised to the times t. Result: [:, 0] the prediction, [:, 1] the variance.

        Variance is in the learned range, -1 (posterior) to 1 (beta), not bounded.
        """
        told = self.embed(condition, x.dtype) if isinstance(condition, Condition) else condition
        h_btw, pooled = self.input_proj(x), told.pooled
        if self.pos_emb is not None:
            h_btw = h_btw + self.pos_emb
        time = embed_rows(self.time_embed, timestep_embedding(t, self.config.width).to(x.dtype))[:, None]
        if pooled is not None and not self.config.pooled_as_token:
            h_btw, pooled = h_btw + pooled, None
        if not self.config.time_as_token:
            h_btw, time = h_btw + time, None
        tokens = (pooled, told.text, time, told.image, told.low_res, h_btw)
        parts = [part for part in tokens if part is not None]
        mask = seen_tokens(parts, ((told.text, told.text_mask), (told.image, told.image_mask)))
        h = self.backbone(self.ln_pre(torch.cat(parts, dim=1)), mask)
        out = self.output_proj(self.ln_post(h)[:, -x.shape[1] :])
        return torch.stack(out.chunk(self.config.outputs, dim=-1), dim=1)

    def embed(self, condition: Condition, dtype: torch.dtype = torch.float32) -> ConditionTokens:
        """The condition as the transformer sees it: the same at all times, so samplers ask once."""
        text, text_mask = self._text_tokens(condition, dtype)
        return ConditionTokens(
            pooled=self._pooled_token(condition, dtype),
            text=text,
            text_mask=text_mask,
            image=self._image_tokens(condition, dtype),
            image_mask=condition.image_mask,
            low_res=self._low_res_tokens(condition, dtype),
        )

    def _pooled_token(self, condition: Condition, dtype: torch.dtype) -> Float[Tensor, "b 1 w"] | None:
        width = self.config.text_pooled_width
        if width is None:
            return None
        pooled = condition.text_pooled
        if pooled is None and self.config.has_both:
            assert condition.image_tokens is not None, "the prior needs a text or an image"
            pooled = condition.image_tokens.new_zeros(len(condition.image_tokens), width)
        assert pooled is not None, "the prior needs a pooled text"
        assert self.clip_embed is not None
        # normalised vectors are scaled to unit variance per number
        return embed_rows(self.clip_embed, width**0.5 * pooled.to(dtype))[:, None]

    def _text_tokens(
        self, condition: Condition, dtype: torch.dtype
    ) -> tuple[Float[Tensor, "b l w"] | None, Bool[Tensor, "b l"] | None]:
        if self.text_token_embed is None:
            return None, None
        if condition.text_tokens is None and self.config.has_both:
            return None, None
        assert condition.text_tokens is not None, "the prior needs text tokens"
        return self.text_token_embed(condition.text_tokens.to(dtype)), condition.text_mask

    def _image_tokens(self, condition: Condition, dtype: torch.dtype) -> Float[Tensor, "b n w"] | None:
        if self.config.image_token_width is None:
            return None
        if condition.image_tokens is None and self.config.has_both:
            return None
        assert condition.image_tokens is not None, "the prior needs an image"
        embed = self.image_token_embed or self.clip_embed
        assert embed is not None
        return embed(condition.image_tokens.to(dtype))

    def _low_res_tokens(self, condition: Condition, dtype: torch.dtype) -> Float[Tensor, "b k w"] | None:
        if self.config.low_res is None or self.cond_point_proj is None:
            return None
        assert condition.low_res is not None, "an upsampler needs coarse points"
        scaling, points = self.config.low_res.scaling, condition.low_res
        return self.cond_point_proj((points if scaling is None else scaling.scale(points)).to(dtype))

    def _initialise(self) -> None:
        """The first prediction is zero, the mean of the data; the rest starts at the reference's scale."""
        for layer in (self.time_embed.c_fc, self.time_embed.c_proj):
            nn.init.normal_(layer.weight, std=self.config.init_scale / self.config.width**0.5)
            nn.init.zeros_(layer.bias)
        nn.init.zeros_(self.output_proj.weight)
        nn.init.zeros_(self.output_proj.bias)


def seen_tokens(
    parts: Sequence[Float[Tensor, "b _ w"]], masked: Sequence[tuple[Tensor | None, Tensor | None]]
) -> Bool[Tensor, "b k"] | None:
    """Which tokens of the parts are seen: all but those that a mask of their part hides; None: all."""
    hidden = [(part, mask) for part, mask in masked if part is not None and mask is not None]
    if not hidden:
        return None
    masks = [next((mask for masked_part, mask in hidden if masked_part is part), None) for part in parts]
    whole = [
        torch.ones(part.shape[:2], dtype=torch.bool, device=part.device) if mask is None else mask
        for part, mask in zip(parts, masks, strict=True)
    ]
    return torch.cat(whole, dim=1)


def condition_embedding(config: PriorConfig) -> nn.Module | None:
    """What the published models call clip_embed, of a pooled text or of image tokens."""
    if config.text_pooled_width is not None:
        return nn.Linear(config.text_pooled_width, config.width)
    if config.image_token_width is not None:
        return normalised_linear(config.image_token_width, config.width)
    return None


def normalised_linear(width_in: int, width: int) -> nn.Sequential:
    return nn.Sequential(nn.LayerNorm(width_in), nn.Linear(width_in, width))


def embed_rows(embedding: nn.Module, x: Float[Tensor, "b w_in"]) -> Float[Tensor, "b w"]:
    """embedding(x), computed with rows of zeros added where the batch is small (see MIN_ROWS)."""
    missing = max(MIN_ROWS - x.shape[0], 0)
    return embedding(F.pad(x, (0, 0, 0, missing)))[: x.shape[0]]
