"""What a point model is told of a draw: one vector of a caption, features of a picture, or nothing.

Shapes: N records, V pictures of each, D numbers of a feature.
"""

import hashlib
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Protocol, runtime_checkable

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from shapewright.atomic_file import replacing
from shapewright.conditioning import TextConditioner, TextFeatures
from shapewright.dataset.loader import AssetRecord
from shapewright.errors import DatasetError
from shapewright.pipeline.conditioners import PictureOptions, ready_picture
from shapewright.prior import Condition
from shapewright.training.objectives.denoising import CaptionFeatures, caption_bounds

__all__ = ["CaptionVectors", "Conditions", "Nothing", "ViewFeatures", "encode_views"]

# one picture to features without a batch: (tokens, D), or (D,)
EncodePicture = Callable[[Image.Image], Tensor]


@runtime_checkable
class Conditions(Protocol):
    """Conditions of the entries of `PointDraws`, drawn at random where there are several."""

    def draw(self, entries: np.ndarray, rng: np.random.Generator) -> Condition: ...


class Nothing:
    """For models that draw freely."""

    def draw(self, entries: np.ndarray, rng: np.random.Generator) -> Condition:
        """No condition."""
        return Condition()


class CaptionVectors:
    """One of each entry's captions, as `objectives.denoising` draws them, by its one vector."""

    def __init__(
        self, captions: list[list[str]], conditioner: TextConditioner, *, sharing: float = 0.0
    ) -> None:
        self.captions, self.bounds = captions, caption_bounds(captions, sharing)
        texts = [text for own in captions for text in own]
        self.features = CaptionFeatures(texts, VectorsOnly(conditioner))

    def draw(self, entries: np.ndarray, rng: np.random.Generator) -> Condition:
        """A caption of each entry."""
        texts = [self.captions[i][int(np.searchsorted(self.bounds[i], rng.random()))] for i in entries]
        return Condition(text_pooled=self.features.condition(texts).text_pooled)


class VectorsOnly:
    """A text encoder of which only the vectors are wanted: one column of tokens is kept of all."""

    max_tokens = 1

    def __init__(self, conditioner: TextConditioner) -> None:
        self.conditioner = conditioner

    @property
    def width_pooled(self) -> int:
        return self.conditioner.width_pooled

    @property
    def width_tokens(self) -> int:
        return self.conditioner.width_tokens

    def encode(self, prompts: Sequence[str]) -> TextFeatures:
        """As of the encoder itself. Raises: PromptError."""
        features = self.conditioner.encode(prompts)
        return TextFeatures(pooled=features.pooled, tokens=features.tokens[:, :1], mask=features.mask[:, :1])


class ViewFeatures:
    """Features of one of a record's pictures: (N, V, tokens, D), or (N, V, D) for one vector of each."""

    def __init__(self, features: np.ndarray) -> None:
        self.features = features

    def draw(self, entries: np.ndarray, rng: np.random.Generator) -> Condition:
        """Those of a random picture of each entry's record."""
        records, views = self.features.shape[:2]
        seen = self.features[entries % records, rng.integers(views, size=len(entries))]
        told = torch.from_numpy(seen.astype(np.float32))
        return Condition(image_tokens=told) if told.ndim == 3 else Condition(text_pooled=told)


def encode_views(
    records: list[AssetRecord],
    encode: EncodePicture,
    views: int,
    folder: Path,
    *,
    key: str,
    progress: Callable[[int, int], None] | None = None,
) -> np.ndarray:
    """Features of each record's first `views` pictures, made ready as by `generate`; kept in `folder`.

    They are in half precision in a file that is read as it is needed (a picture under ViT-L/14 takes 0.5 MB
    of it), made once for a `key`, which stands for the records and the encoder. Raises: DatasetError.
    """
    name = hashlib.sha256(f"{key} {views}".encode()).hexdigest()[:16]
    path = folder / f"views-{name}.npy"
    if not path.is_file():
        with replacing(path) as temporary:
            write_features(temporary, records, encode, views, progress)
    return np.load(path, mmap_mode="r")


def write_features(
    path: Path,
    records: list[AssetRecord],
    encode: EncodePicture,
    views: int,
    progress: Callable[[int, int], None] | None,
) -> None:
    """Record by record into an .npy file, never all in memory. Raises: DatasetError."""
    file: np.memmap | None = None
    for index, record in enumerate(records):
        features = features_of(record, encode, views)
        if file is None:
            shape = (len(records), *features.shape)
            file = np.lib.format.open_memmap(path, mode="w+", dtype=np.float16, shape=shape)
        file[index] = features
        if progress is not None:
            progress(index + 1, len(records))
    assert file is not None, "no records, no features"
    file.flush()


def features_of(record: AssetRecord, encode: EncodePicture, views: int) -> np.ndarray:
    """(V, tokens, D) or (V, D) float16. Raises: DatasetError if there are fewer pictures."""
    images = record.views().images
    if len(images) < views:
        raise DatasetError(
            f"The recipe looks at {views} pictures of an asset but '{record.id}' has {len(images)}: build "
            "the data with more, or set views lower."
        )
    ready = [ready_picture(Image.fromarray(image), PictureOptions()) for image in images[:views]]
    return torch.stack([encode(picture) for picture in ready]).half().cpu().numpy()
