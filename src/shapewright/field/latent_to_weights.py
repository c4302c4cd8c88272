"""From latent tokens to rows of the coordinate network's weight matrices.

Shapes: B assets, T latent tokens, D latent channels, V rows, C channels of a row, R rows per token.
"""

import torch
from jaxtyping import Float
from torch import Tensor, nn

from shapewright.field.config import FieldConfig, MixerConfig
from shapewright.nn.transformer import Transformer

__all__ = ["LatentMixer", "LatentToWeights", "RowProjection"]


class RowProjection(nn.Module):
    """h[b,v,c] = sum_d latent[b,v,d] weight[v,c,d], LayerNorm over c, plus a bias [v,c]: the mean row.

    With R rows per token, row v reads token v // R; R = 1 is the published model.
    Source: Shap-E, appendix A.3.
    """

    def __init__(self, rows: int, channels: int, latent_channels: int, tokens: int, scale: float) -> None:
        super().__init__()
        self.tokens = tokens
        self.weight = nn.Parameter(torch.randn(rows, channels, latent_channels) / latent_channels**0.5)
        self.bias = nn.Parameter(torch.randn(rows, channels) * scale)
        self.norm = nn.LayerNorm(channels)
        nn.init.constant_(self.norm.weight, scale)

    def forward(self, latent_btd: Float[Tensor, "b t d"]) -> Float[Tensor, "b v c"]:
        rows, channels, _ = self.weight.shape
        # large models keep it as it is stored, which may be half precision: one at a time is widened
        weight_trd = self.weight.to(latent_btd.dtype).reshape(self.tokens, -1, self.weight.shape[-1])
        h_tbr = torch.bmm(latent_btd.transpose(0, 1), weight_trd.transpose(1, 2))
        h_bvc = h_tbr.transpose(0, 1).reshape(-1, rows, channels)
        return self.norm(h_bvc) + self.bias


class LatentMixer(nn.Module):
    """Lets the latent's tokens see each other before they become rows."""

    def __init__(self, config: MixerConfig, tokens: int, channels: int) -> None:
        super().__init__()
        self.input_proj = nn.Linear(channels, config.width)
        self.pos_emb = nn.Parameter(torch.randn(tokens, config.width) * 0.5)
        self.backbone = Transformer(config.width, config.layers, config.heads, init_scale=1.0)
        self.ln_post = nn.LayerNorm(config.width)
        self.output_proj = nn.Linear(config.width, config.channels)

    def forward(self, latent: Float[Tensor, "b t d"]) -> Float[Tensor, "b t c"]:
        h = self.backbone(self.input_proj(latent) + self.pos_emb)
        return self.output_proj(self.ln_post(h))


class LatentToWeights(nn.Module):
    """One projection for each generated layer; tokens are consumed in the order of the layers."""

    def __init__(self, config: FieldConfig) -> None:
        super().__init__()
        mixer = config.mixer
        self.mixer = LatentMixer(mixer, config.latent_tokens, config.latent_channels) if mixer else None
        channels = mixer.channels if mixer else config.latent_channels
        self.tokens_per_layer = [t for t, _, _ in token_spans(config)]
        self.projections = nn.ModuleList(
            RowProjection(rows, width, channels, tokens, config.row_scale)
            for tokens, rows, width in token_spans(config)
        )

    def forward(self, latent: Float[Tensor, "b t d"]) -> list[Tensor]:
        """Weight matrices (B, rows, channels), one for each generated layer."""
        tokens = self.mixer(latent) if self.mixer is not None else latent
        parts = torch.split(tokens, self.tokens_per_layer, dim=1)
        return [project(part) for project, part in zip(self.projections, parts, strict=True)]


def token_spans(config: FieldConfig) -> list[tuple[int, int, int]]:
    """(tokens, rows, channels) of every generated layer."""
    rows_per_token = config.rows // config.latent_tokens
    assert all(rows % rows_per_token == 0 for rows, _ in config.generated_shapes)
    return [(rows // rows_per_token, rows, width) for rows, width in config.generated_shapes]
