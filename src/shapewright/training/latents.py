"""Sets of latents, several varied draws of each asset, for a prior to learn from: in memory and from disk.

How they lie on disk is told in `training.latent_shards`.
"""

import hashlib
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import accumulate
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Float
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor

from shapewright.dataset.captions import (
    english_captions,
    names_color,
    sentences,
    subject_of,
    written_among,
)
from shapewright.dataset.colors import color_shares
from shapewright.dataset.loader import AssetRecord
from shapewright.dataset.names import nouns_of
from shapewright.dataset.shape_words import proportion_words, shape_words
from shapewright.errors import DatasetError
from shapewright.prior.statistics import LatentStatistics
from shapewright.training.latent_shards import (
    INDEX,
    LatentEntry,
    LatentOrigin,
    Shard,
    begin_folder,
    finish_folder,
    has_index,
    read_folder,
    read_shard,
    read_statistics,
    write_shard,
)
from shapewright.training.variation import Variation, VariedAsset

__all__ = [
    "LatentSet",
    "captions_of_varied",
    "load_latents",
    "measure_latents",
    "save_latents",
    "statistics_of",
]

OLD_FILES = ("latents.safetensors", "latents.json")


@dataclass(frozen=True, kw_only=True, eq=False)
class LatentRows:
    """Latents (M, T, C) in parts, which may be mapped from files and in half precision."""

    parts: tuple[Float[Tensor, "_ t c"], ...]

    @cached_property
    def ends(self) -> np.ndarray:
        """Of each part, how many latents there are up to its end."""
        return np.array(list(accumulate(len(part) for part in self.parts)))

    def rows(self, indices: np.ndarray) -> Float[Tensor, "b t c"]:
        """These latents, fp32."""
        where = np.searchsorted(self.ends, indices, side="right")
        starts = np.concatenate([[0], self.ends])
        picked = [self.parts[w][int(i - starts[w])] for w, i in zip(where, indices, strict=True)]
        return torch.stack(picked).float()


class LatentSet:
    """M latents (T, C), the asset each is of, the texts that describe it, and how the asset was varied.

    `variations` is None where that was not kept (sets in the form before shards). `shards` are the files
    that the latents are from, in order, if they are from files.
    """

    def __init__(
        self,
        *,
        latents: Float[Tensor, "m t c"] | Sequence[Float[Tensor, "_ t c"]],
        assets: list[str],
        captions: list[list[str]],
        variations: list[Variation] | None = None,
        shards: Sequence[Shard] = (),
        digest: str | None = None,
    ) -> None:
        self._rows = LatentRows(parts=(latents,) if isinstance(latents, Tensor) else tuple(latents))
        self.assets, self.captions, self.variations = assets, captions, variations
        self.shards, self._digest = tuple(shards), digest
        assert len(self._rows.parts) > 0, "a set of latents holds some"
        assert self._rows.ends[-1] == len(assets) == len(captions), "every latent is of an asset"
        assert variations is None or len(variations) == len(assets), "and each has its variation"

    def __len__(self) -> int:
        return len(self.assets)

    @property
    def shape(self) -> tuple[int, int]:
        """Tokens and channels of each."""
        tokens, channels = self._rows.parts[0].shape[1:]
        return tokens, channels

    @property
    def latents(self) -> Float[Tensor, "m t c"]:
        """All of them in memory, fp32."""
        return torch.cat([part.float() for part in self._rows.parts])

    def rows(self, indices: np.ndarray) -> Float[Tensor, "b t c"]:
        """These of them, fp32; only they are read."""
        return self._rows.rows(indices)

    def batches(self) -> Iterator[Float[Tensor, "_ t c"]]:
        """All of them, part after part."""
        yield from self._rows.parts

    @property
    def digest(self) -> str:
        """Differs from that of any other set."""
        if self._digest is not None:
            return self._digest
        return hashlib.sha256(self.latents.numpy().tobytes()).hexdigest()


def save_latents(
    latents: LatentSet, folder: Path, origin: LatentOrigin, credits: dict[str, dict[str, str]]
) -> None:
    """Write a set that was made in memory, as the only shard; what stands in `folder` is replaced.

    credits: name, licence, creator and source of every asset. Raises: OutputError.
    """
    file = "train-00000.safetensors"
    for old in (INDEX, file, *OLD_FILES):
        (folder / old).unlink(missing_ok=True)
    begin_folder(folder, origin)
    described = zip(
        latents.assets, latents.captions, latents.variations or [Variation()] * len(latents), strict=True
    )
    entries = [
        LatentEntry(asset=asset, captions=texts, variation=variation) for asset, texts, variation in described
    ]
    write_shard(folder / file, latents.latents, entries, credits)
    finish_folder(folder, origin, [file], measure_latents(folder, [file]))


def load_latents(folder: Path, split: str = "train") -> LatentSet:
    """The latents of one split, mapped from their files.

    Raises: DatasetError if the folder holds no complete set of latents, or none of the split.
    """
    if not has_index(folder):
        return load_old(folder, split)
    shards = [shard for shard in read_folder(folder).shards if shard.split == split]
    if not shards:
        raise DatasetError(f"{folder} holds no latents of the split '{split}'.")
    contents = [read_shard(folder / shard.file) for shard in shards]
    entries = [entry for content in contents for entry in content.entries]
    digest = hashlib.sha256("".join(shard.sha256 for shard in shards).encode()).hexdigest()
    return LatentSet(
        latents=[content.latents for content in contents],
        assets=[entry.asset for entry in entries],
        captions=[entry.captions for entry in entries],
        variations=[entry.variation for entry in entries],
        shards=shards,
        digest=digest,
    )


def load_old(folder: Path, split: str) -> LatentSet:
    """A set in the form before shards, which held training draws only."""
    try:
        tensors = load_file(folder / OLD_FILES[0])
        described = json.loads((folder / OLD_FILES[1]).read_text(encoding="utf-8"))
        latents = LatentSet(
            latents=tensors["latents"], assets=described["assets"], captions=described["captions"]
        )
    except (OSError, KeyError, TypeError, ValueError, AssertionError, SafetensorError) as error:
        raise DatasetError(
            f"{folder} holds no usable latents ({error}); make them with 'shapewright latents'."
        ) from error
    if split != "train":
        raise DatasetError(f"{folder} holds no latents of the split '{split}'.")
    return latents


def measure_latents(folder: Path, files: Sequence[str]) -> LatentStatistics:
    """Mean and spread of the latents in these shards."""
    return LatentStatistics.measure(read_shard(folder / file).latents for file in files)


def statistics_of(folder: Path, *, clip: float) -> LatentStatistics:
    """Those that stand beside the latents, with this bound. Raises: DatasetError."""
    if not has_index(folder):
        return LatentStatistics.measure(load_old(folder, "train").batches(), clip=clip)
    return replace(read_statistics(folder), clip=clip)


def captions_of_varied(record: AssetRecord, asset: VariedAsset) -> list[str]:
    """What a build would say in English of the asset as it is varied, the captions that people wrote first.

    Shape words are measured on it as it is stretched; those that follow from its real size are left out then.
    If it is recoloured, only texts that name a colour: whoever asks for a tree wants no blue one. Nothing is
    said of an asset of which nothing is said in English.
    """
    if not record.texts("en"):
        return []
    shares = color_shares(asset.points[:, 3:]) if asset.recolored else record.color_shares
    subject = subject_of(
        record.name, record.tags, shares, record.material, shapes_of_varied(record, asset.variation)
    )
    if not asset.recolored:
        written = written_among(record.texts("en"), record.nouns)
        return [caption["text"] for caption in english_captions(subject, written)]
    texts = sentences(subject)
    return [text for text in texts if names_color(text)] or texts


def shapes_of_varied(record: AssetRecord, variation: Variation) -> tuple[str, ...]:
    """Measured before anything is turned: an outline fills its rectangle only along the axes."""
    nouns, positions = nouns_of(record.name, record.tags), record.points[:, :3]
    if variation.factors is None:
        return shape_words(positions, record.name, nouns, record.dimensions_m)
    height_m = None if record.dimensions_m is None else record.dimensions_m[2] * variation.factors[2]
    return proportion_words(positions * np.array(variation.factors), nouns, height_m)
