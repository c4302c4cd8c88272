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
    nearest_distances,
    set_distance,
)
from shapewright.evaluation.prompts import Prompt
from shapewright.evaluation.retrieval import Retrieval, mean_embedding, retrieve
from shapewright.evaluation.sample_set import Sample, draw_samples, seconds_a_sample
from shapewright.evaluation.samples import score_clouds
from shapewright.evaluation.text_image import TextImageModel
from shapewright.pipeline import Pipeline

__all__ = ["GenerationConfig", "GenerationRun", "Judged", "evaluate_generation"]

Progress = Callable[[int, int, str], None]
# Of every cloud, for distances between hundreds of them.
POINTS = 512


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
class GenerationRun:
    """Samples, the training asset nearest to each (None without a surface), and all figures."""

    samples: list[Sample]
    nearest: list[AssetRecord | None]
    judged: list[Judged]
    figures: dict[str, Any]


def evaluate_generation(
    pipeline: Pipeline,
    data: Path,
    config: GenerationConfig,
    judges: Sequence[tuple[TextImageModel, float | None]],
    folder: Path,
    progress: Progress | None = None,
) -> GenerationRun:
    """Draw (or take from `folder`) and judge. judges: each with its ceiling, if that is known.

    Raises: ModelError for a model without a prior of text; DatasetError; OutputError.
    """
    prior = pipeline.model.config.prior
    if prior is None or not prior.has_text:
        raise ModelError(f"The model '{pipeline.model.config.name}' makes nothing of prompts.")
    training = load_dataset(data, "train")
    if not training:
        raise DatasetError(f"{data} holds no training assets to compare samples with.")
    samples = draw_samples(pipeline, config.prompts, config.seeds, folder / "samples", progress)
    clouds = [sample.cloud for sample in samples]
    scores = score_clouds([(s.prompt, cloud) for s, cloud in zip(samples, clouds, strict=True)], training)
    across, nearest = nearest_training(clouds, training)
    judged = [judge_samples(samples, config.prompts, judge, ceiling) for judge, ceiling in judges]
    figures: dict[str, Any] = {
        "model": pipeline.model.config.name,
        "sha256": pipeline.model.sha256,
        "samples": asdict(scores),
        "judges": {each.name: judged_figures(each) for each in judged},
        "diversity": diversity_of(samples, config.seeds),
        "novelty": {"samples": float(np.mean(across)) if len(across) else None},
        "seconds_a_sample": seconds_a_sample(pipeline, config.prompts[0].text),
    }
    if config.described:
        held_out = choose(load_dataset(data, "val"), config.described, "val")
        figures["novelty"]["held_out_assets"] = float(
            np.mean(nearest_training(clouds_of(held_out), training)[0])
        )
        figures["described"] = compare_described(pipeline, held_out, folder / "described", progress)
    return GenerationRun(samples=samples, nearest=nearest, judged=judged, figures=figures)


def clouds_of(records: Sequence[AssetRecord]) -> list[np.ndarray]:
    return [record.points.astype(np.float32) for record in records]


def positions(clouds: Sequence[np.ndarray]) -> np.ndarray:
    """(S, 512, 3) of what has that many points and more; points are in random or farthest-point order."""
    return np.stack([cloud[:POINTS, :3] for cloud in clouds]).astype(np.float32)


def nearest_training(
    clouds: Sequence[np.ndarray | None], training: Sequence[AssetRecord]
) -> tuple[np.ndarray, list[AssetRecord | None]]:
    """Distances of those that have a surface to their nearest training asset, and that asset of each."""
    whole = [cloud for cloud in clouds if cloud is not None]
    if not whole:
        return np.zeros(0), [None] * len(clouds)
    across = chamfer_distances(positions(whole), positions(clouds_of(training)))
    found = iter(across.argmin(axis=1).tolist())
    return nearest_distances(across), [None if cloud is None else training[next(found)] for cloud in clouds]


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


def diversity_of(samples: Sequence[Sample], seeds: int) -> dict[str, float]:
    """Mean chamfer distance of two samples of one prompt, and of first samples of two prompts."""
    groups = [samples[start : start + seeds] for start in range(0, len(samples), seeds)]
    drawn = [[s.cloud for s in group if s.cloud is not None] for group in groups]
    within = [within_of(clouds) for clouds in drawn if len(clouds) > 1]
    return {
        "within_prompt": float(np.mean(within)) if within else 0.0,
        "across_prompts": within_of([clouds[0] for clouds in drawn if clouds]),
    }


def within_of(clouds: Sequence[np.ndarray]) -> float:
    if len(clouds) < 2:
        return 0.0
    return diversity(chamfer_distances(positions(clouds), positions(clouds)))


def compare_described(
    pipeline: Pipeline, held_out: Sequence[AssetRecord], folder: Path, progress: Progress | None
) -> dict[str, float]:
    """Held-out assets against a sample of what is said of each: two sets that should be alike."""
    told = [(record, record.texts("en")) for record in held_out]
    prompts = [Prompt(text=texts[0], nouns=tuple(record.nouns)) for record, texts in told if texts]
    samples = draw_samples(pipeline, prompts, 1, folder, progress)
    clouds = positions([sample.cloud for sample in samples if sample.cloud is not None])
    references = positions(clouds_of(held_out))
    found = set_distance(
        chamfer_distances(clouds, references),
        chamfer_distances(clouds, clouds),
        chamfer_distances(references, references),
    )
    return {"assets": len(references), "samples": len(clouds), **asdict(found)}
