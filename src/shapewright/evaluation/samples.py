"""Are samples what the prompt asks for? Judged by the nearest training asset, which no model chooses."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from shapewright.dataset.colors import color_shares
from shapewright.dataset.loader import AssetRecord
from shapewright.errors import EmptySurfaceError
from shapewright.evaluation.metrics import chamfer_matrix
from shapewright.evaluation.prompts import Prompt
from shapewright.evaluation.reconstruction import surface_samples
from shapewright.pipeline import Asset

__all__ = ["SampleScores", "score_clouds", "score_samples"]

POINTS = 512
# A prompt's colour is obeyed when this share of the surface bears its name.
COLOR_SHARE = 0.3


@dataclass(frozen=True, kw_only=True)
class SampleScores:
    """Shares in [0, 1]: `category` of samples whose nearest training asset is what was asked for, `chance`
    that of a random asset, `color` of samples with the colour asked for, `empty` without a surface."""

    samples: int
    category: float
    chance: float
    color: float
    empty: float
    by_prompt: dict[str, float]


def score_samples(assets: Sequence[tuple[Prompt, Asset]], training: Sequence[AssetRecord]) -> SampleScores:
    """See `score_clouds`."""
    return score_clouds([(prompt, cloud_of(asset)) for prompt, asset in assets], training)


def score_clouds(
    drawn: Sequence[tuple[Prompt, np.ndarray | None]], training: Sequence[AssetRecord]
) -> SampleScores:
    """Of clouds (N, 6) with colours, None where there is no surface.

    Nearest by chamfer distance between 512 points of each; colours do not count for nearness.
    """
    whole = [(prompt, cloud) for prompt, cloud in drawn if cloud is not None]
    references = [record.points[:POINTS, :3].astype(np.float64) for record in training]
    nearest = chamfer_matrix([cloud[:POINTS, :3] for _, cloud in whole], references).argmin(axis=1)
    right = [is_called(training[j], prompt.nouns) for (prompt, _), j in zip(whole, nearest, strict=True)]
    hits: dict[str, list[bool]] = {prompt.text: [] for prompt, _ in drawn}
    for (prompt, _), hit in zip(whole, right, strict=True):
        hits[prompt.text].append(hit)
    colored = [has_color(cloud, prompt.color) for prompt, cloud in whole if prompt.color is not None]
    chances = [np.mean([is_called(record, prompt.nouns) for record in training]) for prompt, _ in drawn]
    return SampleScores(
        samples=len(drawn),
        category=sum(right) / len(drawn),
        chance=float(np.mean(chances)),
        color=float(np.mean(colored)) if colored else 0.0,
        empty=1 - len(whole) / len(drawn),
        by_prompt={text: float(np.mean(found)) if found else 0.0 for text, found in hits.items()},
    )


def cloud_of(asset: Asset) -> np.ndarray | None:
    try:
        return surface_samples(asset.surface(), POINTS)
    except EmptySurfaceError:
        return None


def is_called(record: AssetRecord, nouns: Sequence[str]) -> bool:
    """Whether one of `nouns` is a word of what the record may be called."""
    words = {word for name in [record.name, *record.nouns] for word in name.lower().split()}
    return any(noun in words or f"{noun}s" in words for noun in nouns)


def has_color(cloud: np.ndarray, color: str) -> bool:
    return color_shares(cloud[:, 3:]).get(color, 0.0) >= COLOR_SHARE
