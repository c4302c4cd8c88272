"""What a model is fine-tuned on: a folder of one's own 3D models, or a data set, and what they are called."""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from shapewright.dataset.assets import Asset
from shapewright.dataset.build import build_dataset
from shapewright.dataset.captions import written_among
from shapewright.dataset.folder import read_folder
from shapewright.dataset.loader import AssetRecord
from shapewright.dataset.recipes import DataRecipe
from shapewright.engine import open_engine
from shapewright.errors import CheckpointError, DatasetError
from shapewright.pipeline import ModelConfig
from shapewright.training.runs import training_records

__all__ = ["Material", "Working", "data_recipe", "read_material", "sees_views"]

Working = Callable[[str, int, int], None]  # what is being done, how much of it is done, of how much


@dataclass(frozen=True, kw_only=True)
class Material:
    """The assets and, by their ids, what each is called; `skipped` could not be used, for these reasons."""

    records: list[AssetRecord]
    captions: dict[str, list[str]]
    skipped: dict[str, str] = field(default_factory=dict)


def read_material(
    folder: Path, run: Path, config: ModelConfig, *, workers: int = 1, working: Working | None = None
) -> Material:
    """The training assets of a data set, or of a folder of models, which is first built into RUN/data.

    An asset with written captions is called by these alone; others by sentences made of their file's name.
    Raises: DatasetError for a folder without usable models; CheckpointError if RUN is of other models.
    """
    if (folder / "index.json").is_file():
        records = training_records(folder)
        return Material(records=records, captions={record.id: captions_of(record) for record in records})
    assets = read_folder(folder)
    check_same_models(assets, run)
    with open_engine("local", workers=workers) as engine:
        summary = build_dataset(assets, data_recipe(config), run / "data", engine=engine, progress=working)
    if not summary.records:
        reasons = "; ".join(f"{name}: {reason}" for name, reason in summary.skipped.items())
        raise DatasetError(f"None of the models in {folder} can be used ({reasons})")
    records = training_records(run / "data")
    written = {asset.id: list(asset.captions) for asset in assets}  # the newest; data keep those of their day
    captions = {record.id: written[record.id] or made_captions(record) for record in records}
    return Material(records=records, captions=captions, skipped=summary.skipped)


def data_recipe(config: ModelConfig) -> DataRecipe:
    """What the model needs of every asset. None is held back: there are few, and all are wanted."""
    seen = sees_views(config)
    return DataRecipe(
        name="finetune",
        points=config.points,
        views=config.views if seen else 1,
        view_size_px=config.view_size_px if seen else 128,
        targets=16384,
        assets_per_shard=4,
        validation_share=0.0,
    )


def sees_views(config: ModelConfig) -> bool:
    """Whether the encoder or the prior looks at pictures of an asset."""
    encoder = config.autoencoder.encoder
    return config.image is not None or (encoder is not None and encoder.views is not None)


def check_same_models(assets: list[Asset], run: Path) -> None:
    """Remember what is in the mesh files, or compare: a build knows them by their names alone."""
    digest = hashlib.sha256()
    for asset in assets:
        digest.update(asset.id.encode() + hashlib.sha256(asset.path.read_bytes()).digest())
    mark = run / "models.sha256"
    if mark.is_file() and mark.read_text().strip() != digest.hexdigest():
        raise CheckpointError(f"{run} was begun with other 3D models; choose another folder for --out.")
    mark.parent.mkdir(parents=True, exist_ok=True)
    mark.write_text(digest.hexdigest() + "\n")


def captions_of(record: AssetRecord) -> list[str]:
    """Those that people wrote, or else all that were made."""
    return written_among(record.texts("en"), record.nouns) or made_captions(record)


def made_captions(record: AssetRecord) -> list[str]:
    texts = record.texts("en")
    return texts[len(written_among(texts, record.nouns)) :]
