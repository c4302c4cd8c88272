"""A data set to latents: what `shapewright latents` does, and prior training where it finds none."""

import zlib
from collections import defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from shapewright.config import to_dict
from shapewright.dataset.loader import AssetRecord, digest_of_data, load_shard, read_index
from shapewright.encoder import ViewBatch
from shapewright.errors import ConfigError, DatasetError, ModelError
from shapewright.pipeline import Model, ModelConfig
from shapewright.pipeline.record_input import check_points, check_views
from shapewright.training.latent_shards import (
    LatentEntry,
    LatentFolder,
    LatentOrigin,
    begin_folder,
    finish_folder,
    read_folder,
    write_shard,
)
from shapewright.training.latents import captions_of_varied, measure_latents
from shapewright.training.variation import Augmentation, VariedAsset, draw_variation, varied
from shapewright.training.varied_views import varied_batch

__all__ = [
    "Advance",
    "LatentsConfig",
    "check_points",
    "credits_of",
    "digest_of_data",
    "encode_records",
    "make_latents",
]

# Assets in one pass of the encoder. Those of an encoder that sees views take gigabytes each.
BATCH_OF_POINTS, BATCH_OF_VIEWS = 32, 2

DTYPES = {"fp32": torch.float32, "fp16": torch.float16}
Advance = Callable[[int, int], None]


@dataclass(frozen=True, kw_only=True)
class LatentsConfig:
    """`draws` latents of every asset of the splits: the first of it as it is, the others varied.

    An encoder of views is shown the record's first views in the first draw, others at random after that.
    """

    draws: int = 1
    splits: tuple[Literal["train", "val"], ...] = ("train", "val")
    augmentation: Augmentation = field(default_factory=Augmentation)
    precision: Literal["fp32", "fp16"] = "fp32"
    seed: int = 0

    def __post_init__(self) -> None:
        if self.draws < 1:
            raise ConfigError(f"draws must be at least 1, got {self.draws}")
        if not self.splits or len(set(self.splits)) < len(self.splits):
            raise ConfigError(f"splits must be 'train', 'val' or both, got {list(self.splits)}")


@dataclass(frozen=True, kw_only=True)
class EncodingJob:
    """One shard to be made: some assets of one split, all from one shard of the data set."""

    file: str
    shard: Path
    entries: list[dict[str, Any]]


def make_latents(
    model: Model,
    named: str,
    data: Path,
    out: Path,
    config: LatentsConfig,
    *,
    progress: Advance | None = None,
) -> LatentFolder:
    """Encode the data set into the folder `out`, or go on where that was stopped.

    named: what the model is called or where it is, to be found again. progress(draws done, all draws).
    Raises: DatasetError for unusable data, or an `out` that holds latents of other things; ModelError for a
    model without an encoder; OutputError.
    """
    jobs = jobs_of(data, config)
    origin = LatentOrigin(
        model=named,
        model_sha256=model.sha256,
        encoder_sha256=model.encoder_sha256,
        data=str(data.resolve()),
        data_sha256=digest_of_data(data),
        settings=to_dict(config),
    )
    check_encoder(model.config)
    begin_folder(out, origin)
    total = config.draws * sum(len(job.entries) for job in jobs)
    done = 0
    for job in jobs:
        if not (out / job.file).is_file():
            records = load_shard(job.shard, job.entries)
            encode_shard(model, records, out / job.file, config, shifted(progress, done, total))
        done += config.draws * len(job.entries)
        if progress is not None:
            progress(done, total)
    files = [job.file for job in jobs]
    measured = [file for file in files if file.startswith("train-")] or files
    finish_folder(out, origin, files, measure_latents(out, measured))
    return read_folder(out)


def jobs_of(data: Path, config: LatentsConfig) -> list[EncodingJob]:
    """In the order of the data set. Raises: DatasetError if there is nothing to encode."""
    groups: dict[tuple[str, str], list[dict[str, Any]]] = defaultdict(list)
    for entry in read_index(data)["records"]:
        if entry["split"] in config.splits:
            groups[entry["split"], entry["shard"]].append(entry)
    if not groups:
        raise DatasetError(f"{data} holds no assets of the splits {', '.join(config.splits)} to encode.")
    return [
        EncodingJob(
            file=f"{split}-{Path(shard).stem.removeprefix('shard-')}.safetensors",
            shard=data / shard,
            entries=entries,
        )
        for (split, shard), entries in sorted(groups.items(), key=lambda group: group[0])
    ]


def encode_shard(
    model: Model, records: list[AssetRecord], path: Path, config: LatentsConfig, progress: Advance | None
) -> None:
    latents, entries = encode_records(model, records, config, progress=progress)
    write_shard(path, latents.to(DTYPES[config.precision]), entries, credits_of(records))


def encode_records(
    model: Model, records: list[AssetRecord], config: LatentsConfig, *, progress: Advance | None = None
) -> tuple[Float[Tensor, "m t c"], list[LatentEntry]]:
    """All draws of the records, fp32 on the CPU, asset after asset, and what each is of.

    A draw follows from the seed, its number and the asset's name, whatever else is encoded.
    Raises: DatasetError if the data set holds less of an asset than the encoder looks at.
    """
    encoder = check_encoder(model.config)
    size = BATCH_OF_POINTS if encoder.views is None else BATCH_OF_VIEWS
    waiting: list[tuple[VariedAsset, ViewBatch | None]] = []
    latents: list[Tensor] = []
    entries: list[LatentEntry] = []
    for record, asset, views in drawn(model.config, records, config):
        waiting.append((asset, views))
        texts = captions_of_varied(record, asset)
        entries.append(LatentEntry(asset=record.id, captions=texts, variation=asset.variation))
        if len(waiting) == size or len(entries) == config.draws * len(records):
            latents.append(encode(model, waiting))
            waiting.clear()
            if progress is not None:
                progress(len(entries), config.draws * len(records))
    return torch.cat(latents), entries


def drawn(
    model: ModelConfig, records: list[AssetRecord], config: LatentsConfig
) -> Iterator[tuple[AssetRecord, VariedAsset, ViewBatch | None]]:
    encoder = check_encoder(model)
    check_points(records, model.points)
    for record in records:
        views = None
        if encoder.views is not None:
            views = record.views()
            check_views(record, views, model)
        for draw in range(config.draws):
            rng = np.random.default_rng((config.seed, draw, zlib.crc32(record.id.encode())))
            change = config.augmentation if draw else Augmentation.none()
            variation = draw_variation(record, model.points, change, rng)
            asset = varied(record, slice(0, 1), model.points, variation)
            if views is None:
                yield record, asset, None
                continue
            count = len(views.cameras)
            shown = rng.permutation(count) if draw else np.arange(count)
            yield record, asset, varied_batch(views, shown[: model.views], variation)


@torch.inference_mode()
def encode(model: Model, assets: list[tuple[VariedAsset, ViewBatch | None]]) -> Float[Tensor, "b t c"]:
    device = next(model.autoencoder.parameters()).device
    encoder = check_encoder(model.config)
    points = views = None
    if encoder.points is not None:
        points = torch.from_numpy(np.stack([asset.points for asset, _ in assets])).to(device)
    if encoder.views is not None:
        batches = [batch for _, batch in assets if batch is not None]
        parts = {
            name: torch.cat([getattr(batch, name) for batch in batches]).to(device)
            for name in ("rgb", "alpha", "origins", "positions")
        }
        views = ViewBatch(**parts)
    return model.autoencoder.eval().encode(points, views).float().cpu()


def check_encoder(config: ModelConfig) -> Any:
    """The encoder's sizes. Raises: ModelError if there is no encoder."""
    if config.autoencoder.encoder is None:
        raise ModelError(f"The model '{config.name}' has no encoder: it cannot make latents of assets.")
    return config.autoencoder.encoder


def credits_of(records: list[AssetRecord]) -> dict[str, dict[str, str]]:
    """Of every asset: its name, its licence, who made it and where it is from."""
    return {
        record.id: {
            "name": record.name,
            "license": record.license,
            "creator": record.creator,
            "source": record.source,
        }
        for record in records
    }


def shifted(progress: Advance | None, before: int, total: int) -> Advance | None:
    """Draws of one shard as draws of all."""
    if progress is None:
        return None
    return lambda done, _: progress(before + done, total)
