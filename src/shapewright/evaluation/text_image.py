"""Models that put texts and pictures into one space, where what belongs together is near: CLIP is one.

Shapes: N texts or pictures, D numbers of an embedding.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Protocol, runtime_checkable

import numpy as np
import torch
from PIL import Image

from shapewright.pipeline.clip_source import load_clip_text, load_clip_vector

__all__ = ["Clip", "TextImageModel"]

PICTURES_AT_ONCE = 16


@runtime_checkable
class TextImageModel(Protocol):
    """Embeddings are (N, D) float32 of unit length."""

    @property
    def name(self) -> str:
        """What results are reported under."""
        ...

    def embed_texts(self, texts: Sequence[str]) -> np.ndarray: ...

    def embed_pictures(self, pictures: Sequence[Image.Image]) -> np.ndarray: ...


class Clip:
    """Any CLIP: a folder with weights and tokenizer, or a hub name. The paper's are ViT-B/32 and ViT-L/14.

    Raises: ModelError if it cannot be loaded.
    """

    def __init__(self, source: str, *, device: torch.device | str = "cpu") -> None:
        # a relative folder is the user's, not one inside a model's
        place = str(Path(source).expanduser().resolve()) if Path(source).expanduser().is_dir() else source
        self._text = load_clip_text(place, None, torch.device(device))
        self._image = load_clip_vector(place, None, torch.device(device))
        self.name = f"CLIP {Path(source).name}"

    def embed_texts(self, texts: Sequence[str]) -> np.ndarray:
        """Raises: PromptError."""
        return self._text.encode(list(texts)).pooled.float().cpu().numpy()

    def embed_pictures(self, pictures: Sequence[Image.Image]) -> np.ndarray:
        """Raises: ImageError."""
        parts = [
            self._image.encode(pictures[start : start + PICTURES_AT_ONCE])
            for start in range(0, len(pictures), PICTURES_AT_ONCE)
        ]
        return torch.cat(parts).float().cpu().numpy()
