"""The view branch: pictures with per-pixel positions as patch tokens.

Shapes: B assets, V views, H x W pixels, P patches of one view.
"""

import torch
from jaxtyping import Float
from torch import Tensor, nn

from shapewright.encoder.config import ViewBranchConfig
from shapewright.nn.positional_encoding import encode_positions, encoded_width

__all__ = ["ViewBatch", "ViewEmbedding"]

OPAQUE = 0.999


class ViewBatch:
    """Views of a batch of assets.

    rgb (B,V,H,W,3) in [-1,1]; alpha (B,V,H,W) in [0,1]; origins (B,V,3) of the cameras;
    positions (B,V,H,W,3) of the surface seen in each pixel (anything where alpha is below 0.999).
    """

    def __init__(
        self,
        *,
        rgb: Float[Tensor, "b v h w 3"],
        alpha: Float[Tensor, "b v h w"],
        origins: Float[Tensor, "b v 3"],
        positions: Float[Tensor, "b v h w 3"],
    ) -> None:
        self.rgb, self.alpha, self.origins, self.positions = rgb, alpha, origins, positions


class ViewEmbedding(nn.Module):
    """Encode every pixel, replace the background by a learned vector, convolve, cut into patches.

    Source: Shap-E, section 4.1 and appendix A.1; NUMERICS "Encoder".
    """

    def __init__(self, config: ViewBranchConfig, width: int) -> None:
        super().__init__()
        self.config = config
        channels = 3 * encoded_width(3, config.octaves)
        self.unknown = nn.Parameter(torch.randn(channels) * 0.1)
        self.pixel_conv = nn.Conv2d(channels, width // 2, 3, padding=1)
        self.patch_conv = nn.Conv2d(width // 2, width, config.patch_px, stride=config.patch_px)

    def forward(self, views: ViewBatch) -> Float[Tensor, "b p w"]:
        """Patch tokens of all views, view after view, row by row."""
        batch, count = views.rgb.shape[:2]
        origins = views.origins[:, :, None, None].expand_as(views.positions)
        pixels = [encode_positions(x, self.config.octaves) for x in (views.rgb, origins, views.positions)]
        seen = (views.alpha >= OPAQUE)[..., None]
        h = torch.where(seen, torch.cat(pixels, dim=-1), self.unknown)
        h = self.pixel_conv(h.flatten(0, 1).permute(0, 3, 1, 2))
        patches = self.patch_conv(h)
        return patches.flatten(2).transpose(1, 2).reshape(batch, count * patches[0, 0].numel(), -1)
