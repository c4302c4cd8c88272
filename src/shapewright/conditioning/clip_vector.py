"""CLIP's one vector of a picture, the twin of its text vector: what base40M-imagevec of Point-E takes."""

from collections.abc import Sequence
from pathlib import Path

import torch
from jaxtyping import Float
from PIL import Image
from torch import Tensor
from torch.nn import functional as F

from shapewright.conditioning.clip import clip_pixels, load_tower

__all__ = ["ClipImageVector"]


class ClipImageVector:
    """Projected, L2-normalised image embeddings. `source` is a folder or a hub id.

    Raises: ModelError if it cannot be loaded.
    """

    def __init__(
        self, source: str | Path, *, subfolder: str = "", device: torch.device | str = "cpu"
    ) -> None:
        from transformers.models.clip.modeling_clip import CLIPVisionModelWithProjection

        self._model = load_tower(CLIPVisionModelWithProjection, source, subfolder, device)

    @property
    def width_pooled(self) -> int:
        return self._model.visual_projection.out_features

    @torch.no_grad()
    def encode(self, pictures: Sequence[Image.Image]) -> Float[Tensor, "b p"]:
        """ViT-L/14: (B, 768), fp32. Raises: ImageError."""
        size_px = self._model.config.image_size
        assert isinstance(size_px, int), "CLIP's pictures are square"
        pixels = torch.stack([clip_pixels(picture, size_px) for picture in pictures])
        out = self._model(pixel_values=pixels.to(self._model.device, self._model.dtype))
        return F.normalize(out.image_embeds.float(), dim=-1)
