"""The quick evaluation: a model's reconstructions and samples in a few minutes."""

from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from shapewright.dataset.loader import AssetRecord, load_dataset
from shapewright.errors import ConfigError
from shapewright.evaluation.chosen import choose
from shapewright.evaluation.prompts import HOUSEHOLD_PROMPTS, Prompt
from shapewright.evaluation.reconstruction import Reconstruction, mean_of, measure_reconstruction
from shapewright.evaluation.samples import SampleScores, score_samples
from shapewright.pipeline import Asset, Pipeline

__all__ = ["QuickConfig", "evaluate_quick"]

Progress = Callable[[int, int, str], None]


@dataclass(frozen=True, kw_only=True)
class QuickConfig:
    """How many assets of each split are reconstructed (a fixed random draw), and samples a prompt.

    `refine`: measure them also with latents refined in so many steps; 0 leaves that out.
    """

    assets: int = 40
    views: int = 3
    nerf_views: int = 1
    seeds: int = 4
    refine: int = 0

    def __post_init__(self) -> None:
        if min(self.assets, self.views, self.nerf_views) < 1 or self.seeds < 0:
            raise ConfigError("assets, views and nerf_views must be at least 1, and seeds not negative")
        if self.refine < 0:
            raise ConfigError(f"refine is a number of steps, or 0 for none; got {self.refine}.")


def evaluate_quick(
    pipeline: Pipeline, data: Path, config: QuickConfig, progress: Progress | None = None
) -> dict[str, Any]:
    """Figures by name: "train" and "val" (means of Reconstruction), "samples" if there is a prior.

    With `config.refine` both splits also have means of refined reconstructions, their names beginning with
    `refined_`.

    Raises: DatasetError for an unusable data set.
    """
    report = progress or unreported
    records = load_dataset(data)
    results: dict[str, Any] = {"model": pipeline.model.config.name, "sha256": pipeline.model.sha256}
    for split in ("train", "val"):
        chosen = choose([record for record in records if record.split == split], config.assets, split)
        measured: list[Reconstruction] = []
        refined: list[Reconstruction] = []
        sizes = {"views": config.views, "nerf_views": config.nerf_views}
        for done, record in enumerate(chosen):
            report(done, len(chosen), split)
            measured.append(measure_reconstruction(pipeline, record, **sizes))
            if config.refine:
                refined.append(measure_reconstruction(pipeline, record, **sizes, refine=config.refine))
        results[split] = {"assets": len(chosen), **mean_of(measured), **mean_of(refined, "refined_")}
    if pipeline.model.prior is not None and config.seeds:
        training = [record for record in records if record.split == "train"]
        results["samples"] = asdict(sampled_scores(pipeline, training, config.seeds, report))
    return results


def unreported(done: int, total: int, note: str) -> None:
    """Progress that nobody watches."""


def sampled_scores(
    pipeline: Pipeline, training: list[AssetRecord], seeds: int, report: Progress
) -> SampleScores:
    """Draw the household prompts and judge them."""
    drawn: list[tuple[Prompt, Asset]] = []
    for done, prompt in enumerate(HOUSEHOLD_PROMPTS):
        report(done, len(HOUSEHOLD_PROMPTS), "samples")
        drawn += [(prompt, asset) for asset in pipeline.generate(prompt.text, n=seeds)]
    return score_samples(drawn, training)
