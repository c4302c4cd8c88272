"""Clouds of one size from either rival, and what they are worth beside real ones.

Shapes: N samples, K points, C channels (x, y, z in about [-1, 1], then sRGB in [0, 1]). A latent whose field
has no surface gives a cloud of zeros: all its points in one place.
"""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

from shapewright.dataset.loader import AssetRecord
from shapewright.errors import EmptySurfaceError
from shapewright.evaluation.generation_metrics import chamfer_distances, set_distance
from shapewright.evaluation.prompts import HOUSEHOLD_PROMPTS
from shapewright.evaluation.reconstruction import surface_samples
from shapewright.evaluation.samples import has_color, is_called
from shapewright.pipeline import Pipeline
from shapewright.pointe import PointPrior
from shapewright.prior import Condition, LatentStatistics, Prior, SamplerConfig, sample

__all__ = [
    "Obedience",
    "Real",
    "Wish",
    "clouds_of_latents",
    "clouds_of_records",
    "drawn_clouds_of_points",
    "drawn_latents",
    "extent",
    "household_wishes",
    "obedience",
    "reference_wishes",
    "scores",
]

BATCH = 16
COARSE = 2  # of hundreds of training assets the nearest is found by every second point
RESOLUTION = 64  # of the grid that a latent's surface is found on


@dataclass(frozen=True, kw_only=True)
class Wish:
    """A text, the words for what it asks for, its colour, and the asset that it describes, if it does one."""

    text: str
    nouns: tuple[str, ...]
    color: str | None = None
    asset: str | None = None


def household_wishes(times: int) -> list[Wish]:
    """The household prompts, each so many times."""
    wishes = [Wish(text=p.text, nouns=p.nouns, color=p.color) for p in HOUSEHOLD_PROMPTS]
    return [wish for wish in wishes for _ in range(times)]


def reference_wishes(records: Sequence[AssetRecord], count: int) -> list[Wish]:
    """A caption of each of so many assets, always the same ones."""
    rng = np.random.default_rng(0)
    chosen = [records[i] for i in rng.permutation(len(records))[:count]]
    return [
        Wish(text=str(rng.choice(record.texts())), nouns=words_for(record), asset=record.id)
        for record in chosen
    ]


def words_for(record: AssetRecord) -> tuple[str, ...]:
    """The most specific noun of a record, or the last word of its name."""
    return (record.nouns[0] if record.nouns else record.name.lower().split()[-1],)


def drawn_latents(
    prior: Prior, statistics: LatentStatistics, condition: Condition, sampler: SamplerConfig
) -> Tensor:
    """(N, T, D) latents in [-1, 1]; the seed of a sample is its number. Drawn in bf16, as trained."""
    return statistics.restore(sampled(prior, condition, sampler)).clamp(-1, 1)


def drawn_clouds_of_points(prior: PointPrior, condition: Condition, sampler: SamplerConfig) -> np.ndarray:
    """(N, K, C) clouds of Point-E's base."""
    points = prior.restore(sampled(prior, condition, sampler)).numpy()
    colors = np.clip(points[..., 3:] / 255, 0, 1)
    return np.concatenate([points[..., :3] * 2, colors], axis=-1).astype(np.float32)


def sampled(prior: Prior, condition: Condition, sampler: SamplerConfig) -> Tensor:
    count = condition.batch_size
    assert count is not None, "every sample is told something"
    parts: list[Tensor] = []
    for start in range(0, count, BATCH):
        rows = torch.arange(start, min(start + BATCH, count))
        with torch.autocast("cpu", torch.bfloat16):
            parts.append(sample(prior, condition.select(rows), seeds=rows.tolist(), config=sampler))
    return torch.cat(parts).float()


def clouds_of_latents(pipeline: Pipeline, latents: Tensor, points: int) -> np.ndarray:
    """(N, K, C) points on the surfaces that the autoencoder makes of latents."""
    found = np.zeros((len(latents), points, 6), dtype=np.float32)
    for row, latent in enumerate(latents):
        asset = pipeline.asset(latent, prompt="", seed=row, settings={})
        try:
            found[row] = surface_samples(asset.surface(RESOLUTION), points, seed=row)
        except EmptySurfaceError:
            continue  # a cloud of zeros
    return found


def clouds_of_records(records: Sequence[AssetRecord], points: int, *, seed: int = 0) -> np.ndarray:
    """(M, K, C) random parts of the records' clouds."""
    rng = np.random.default_rng(seed)
    parts = [record.points[rng.permutation(len(record.points))[:points]] for record in records]
    return np.stack(parts).astype(np.float32)


@dataclass(frozen=True, kw_only=True)
class Real:
    """What samples are held against: the training assets, and those whose captions were asked for."""

    training: Sequence[AssetRecord]
    clouds: np.ndarray  # (M, K, C), of `training`
    references: np.ndarray  # (R, K, C)
    among_references: np.ndarray  # (R, R)

    @classmethod
    def of(cls, training: Sequence[AssetRecord], asked: Sequence[AssetRecord], points: int) -> "Real":
        references = clouds_of_records(asked, points, seed=1)
        return cls(
            training=training,
            clouds=clouds_of_records(training, points),
            references=references,
            among_references=chamfer_distances(references[..., :3], references[..., :3]),
        )


def scores(
    real: Real, wishes: Sequence[Wish], clouds: np.ndarray, *, leave_out: Sequence[str] | None = None
) -> dict[str, Any]:
    """Figures of samples: `obedience` of household wishes and of reference wishes (`..._of_captions`), and
    `SetDistance` of the latter beside the assets that they describe.

    own: mean distance to the asset that was described or shown; own_rank: the share of training assets that
    are farther from the sample than that one; extent: as `extent` says.
    """
    household = np.array([wish.asset is None for wish in wishes])
    found = obedience(real, wishes, clouds, leave_out)
    asked = clouds[~household][..., :3]
    across = chamfer_distances(asked, real.references[..., :3])
    own = np.diagonal(chamfer_distances(asked[:, ::COARSE], real.references[:, ::COARSE, :3]))
    sets = set_distance(across, chamfer_distances(asked, asked), real.among_references)
    return {
        "kind": share(found.right[household]),
        "kind_of_captions": share(found.right[~household]),
        "color": share(found.colored),
        "own": float(np.diagonal(across).mean()),
        "own_rank": share(found.distances[~household] > own[:, None]),
        "nearest": share(found.nearest[found.there]),
        "extent": extent(real, clouds),
        "empty": share(~found.there),
        **asdict(sets),
    }


def extent(real: Real, clouds: np.ndarray) -> float:
    """How wide clouds are beside real ones, by the spread of points about their middle: 1 is as wide.

    A network that has learnt too little puts all points in the middle; a distance alone would praise that.
    """
    drawn, there = (part[..., :3].std(axis=1).mean() for part in (clouds, real.clouds))
    return float(drawn / there)


def share(values: np.ndarray) -> float | None:
    """The mean; None of nothing."""
    return float(values.mean()) if values.size else None


@dataclass(frozen=True, kw_only=True)
class Obedience:
    """Of each sample: its `distances` (N, M) to training assets; `right` if the nearest one is called what
    was asked for, at the distance `nearest`; `there` if it has a surface; `colored`, of those that asked for
    a colour, if they have it."""

    distances: np.ndarray
    right: np.ndarray
    nearest: np.ndarray
    there: np.ndarray
    colored: np.ndarray


def obedience(
    real: Real, wishes: Sequence[Wish], clouds: np.ndarray, leave_out: Sequence[str] | None = None
) -> Obedience:
    """leave_out: for each sample, the training asset that it is, which does not count as near."""
    distances = chamfer_distances(clouds[:, ::COARSE, :3], real.clouds[:, ::COARSE, :3])
    if leave_out is not None:
        places = {record.id: column for column, record in enumerate(real.training)}
        distances[np.arange(len(clouds)), [places[asset] for asset in leave_out]] = np.inf
    there, nearest = np.asarray(clouds.any(axis=(1, 2))), distances.argmin(axis=1)
    rows = list(zip(wishes, there, clouds, nearest, strict=True))
    return Obedience(
        distances=distances,
        right=np.array([ok and is_called(real.training[j], wish.nouns) for wish, ok, _, j in rows]),
        nearest=distances.min(axis=1),
        there=there,
        colored=np.array([ok and has_color(c, w.color) for w, ok, c, _ in rows if w.color is not None]),
    )
