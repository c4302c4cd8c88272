"""What a point model is told of a draw beside captions: features of a picture, or nothing.

Shapes: N records, V pictures of each, D numbers of a feature.
"""

import hashlib
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from shapewright.atomic_file import replacing
from shapewright.dataset.loader import AssetRecord
from shapewright.errors import DatasetError
from shapewright.pipeline.conditioners import PictureOptions, ready_picture
from shapewright.prior import Condition

__all__ = ["Nothing", "ViewFeatures", "encode_views"]

# one picture to features without a batch: (tokens, D), or (D,)
EncodePicture = Callable[[Image.Image], Tensor]


class Nothing:
    """For models that draw freely."""

    def draw(self, rows: np.ndarray, marks: np.ndarray) -> Condition:
        """No condition."""
        return Condition()


class ViewFeatures:
    """Features of one of a record's pictures: (N, V, tokens, D), or (N, V, D) for one vector of each."""

    def __init__(self, features: np.ndarray) -> None:
        self.features = features

    def draw(self, rows: np.ndarray, marks: np.ndarray) -> Condition:
        """Those of one picture of each entry's record, which its mark says."""
        records, views = self.features.shape[:2]
        seen = self.features[rows % records, (marks * views).astype(np.int64)]
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
