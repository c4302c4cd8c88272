"""Views as conditions: their features by a frozen image encoder, kept on disk or computed as they are needed.

Shapes: M latents, V views of each, N image tokens, D their width.
"""

import hashlib
import json
import zlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Bool, Float
from PIL import Image
from safetensors.torch import save_file
from torch import Tensor

from shapewright.atomic_file import replacing
from shapewright.conditioning.clip import ImageConditioner
from shapewright.conditioning.pictures import object_square
from shapewright.dataset.loader import ViewLibrary
from shapewright.dataset.views import Views
from shapewright.errors import ConfigError, DatasetError
from shapewright.prior import Condition
from shapewright.training.conditions import Conditions
from shapewright.training.latent_shards import Shard, open_shard
from shapewright.training.latents import LatentSet
from shapewright.training.variation import Variation
from shapewright.training.varied_views import shows_something, varied_picture

__all__ = ["StoredViews", "ViewConditionsConfig", "ViewsAsNeeded", "view_conditions"]

# Pictures in one pass of the image encoder.
PICTURES_AT_ONCE = 16
BYTES_PER_NUMBER = 2
GIB = 2**30


@dataclass(frozen=True, kw_only=True)
class ViewConditionsConfig:
    """Which views a prior is shown. `views` of each latent, at most, drawn once; None: all of the data set.

    Their features are stored beside the latents, unless they would take more than `most_gib` (GiB, ViT-L/14:
    0.5 MiB a view): then each is computed anew whenever it is drawn.
    """

    views: int | None = None
    most_gib: float = 100.0

    def __post_init__(self) -> None:
        if self.views is not None and self.views < 1:
            raise ConfigError(f"views must be at least 1, or null for all, got {self.views}")
        if not self.most_gib >= 0:
            raise ConfigError(f"most_gib must not be negative, got {self.most_gib}")


def view_conditions(
    latents: LatentSet,
    folder: Path,
    data: Path,
    encoder: ImageConditioner,
    encoder_digest: str,
    config: ViewConditionsConfig,
    *,
    progress: Callable[[int, int], None] | None = None,
) -> Conditions:
    """Stored features of the set in `folder`, made first where they are missing; or views as they are needed.

    data: the data set that the latents are of. encoder_digest: says which encoder it is.
    Raises: DatasetError if the set does not say how its assets were varied, or another data set is given.
    """
    if latents.variations is None or not latents.shards:
        raise DatasetError(
            f"The latents in {folder} do not say how their assets were varied, so no view of them can be "
            "shown: make them again with 'shapewright latents'."
        )
    pictures = PictureSource(latents, ViewLibrary(data), config.views)
    tokens, width = encoder.encode([Image.new("RGB", (64, 64), "white")]).shape[1:]
    needed = len(latents) * pictures.count * tokens * width * BYTES_PER_NUMBER
    if needed > config.most_gib * GIB:
        return ViewsAsNeeded(pictures, encoder)
    stored = folder / f"views-{key_of(latents, encoder_digest, config)[:16]}"
    store_features(latents.shards, pictures, encoder, stored, progress)
    return StoredViews([stored / shard.file for shard in latents.shards], latents)


def key_of(latents: LatentSet, encoder_digest: str, config: ViewConditionsConfig) -> str:
    """Of features: by which encoder, of which assets, varied how. What is said of them is another matter."""
    assert latents.variations is not None
    shown = [[asset, made.plain()] for asset, made in zip(latents.assets, latents.variations, strict=True)]
    return hashlib.sha256(json.dumps([shown, encoder_digest, config.views]).encode()).hexdigest()


class PictureSource:
    """The pictures of every latent's asset as it was varied, ready for the encoder."""

    def __init__(self, latents: LatentSet, library: ViewLibrary, most: int | None) -> None:
        assert latents.variations is not None
        self.assets, self.variations, self.library, self.most = (
            latents.assets,
            latents.variations,
            library,
            most,
        )

    @cached_property
    def count(self) -> int:
        """Views that may be shown of each latent."""
        there = len(self.library.views(self.assets[0]).cameras)
        return there if self.most is None else min(self.most, there)

    def chosen(self, row: int, there: int) -> np.ndarray:
        """(V,) the views of latent `row` that may be shown: the same at every call."""
        asset = zlib.crc32(self.assets[row].encode())
        order = np.random.default_rng((asset, row)).permutation(there)
        return np.sort(order[: self.count])

    def picture(self, views: Views, row: int, view: int) -> Image.Image | None:
        """As `Pipeline.generate` makes pictures ready; None where nothing is to be seen."""
        if not shows_something(views, view):
            return None
        variation: Variation = self.variations[row]
        return object_square(varied_picture(views, view, variation))


def store_features(
    shards: Sequence[Shard],
    pictures: PictureSource,
    encoder: ImageConditioner,
    folder: Path,
    progress: Callable[[int, int], None] | None,
) -> None:
    """One file of features per shard of latents; those that are there already are kept."""
    total, done = sum(shard.latents for shard in shards), 0
    for shard in shards:
        if not (folder / shard.file).is_file():
            rows = range(done, done + shard.latents)
            features = [features_of(row, pictures, encoder) for row in rows]
            with replacing(folder / shard.file) as temporary:
                tensors = {
                    "features": torch.stack([tokens for tokens, _ in features]),
                    "shown": torch.stack([shown for _, shown in features]),
                }
                save_file(tensors, temporary)
        done += shard.latents
        if progress is not None:
            progress(done, total)


def features_of(
    row: int, pictures: PictureSource, encoder: ImageConditioner
) -> tuple[Float[Tensor, "v n d"], Bool[Tensor, " v"]]:
    """Features of all views of one latent, half precision, and which of them show something.

    Raises: DatasetError if none does.
    """
    views = pictures.library.views(pictures.assets[row])
    chosen = pictures.chosen(row, len(views.cameras))
    found = [pictures.picture(views, row, int(view)) for view in chosen]
    blank = Image.new("RGB", (64, 64), "white")
    ready = [blank if picture is None else picture for picture in found]
    if all(picture is None for picture in found):
        raise nothing_to_see(pictures.assets[row])
    parts = [encoder.encode(ready[i : i + PICTURES_AT_ONCE]) for i in range(0, len(ready), PICTURES_AT_ONCE)]
    return torch.cat(parts).half().cpu(), torch.tensor([picture is not None for picture in found])


class StoredViews:
    """One of its views for each latent, by features mapped from disk."""

    def __init__(self, files: Sequence[Path], latents: LatentSet) -> None:
        contents = [open_shard(path)[0] for path in files]
        self.parts = [content["features"] for content in contents]
        self.shown = torch.cat([content["shown"] for content in contents]).numpy()
        self.ends = np.cumsum([len(part) for part in self.parts])
        assert len(self.shown) == len(latents), "features belong to a set of latents"

    def draw(self, rows: np.ndarray, marks: np.ndarray) -> Condition:
        """Only the features that are drawn are read."""
        tokens: list[Tensor] = []
        for row, mark in zip(rows, marks, strict=True):
            shown = np.flatnonzero(self.shown[row])
            tokens.append(self.tokens(int(row), int(shown[int(mark * len(shown))])))
        return Condition(image_tokens=torch.stack(tokens).float())

    def tokens(self, row: int, view: int) -> Float[Tensor, "n d"]:
        part = int(np.searchsorted(self.ends, row, side="right"))
        first = int(self.ends[part - 1]) if part else 0
        return self.parts[part][row - first, view]


class ViewsAsNeeded:
    """One of its views for each latent, read and encoded when it is drawn."""

    def __init__(self, pictures: PictureSource, encoder: ImageConditioner) -> None:
        self.pictures, self.encoder = pictures, encoder

    def draw(self, rows: np.ndarray, marks: np.ndarray) -> Condition:
        """Raises: DatasetError if no view of an asset shows anything."""
        drawn = [self.drawn(int(row), float(mark)) for row, mark in zip(rows, marks, strict=True)]
        return Condition(image_tokens=self.encoder.encode(drawn).float().cpu())

    def drawn(self, row: int, mark: float) -> Image.Image:
        views = self.pictures.library.views(self.pictures.assets[row])
        chosen = self.pictures.chosen(row, len(views.cameras))
        shown = [int(view) for view in chosen if shows_something(views, int(view))]
        if not shown:
            raise nothing_to_see(self.pictures.assets[row])
        picture = self.pictures.picture(views, row, shown[int(mark * len(shown))])
        assert picture is not None, "it shows something"
        return picture


def nothing_to_see(asset: str) -> DatasetError:
    return DatasetError(f"No view of '{asset}' shows anything: leave that asset out of the data set.")
