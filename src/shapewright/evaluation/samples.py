"""Are samples what the prompt asks for? Judged by the nearest training asset, which no model chooses."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from shapewright.dataset.colors import color_shares
from shapewright.dataset.loader import AssetRecord
from shapewright.errors import EmptySurfaceError
from shapewright.evaluation.generation_metrics import nearest_references
from shapewright.evaluation.prompts import Prompt
from shapewright.evaluation.reconstruction import surface_samples
from shapewright.pipeline import Asset

__all__ = ["Match", "SampleScores", "cloud_positions", "match_clouds", "score_clouds", "score_samples"]

Cloud = np.ndarray | None

POINTS = 512
# A prompt's colour is obeyed when this share of the surface bears its name.
COLOR_SHARE = 0.3


@dataclass(frozen=True, kw_only=True)
class SampleScores:
    """Shares in [0, 1]: `category` of samples whose nearest training asset is what was asked for, `chance`
    that of a random asset, `color` of samples with the colour asked for, `empty` without a surface.

    `new` samples were asked for in a colour that no training asset of the kind has, or is said to have;
    `new_obeyed` is the share of them with the right kind and the right colour.
    """

    samples: int
    category: float
    chance: float
    color: float
    empty: float
    by_prompt: dict[str, float]
    new: int = 0
    new_obeyed: float = 0.0


@dataclass(frozen=True, kw_only=True, eq=False)
class Match:
    """The training asset nearest to a sample, and the chamfer distance to it."""

    record: AssetRecord
    distance: float


def score_samples(assets: Sequence[tuple[Prompt, Asset]], training: Sequence[AssetRecord]) -> SampleScores:
    """See `score_clouds`."""
    prompts, clouds = [prompt for prompt, _ in assets], [cloud_of(asset) for _, asset in assets]
    return score_clouds(prompts, clouds, match_clouds(clouds, training), training)


def match_clouds(clouds: Sequence[Cloud], training: Sequence[AssetRecord]) -> list[Match | None]:
    """By 512 points of each, without their colours; None for a sample that has no surface."""
    whole = [cloud for cloud in clouds if cloud is not None]
    if not whole:
        return [None] * len(clouds)
    nearest = nearest_references(
        cloud_positions(whole), cloud_positions([record.points for record in training])
    )
    matches = (
        Match(record=training[index], distance=distance)
        for index, distance in zip(nearest.index.tolist(), nearest.distance.tolist(), strict=True)
    )
    return [None if cloud is None else next(matches) for cloud in clouds]


def cloud_positions(clouds: Sequence[np.ndarray]) -> np.ndarray:
    """(S, 512, 3) of at least as many points each, in random or farthest-point order."""
    return np.stack([cloud[:POINTS, :3] for cloud in clouds]).astype(np.float32)


def score_clouds(
    prompts: Sequence[Prompt],
    clouds: Sequence[Cloud],
    matches: Sequence[Match | None],
    training: Sequence[AssetRecord],
) -> SampleScores:
    """Of samples: what was asked for, points (N, 6) with colours, and what `match_clouds` says of them."""
    hits: dict[str, list[bool]] = {prompt.text: [] for prompt in prompts}
    for prompt, match in zip(prompts, matches, strict=True):
        if match is not None:
            hits[prompt.text].append(is_called(match.record, prompt.nouns))
    colored = [
        has_color(cloud, prompt.color)
        for prompt, cloud in zip(prompts, clouds, strict=True)
        if cloud is not None and prompt.color is not None
    ]
    new = new_combinations(prompts, training)
    obeyed = [
        match is not None and cloud is not None and is_obeyed(prompt, cloud, match)
        for prompt, cloud, match in zip(prompts, clouds, matches, strict=True)
        if prompt.text in new
    ]
    chances = [np.mean([is_called(record, prompt.nouns) for record in training]) for prompt in prompts]
    return SampleScores(
        samples=len(prompts),
        category=sum(map(sum, hits.values())) / len(prompts),
        chance=float(np.mean(chances)),
        color=float(np.mean(colored)) if colored else 0.0,
        empty=sum(match is None for match in matches) / len(prompts),
        by_prompt={text: float(np.mean(found)) if found else 0.0 for text, found in hits.items()},
        new=len(obeyed),
        new_obeyed=float(np.mean(obeyed)) if obeyed else 0.0,
    )


def new_combinations(prompts: Sequence[Prompt], training: Sequence[AssetRecord]) -> set[str]:
    """Texts of those prompts whose colour no training asset of the kind has, or is said to have.

    Training may have recoloured some so all the same.
    """
    return {
        prompt.text
        for prompt in prompts
        if prompt.color is not None and not any_such(training, prompt.nouns, prompt.color)
    }


def any_such(training: Sequence[AssetRecord], nouns: Sequence[str], color: str) -> bool:
    return any(
        is_said_to_be(record, color) or has_color(record.points[:POINTS], color)
        for record in training
        if is_called(record, nouns)
    )


def is_said_to_be(record: AssetRecord, color: str) -> bool:
    return any(color in text.lower().split() for text in record.texts("en"))


def is_obeyed(prompt: Prompt, cloud: np.ndarray, match: Match) -> bool:
    """Of a prompt with a colour: both its words."""
    assert prompt.color is not None
    return is_called(match.record, prompt.nouns) and has_color(cloud, prompt.color)


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
