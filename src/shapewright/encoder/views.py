"""The view branch: pictures with per-pixel positions as patch tokens.

Shapes: B assets, V views, H x W pixels, P patches of one view.
"""

import torch
from jaxtyping import Float
from torch import Tensor, nn

from shapewright.encoder.config import ViewBranchConfig
from shapewright.nn.positional_encoding import encode_positions, encoded_width

__all__ = ["PIXELS_AT_ONCE", "ViewBatch", "ViewEmbedding"]

OPAQUE = 0.999
# Views are embedded a few at a time: the encoded pixels of 20 of 256 x 256 would take 6 GB at once.
PIXELS_AT_ONCE = 2**16


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
        batch, count, height, width = views.alpha.shape
        origins = views.origins[:, :, None, None].expand_as(views.positions)
        parts = (views.rgb, origins, views.positions, views.alpha[..., None])
        at_once = max(1, PIXELS_AT_ONCE // (height * width))
        groups = zip(*(part.flatten(0, 1).split(at_once) for part in parts), strict=True)
        patches = torch.cat([self.patches(*group) for group in groups])
        return patches.reshape(batch, count * patches.shape[1], -1)

    def patches(
        self,
        rgb: Float[Tensor, "v h w 3"],
        origins: Float[Tensor, "v h w 3"],
        positions: Float[Tensor, "v h w 3"],
        alpha: Float[Tensor, "v h w 1"],
    ) -> Float[Tensor, "v p f"]:
        """Patch tokens of each view, row by row."""
        pixels = [encode_positions(x, self.config.octaves) for x in (rgb, origins, positions)]
        h = torch.where(alpha >= OPAQUE, torch.cat(pixels, dim=-1), self.unknown)
        h = self.patch_conv(self.pixel_conv(h.permute(0, 3, 1, 2)))
        return h.flatten(2).transpose(1, 2)
