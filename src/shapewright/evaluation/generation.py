"""The prior's suite: is what it makes what was asked for, good, varied and new?

Shapes: S samples, R references, N points of a cloud.
"""

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from shapewright.dataset.loader import AssetRecord, load_dataset
from shapewright.errors import ConfigError, DatasetError, ModelError
from shapewright.evaluation.chosen import choose
from shapewright.evaluation.generation_metrics import (
    chamfer_distances,
    diversity,
    nearest_references,
    set_distance,
)
from shapewright.evaluation.point_features import PointNetwork, SetScores, compare_sets
from shapewright.evaluation.prompts import Prompt
from shapewright.evaluation.retrieval import Retrieval, mean_embedding, retrieve
from shapewright.evaluation.sample_set import CLOUD_POINTS, Sample, draw_samples, seconds_a_sample
from shapewright.evaluation.samples import Match, cloud_positions, match_clouds, score_clouds
from shapewright.evaluation.text_image import TextImageModel
from shapewright.pipeline import Pipeline

__all__ = ["GenerationConfig", "GenerationRun", "Judged", "Judges", "evaluate_generation"]

Progress = Callable[[int, int, str], None]
# A sample counts as a copy if it is nearer to a training asset than all but this share of held-out assets.
COPIES = 0.05


@dataclass(frozen=True, kw_only=True)
class GenerationConfig:
    """`seeds` samples of each of `prompts`.

    `described`: one sample is drawn by what is said of each of so many held-out assets, and the two sets are
    compared; 0 leaves that out.
    """

    prompts: tuple[Prompt, ...]
    seeds: int = 2
    described: int = 64

    def __post_init__(self) -> None:
        if not self.prompts or self.seeds < 1 or self.described < 0:
            raise ConfigError(
                "An evaluation of samples needs prompts, at least 1 seed and no negative counts."
            )


@dataclass(frozen=True, kw_only=True, eq=False)
class Judged:
    """What a judge says. ceiling: how often it is right about real assets, where that is known."""

    name: str
    retrieval: Retrieval
    ceiling: float | None


@dataclass(frozen=True, kw_only=True, eq=False)
class Judges:
    """`by_sight`: each with its ceiling on real assets, if that is known. `by_points`: of sets of clouds."""

    by_sight: Sequence[tuple[TextImageModel, float | None]] = ()
    by_points: Sequence[PointNetwork] = ()


@dataclass(frozen=True, kw_only=True, eq=False)
class GenerationRun:
    """Samples, the training asset nearest to each (None without a surface), and all figures.

    `held_out`: distances (V,) of held-out assets to their nearest training assets; empty without such.
    `sets`: by the name of a network, what it says of the sets of clouds.
    """

    samples: list[Sample]
    matches: list[Match | None]
    judged: list[Judged]
    held_out: np.ndarray
    sets: dict[str, dict[str, SetScores]]
    figures: dict[str, Any]


def evaluate_generation(
    pipeline: Pipeline,
    data: Path,
    config: GenerationConfig,
    judges: Judges,
    folder: Path,
    progress: Progress | None = None,
) -> GenerationRun:
    """Draw (or take from `folder`) and judge.

    Raises: ModelError for a model without a prior of text; DatasetError; OutputError.
    """
    prior = pipeline.model.config.prior
    if prior is None or not prior.has_text:
        raise ModelError(f"The model '{pipeline.model.config.name}' makes nothing of prompts.")
    training, held_out = load_dataset(data, "train"), load_dataset(data, "val")
    if not training:
        raise DatasetError(f"{data} holds no training assets to compare samples with.")
    told = told_records(choose(held_out, config.described, "val")) if config.described else []
    samples = draw_samples(pipeline, config.prompts, config.seeds, folder / "samples", progress)
    described = draw_described(pipeline, told, folder / "described", progress)
    clouds = [sample.cloud for sample in samples]
    matches = match_clouds(clouds, training)
    judged = [judge_samples(samples, config.prompts, *judge) for judge in judges.by_sight]
    apart = distances_to_nearest(held_out, training)
    sets = {"samples of prompts": samples} | ({"samples of descriptions": described} if described else {})
    seen = {each.name: compare_all(each, sets, held_out, training) for each in judges.by_points}
    scores = score_clouds([sample.prompt for sample in samples], clouds, matches, training)
    figures: dict[str, Any] = {
        "model": pipeline.model.config.name,
        "sha256": pipeline.model.sha256,
        "samples": asdict(scores),
        "judges": {each.name: judged_figures(each) for each in judged},
        "diversity": diversity_of(samples, config.seeds),
        "novelty": novelty_of(matches, apart),
        "point_sets": {name: figures_of_sets(found) for name, found in seen.items()},
        "seconds_a_sample": seconds_a_sample(pipeline, config.prompts[0].text),
    }
    if told:
        figures["described"] = compare_described(described, told, training)
    return GenerationRun(
        samples=samples, matches=matches, judged=judged, held_out=apart, sets=seen, figures=figures
    )


def clouds_of(things: Sequence[Sample] | Sequence[AssetRecord]) -> list[np.ndarray]:
    """Of those that have a surface."""
    clouds = [thing.cloud if isinstance(thing, Sample) else thing.points for thing in things]
    return [cloud for cloud in clouds if cloud is not None]


def distances_to_nearest(records: Sequence[AssetRecord], training: Sequence[AssetRecord]) -> np.ndarray:
    if not records:
        return np.zeros(0)
    return nearest_references(
        cloud_positions(clouds_of(records)), cloud_positions(clouds_of(training))
    ).distance


def novelty_of(matches: Sequence[Match | None], held_out: np.ndarray) -> dict[str, float | None]:
    """Mean distances of samples and of held-out assets to their nearest training assets, and `copies`.

    That is the share of samples nearer than 95% of held-out assets are: of what is new about 5% are.
    """
    distances = np.array([match.distance for match in matches if match is not None])
    known = len(distances) and len(held_out)
    return {
        "samples": float(distances.mean()) if len(distances) else None,
        "held_out_assets": float(held_out.mean()) if len(held_out) else None,
        "copies": float(np.mean(distances < np.quantile(held_out, COPIES))) if known else None,
    }


def compare_all(
    network: PointNetwork,
    sets: dict[str, list[Sample]],
    held_out: Sequence[AssetRecord],
    training: Sequence[AssetRecord],
) -> dict[str, SetScores]:
    """Samples, and real assets in their place, against the training assets."""
    found = {name: seen_points(clouds_of(samples)) for name, samples in sets.items()}
    found["held-out assets"] = seen_points(clouds_of(held_out))
    return compare_sets(network, found, seen_points(clouds_of(training)))


def seen_points(clouds: Sequence[np.ndarray]) -> np.ndarray:
    """(S, 1024, 3)."""
    if not clouds:
        return np.zeros((0, CLOUD_POINTS, 3), dtype=np.float32)
    return np.stack([cloud[:CLOUD_POINTS, :3] for cloud in clouds]).astype(np.float32)


def figures_of_sets(found: dict[str, SetScores]) -> dict[str, dict[str, float | None]]:
    return {name: asdict(scores) for name, scores in found.items()}


def judge_samples(
    samples: Sequence[Sample], prompts: Sequence[Prompt], judge: TextImageModel, ceiling: float | None
) -> Judged:
    """R-Precision among the prompts."""
    texts = list(dict.fromkeys(prompt.text for prompt in prompts))
    embedded = judge.embed_texts(texts)
    seen = [
        np.zeros(embedded.shape[1], dtype=np.float32)
        if sample.pictures is None
        else mean_embedding(judge, sample.pictures)
        for sample in samples
    ]
    own = np.array([texts.index(sample.prompt.text) for sample in samples])
    return Judged(name=judge.name, retrieval=retrieve(np.stack(seen), embedded, own), ceiling=ceiling)


def judged_figures(judged: Judged) -> dict[str, float | None]:
    return {
        "r_precision": judged.retrieval.precision,
        "r_precision_ceiling": judged.ceiling,
        "chance": judged.retrieval.chance,
    }


def diversity_of(samples: Sequence[Sample], seeds: int) -> dict[str, float | None]:
    """Mean chamfer distance of two samples of one prompt, and of first samples of two prompts."""
    groups = [samples[start : start + seeds] for start in range(0, len(samples), seeds)]
    drawn = [[s.cloud for s in group if s.cloud is not None] for group in groups]
    within = [within_of(clouds) for clouds in drawn if len(clouds) > 1]
    return {
        "within_prompt": float(np.mean(within)) if within else None,
        "across_prompts": within_of([clouds[0] for clouds in drawn if clouds]),
    }


def within_of(clouds: Sequence[np.ndarray]) -> float:
    if len(clouds) < 2:
        return 0.0
    return diversity(chamfer_distances(cloud_positions(clouds), cloud_positions(clouds)))


def told_records(records: Sequence[AssetRecord]) -> list[AssetRecord]:
    """Those of which something is said. Raises: DatasetError if there are none."""
    told = [record for record in records if record.texts("en")]
    if not told:
        raise DatasetError("of the held-out assets none has an English caption to draw samples by.")
    return told


def draw_described(
    pipeline: Pipeline, told: Sequence[AssetRecord], folder: Path, progress: Progress | None
) -> list[Sample]:
    """One sample by the first caption of each."""
    prompts = [Prompt(text=record.texts("en")[0], nouns=tuple(record.nouns)) for record in told]
    return draw_samples(pipeline, prompts, 1, folder, progress) if prompts else []


def compare_described(
    samples: Sequence[Sample], told: Sequence[AssetRecord], training: Sequence[AssetRecord]
) -> dict[str, Any]:
    """Held-out assets against a sample of what is said of each: two sets that should be alike.

    `training_assets`: the same of as many training assets in place of the samples, which a model that draws
    like its data would reach. `generated` is None if no sample has a surface.
    """
    references = cloud_positions(clouds_of(told))
    real = choose(training, len(told), "train")
    return {
        "assets": len(told),
        "generated": set_figures(clouds_of(samples), references),
        "training_assets": set_figures(clouds_of(real), references),
    }


def set_figures(clouds: Sequence[np.ndarray], references: np.ndarray) -> dict[str, float] | None:
    if not clouds:
        return None
    drawn = cloud_positions(clouds)
    across, within = chamfer_distances(drawn, references), chamfer_distances(drawn, drawn)
    found = set_distance(across, within, chamfer_distances(references, references))
    return {"clouds": len(clouds), **asdict(found)}
