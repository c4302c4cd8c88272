"""The encoder's suite: every asset's reconstruction measured, and written down as soon as it is."""

import json
import zlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
from PIL import Image

from shapewright.atomic_file import replacing
from shapewright.config import from_dict, to_dict
from shapewright.dataset.loader import AssetRecord, digest_of_data
from shapewright.errors import ConfigError, OutputError
from shapewright.evaluation.chosen import ChosenRecord, chosen_records
from shapewright.evaluation.lpips import Lpips
from shapewright.evaluation.reconstruction import Comparison, Reconstruction, compare, reconstruct
from shapewright.pipeline import Pipeline
from shapewright.render.turntable import to_uint8

__all__ = ["ASSETS_FILE", "AssetResult", "EncoderConfig", "EncoderSuite", "Progress"]

ASSETS_FILE = "assets.jsonl"
Progress = Callable[[int, int, str], None]


@dataclass(frozen=True, kw_only=True)
class EncoderConfig:
    """At most so many assets of each split (a fixed random draw), and views of each.

    `refine`: measure them also with latents refined in so many steps; 0 leaves that out.
    """

    assets: int = 40
    splits: tuple[Literal["train", "val"], ...] = ("val", "train")
    views: int = 3
    nerf_views: int = 1
    refine: int = 0

    def __post_init__(self) -> None:
        if min(self.assets, self.views, self.nerf_views) < 1 or self.refine < 0:
            raise ConfigError(
                "assets, views and nerf_views must be at least 1 and refine not negative; got "
                f"{self.assets}, {self.views}, {self.nerf_views} and {self.refine}."
            )
        if not self.splits or len(set(self.splits)) < len(self.splits):
            raise ConfigError(f"splits must be 'train', 'val' or both, got {list(self.splits)}.")


@dataclass(frozen=True, kw_only=True)
class AssetResult:
    """An asset's figures, also with the refined latent, and where its pictures are.

    pictures: side by side on black, beside the figures' file: truth, mesh, NeRF and, if refined, that mesh.
    """

    id: str
    split: str
    name: str
    category: str
    figures: Reconstruction
    refined: Reconstruction | None
    pictures: str


class EncoderSuite:
    """One model's assets: which are to be measured, and which were, here or in an earlier run.

    out: the folder whose file assets.jsonl grows by a line with each asset; lines of other models, data or
    settings may stand there too. Raises: DatasetError for an unusable data set; OutputError for `out`.
    """

    def __init__(
        self, pipeline: Pipeline, data: Path, config: EncoderConfig, out: Path, lpips: Lpips | None = None
    ) -> None:
        self.pipeline, self.config, self.out, self.lpips = pipeline, config, out, lpips
        self.chosen = chosen_records(data, config.splits, config.assets)
        self.settings = {
            "model_sha256": pipeline.model.sha256,
            "data_sha256": digest_of_data(data),
            "views": config.views,
            "nerf_views": config.nerf_views,
            "refine": config.refine,
            "lpips": lpips is not None,
        }
        self.found = read_results(out, self.settings)

    @property
    def missing(self) -> list[ChosenRecord]:
        """What is left to measure."""
        return [record for record in self.chosen if record.id not in self.found]

    def measure(self, progress: Progress | None = None) -> list[AssetResult]:
        """All assets in the order of the draw. progress(done, all, the asset's name)."""
        for record in self.missing:
            if progress is not None:
                progress(len(self.chosen) - len(self.missing), len(self.chosen), record.entry["name"])
            self.found[record.id] = self.measure_one(record.load())
        return [self.found[record.id] for record in self.chosen]

    def measure_one(self, record: AssetRecord) -> AssetResult:
        """Measure and write down."""
        plain = self.compared(record, refine=0)
        refined = self.compared(record, refine=self.config.refine) if self.config.refine else None
        strip = [plain.truth, plain.mesh, plain.nerf, *([refined.mesh] if refined else [])]
        result = AssetResult(
            id=record.id,
            split=record.split,
            name=record.name,
            category=record.category,
            figures=plain.figures,
            refined=refined.figures if refined else None,
            pictures=self.save_pictures(record.id, strip),
        )
        append_line(self.out / ASSETS_FILE, {"settings": self.settings, **to_dict(result)})
        return result

    def compared(self, record: AssetRecord, *, refine: int) -> Comparison:
        sizes = {"views": self.config.views, "nerf_views": self.config.nerf_views}
        asset = reconstruct(self.pipeline, record, refine=refine, compared=max(sizes.values()))
        return compare(asset, record, self.pipeline.model.config, **sizes, lpips=self.lpips)

    def save_pictures(self, asset: str, strip: Sequence[np.ndarray]) -> str:
        """Where they are, seen from `out`; a name of what they hang on, so that other runs keep theirs."""
        number = zlib.crc32(json.dumps([asset, self.settings]).encode())
        name = f"pictures/{number:08x}.png"
        with replacing(self.out / name) as temporary:
            Image.fromarray(to_uint8(np.concatenate(strip, axis=1))).save(temporary)
        return name


def append_line(path: Path, value: dict[str, Any]) -> None:
    """Raises: OutputError."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("a", encoding="utf-8") as file:
            file.write(json.dumps(value, ensure_ascii=False) + "\n")
    except OSError as error:
        raise OutputError(f"Cannot write '{path}': {error.strerror or error}.") from error


def read_results(out: Path, settings: dict[str, Any]) -> dict[str, AssetResult]:
    """By the asset's name, those that were measured with the settings and whose pictures are there.

    A last line that is not whole is what a run that was killed left behind; it is taken away.
    Raises: OutputError if the file was not written by this suite.
    """
    path = out / ASSETS_FILE
    if not path.is_file():
        return {}
    text = path.read_text(encoding="utf-8")
    whole, _, rest = text.rpartition("\n")
    if rest:
        with replacing(path) as temporary:
            temporary.write_text(whole + "\n" if whole else "", encoding="utf-8")
    try:
        lines = [json.loads(line) for line in whole.splitlines()]
        results = [from_dict(AssetResult, line) for line in lines if line.pop("settings") == settings]
    except (ValueError, KeyError, TypeError, AttributeError, ConfigError) as error:
        raise OutputError(
            f"'{path}' does not hold figures of assets as `evaluate encoder` writes them ({error}): "
            "give another folder, or delete it."
        ) from error
    return {result.id: result for result in results if (out / result.pictures).is_file()}
