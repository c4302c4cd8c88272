"""What a prior is told of each latent in training: a caption drawn at random, or a view.

Shapes: B samples, L text tokens, W their width, N image tokens, D their width.
"""

from collections import Counter
from dataclasses import dataclass, replace
from typing import Protocol, runtime_checkable

import numpy as np
import torch

from shapewright.conditioning import TextConditioner, TextFeatures
from shapewright.errors import ConfigError, DatasetError
from shapewright.prior import Condition

__all__ = [
    "CaptionConditions",
    "CaptionFeatures",
    "CaptionsOrViews",
    "Conditions",
    "ToldConfig",
    "caption_bounds",
    "check_feature_width",
]

ENCODE_BATCH = 256
BELOW_ONE = float(np.nextafter(1.0, 0.0))


@dataclass(frozen=True, kw_only=True)
class ToldConfig:
    """`condition_drop`: how often a sample is learnt without its condition.

    `caption_sharing` s: of its captions, a sample is told one with a probability in proportion to n^s, n
    the number of samples that have this caption. 0: all alike. Above: the words that people use for many
    things ("a tree") come up more often than those for one ("a Japanese maple").
    `picture_share`: how often a prior of text and of images is shown a picture in place of a caption.
    """

    condition_drop: float = 0.1
    caption_sharing: float = 0.0
    picture_share: float = 0.4

    def __post_init__(self) -> None:
        if not 0 <= self.condition_drop < 1:
            raise ConfigError(f"condition_drop must be in 0..1, got {self.condition_drop}")
        if not 0 <= self.caption_sharing <= 4:
            raise ConfigError(f"caption_sharing must be in 0..4, got {self.caption_sharing}")
        if not 0 < self.picture_share < 1:
            raise ConfigError(f"picture_share must be above 0 and below 1, got {self.picture_share}")


@runtime_checkable
class Conditions(Protocol):
    """A condition for any latents of a set."""

    def draw(self, rows: np.ndarray, marks: np.ndarray) -> Condition:
        """One of several for each of the rows of the set; the row's mark, random in [0, 1), says which.

        So what a sample is told does not depend on the others of its batch.
        """
        ...


class CaptionFeatures:
    """Features of every distinct caption, computed once and kept in half precision.

    With `tokens` off, only the pooled vectors are kept, and told: what the published prior takes.
    """

    def __init__(self, captions: list[str], conditioner: TextConditioner, *, tokens: bool = True) -> None:
        self.index = {text: i for i, text in enumerate(dict.fromkeys(captions))}
        texts = list(self.index)
        parts = [
            halved(conditioner.encode(texts[i : i + ENCODE_BATCH]), tokens)
            for i in range(0, len(texts), ENCODE_BATCH)
        ]
        self.pooled = torch.cat([pooled for pooled, _, _ in parts])
        self.tokens = torch.cat([tokens for _, tokens, _ in parts]) if tokens else None
        self.mask = torch.cat([mask for _, _, mask in parts])

    def condition(self, texts: list[str]) -> Condition:
        """The condition of these captions, cut to the longest of them."""
        rows = torch.tensor([self.index[text] for text in texts])
        pooled = self.pooled[rows].float()
        if self.tokens is None:
            return Condition(text_pooled=pooled)
        features = TextFeatures(pooled=pooled, tokens=self.tokens[rows].float(), mask=self.mask[rows])
        return Condition.from_text(features).trimmed()


def halved(features: TextFeatures, tokens: bool) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Pooled vectors, tokens (none of them if not wanted) and mask, on the CPU."""
    kept = features.tokens if tokens else features.tokens[:, :0]
    return features.pooled.half().cpu(), kept.half().cpu(), features.mask.cpu()


class CaptionConditions:
    """One of its captions for each latent.

    `sharing`: see `ToldConfig`. Raises: DatasetError if a latent has no caption.
    """

    def __init__(self, captions: list[list[str]], features: CaptionFeatures, *, sharing: float = 0.0) -> None:
        if missing := sum(not texts for texts in captions):
            raise DatasetError(
                f"{missing} of {len(captions)} latents have no caption in English, which a prior of text "
                "needs: add some to the data set's captions.csv and build it again."
            )
        self.captions, self.features = captions, features
        self.bounds = caption_bounds(captions, sharing)

    def draw(self, rows: np.ndarray, marks: np.ndarray) -> Condition:
        """One caption each, told by its features."""
        told = [int(np.searchsorted(self.bounds[i], mark)) for i, mark in zip(rows, marks, strict=True)]
        return self.features.condition([self.captions[i][k] for i, k in zip(rows, told, strict=True)])


class CaptionsOrViews:
    """A caption for some latents, a view for the others, `picture_share` of all."""

    def __init__(self, captions: CaptionConditions, views: Conditions, picture_share: float) -> None:
        self.captions, self.views, self.picture_share = captions, views, picture_share

    def draw(self, rows: np.ndarray, marks: np.ndarray) -> Condition:
        """Below `picture_share` a mark says which view, above it which caption."""
        share, shown = self.picture_share, marks < self.picture_share
        spoken = np.clip((marks - share) / (1 - share), 0, BELOW_ONE)
        told = self.captions.draw(rows, spoken).drop(torch.from_numpy(shown))
        views = self.views.draw(rows[shown], marks[shown] / share).image_tokens if shown.any() else None
        if views is None:
            return told
        tokens = views.new_zeros(len(rows), *views.shape[1:])
        tokens[torch.from_numpy(shown)] = views
        mask = torch.from_numpy(shown)[:, None].expand(tokens.shape[:2]).clone()
        return replace(told, image_tokens=tokens, image_mask=mask)


def caption_bounds(captions: list[list[str]], sharing: float) -> list[np.ndarray]:
    """Per sample (captions,), rising to 1: caption k is drawn by a number in bounds[k-1]..bounds[k]."""
    counts = Counter(text for texts in captions for text in set(texts))
    weights = [np.array([counts[text] for text in texts], dtype=np.float64) ** sharing for texts in captions]
    bounds = [np.cumsum(weight) / weight.sum() for weight in weights]
    for bound in bounds:
        bound[-1] = 1.0  # rounding must leave no number without a caption
    return bounds


def check_feature_width(setting: str, wanted: int | None, given: int) -> None:
    """Raises: ConfigError if a frozen encoder gives another width than the prior is built for."""
    if wanted not in (None, given):
        raise ConfigError(
            f"The recipe's prior takes features of {wanted} numbers, but the encoder of its condition gives "
            f"{given}: choose another encoder, or --set model.{setting}={given}."
        )
