"""Training of the in-domain judge, and its ceiling: how often it is right about real assets.

Shapes: B pictures and as many captions, D numbers of an embedding.
"""

from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch
from jaxtyping import Bool, Float
from PIL import Image
from torch import Tensor
from torch.nn import functional as F

from shapewright.conditioning.minilm import MiniLM
from shapewright.conditioning.pictures import object_square
from shapewright.dataset.loader import AssetRecord, load_dataset
from shapewright.errors import ConfigError, DatasetError
from shapewright.evaluation.judge import Judge, JudgeHeads
from shapewright.evaluation.prompts import HUNDRED_PROMPTS
from shapewright.evaluation.retrieval import VIEWS, mean_embedding, retrieve
from shapewright.training.latents import captions_of_varied
from shapewright.training.variation import Augmentation, Variation, draw_variation, varied
from shapewright.training.varied_views import shows_something, varied_picture

__all__ = ["JudgeConfig", "ceiling", "shown_and_said", "train_judge"]

Progress = Callable[[int, int, str], None]
POINTS = 512  # of an asset, to choose a new colour and to name it
TEXTS_AT_ONCE = 256


@dataclass(frozen=True, kw_only=True)
class JudgeConfig:
    """`draws` variations of each asset, the first of it as it is, `views` of each; `steps` of `batch_size`.

    `blur`: how often a picture is first made as small as `smallest_px` to twice that: what is generated is
    smoother than what is real, and is not to be told by that.
    """

    draws: int = 4
    views: int = 3
    blur: float = 0.7
    smallest_px: int = 40
    steps: int = 2500
    batch_size: int = 192
    learning_rate: float = 1e-3
    weight_decay: float = 0.05
    seed: int = 0
    augmentation: Augmentation = field(
        default_factory=lambda: Augmentation(recolor=0.7, scale=0.3, stretch=0.1)
    )

    def __post_init__(self) -> None:
        if min(self.draws, self.views, self.steps, self.batch_size) < 1:
            raise ConfigError("draws, views, steps and batch_size of a judge must be at least 1.")


@dataclass(frozen=True, kw_only=True)
class Shown:
    """Pictures as features, and all captions that are true of each."""

    features: Float[Tensor, "m f"]
    captions: list[list[str]]


def train_judge(data: Path, config: JudgeConfig, progress: Progress | None = None) -> Judge:
    """A judge that learnt from the training split; its figures are of both splits, see `ceiling`.

    Raises: DatasetError if a split has no assets.
    """
    splits = {split: load_dataset(data, split) for split in ("train", "val")}
    for split, records in splits.items():
        if not records:
            raise DatasetError(f"{data} holds no assets of the split '{split}', which a judge needs.")
    judge = Judge.untrained(seed=config.seed)
    shown = shown_and_said(judge, splits["train"], config, progress)
    fit(judge.heads, shown, texts_of(shown, judge.reader), config, progress)
    figures: dict[str, Any] = {"settings": asdict(config)}
    for split, records in splits.items():
        figures[split] = ceiling(judge, [record for record in records if plain_captions(record)])
    return Judge(heads=judge.heads, network=judge.network, reader=judge.reader, figures=figures)


def shown_and_said(
    judge: Judge, records: list[AssetRecord], config: JudgeConfig, progress: Progress | None = None
) -> Shown:
    """Views of every asset and its variations."""
    features: list[Tensor] = []
    captions: list[list[str]] = []
    for done, record in enumerate(records):
        if progress is not None:
            progress(done, len(records), "views")
        pictures: list[Image.Image] = []
        for draw in range(config.draws):
            rng = np.random.default_rng((config.seed, draw, done))
            change = config.augmentation if draw else Augmentation.none()
            variation = draw_variation(record, POINTS, change, rng)
            said = captions_of_varied(record, varied(record, slice(0, 1), POINTS, variation))
            if not said:
                continue
            found = pictures_of(record, variation, config, rng)
            pictures += found
            captions += [said] * len(found)
        if pictures:
            with torch.autocast("cpu", torch.bfloat16):  # a third of the time; the heads do not notice
                features.append(judge.features(pictures).float())
    return Shown(features=torch.cat(features), captions=captions)


def pictures_of(
    record: AssetRecord, variation: Variation, config: JudgeConfig, rng: np.random.Generator
) -> list[Image.Image]:
    """Some views of the varied asset, most of them blurred."""
    views = record.views()
    chosen = [int(i) for i in rng.permutation(len(views.cameras)) if shows_something(views, int(i))]
    pictures = [object_square(varied_picture(views, i, variation)) for i in chosen[: config.views]]
    return [blurred(picture, config, rng) for picture in pictures]


def blurred(picture: Image.Image, config: JudgeConfig, rng: np.random.Generator) -> Image.Image:
    if rng.random() >= config.blur:
        return picture
    side = int(rng.integers(config.smallest_px, 2 * config.smallest_px + 1))
    small = picture.resize((side, side), Image.Resampling.BILINEAR)
    return small.resize(picture.size, Image.Resampling.BILINEAR)


def texts_of(shown: Shown, reader: MiniLM) -> dict[str, Float[Tensor, " f"]]:
    """Features of every distinct caption."""
    texts = list(dict.fromkeys(text for captions in shown.captions for text in captions))
    starts = range(0, len(texts), TEXTS_AT_ONCE)
    pooled = torch.cat([reader.encode(texts[i : i + TEXTS_AT_ONCE]).pooled for i in starts])
    return dict(zip(texts, pooled, strict=True))


def fit(
    heads: JudgeHeads,
    shown: Shown,
    texts: dict[str, Float[Tensor, " f"]],
    config: JudgeConfig,
    progress: Progress | None = None,
) -> None:
    """Bring each picture near all captions of its batch that are true of it, and the other way round."""
    rng, sets = np.random.default_rng(config.seed), [set(captions) for captions in shown.captions]
    optimizer = torch.optim.AdamW(
        heads.parameters(), lr=config.learning_rate, weight_decay=config.weight_decay
    )
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, config.steps)
    heads.train().requires_grad_(True)
    for step in range(config.steps):
        rows = rng.permutation(len(sets))[: config.batch_size]
        said = [shown.captions[row][rng.integers(len(shown.captions[row]))] for row in rows]
        true = torch.tensor([[text in sets[row] for text in said] for row in rows])
        pictures = heads.pictures(shown.features[torch.from_numpy(rows)])
        loss = matching_loss(pictures, heads.texts(torch.stack([texts[t] for t in said])), true, heads)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        schedule.step()
        if progress is not None:
            progress(step + 1, config.steps, f"loss {float(loss.detach()):.3f}")
    heads.eval().requires_grad_(False)


def matching_loss(
    pictures: Float[Tensor, "b d"],
    texts: Float[Tensor, "b d"],
    true: Bool[Tensor, "b b"],
    heads: JudgeHeads,
) -> Tensor:
    """Symmetric cross-entropy whose targets are shared out among all that is true.

    Source: Radford et al. (2021), "CLIP"; its single positives would punish "a chair" for many chairs.
    """
    logits = heads.log_scale.clamp(max=4.6).exp() * pictures @ texts.T
    wanted = true.float()
    by_picture = F.cross_entropy(logits, wanted / wanted.sum(dim=1, keepdim=True))
    by_text = F.cross_entropy(logits.T, wanted.T / wanted.T.sum(dim=1, keepdim=True))
    return (by_picture + by_text) / 2


def ceiling(judge: Judge, records: list[AssetRecord], *, most: int = 4) -> dict[str, Any]:
    """How often the judge is right about real assets, seen as samples are.

    r_precision: among the hundred prompts, each asked of at most `most` assets of which it is said (`pairs`
    in all); None where no asset is. captions: among the assets' own first captions, which any data set has.
    """
    texts = [prompt.text for prompt in HUNDRED_PROMPTS]
    seen = np.stack([mean_embedding(judge, real_pictures(record)) for record in records])
    said = [set(plain_captions(record)) for record in records]
    fitting = [[row for row, captions in enumerate(said) if text in captions][:most] for text in texts]
    pairs = [(row, number) for number, rows in enumerate(fitting) for row in rows]
    found = None
    if pairs:
        rows, own = (np.array(column) for column in zip(*pairs, strict=True))
        found = retrieve(seen[rows], judge.embed_texts(texts), own).precision
    return {"r_precision": found, "pairs": len(pairs), "captions": captions_precision(judge, records, seen)}


def captions_precision(judge: Judge, records: list[AssetRecord], seen: Float[np.ndarray, "n d"]) -> float:
    """R-Precision of assets among what is said first of each."""
    first = [plain_captions(record)[0] for record in records]
    texts = list(dict.fromkeys(first))
    own = np.array([texts.index(text) for text in first])
    return retrieve(seen, judge.embed_texts(texts), own).precision


def plain_captions(record: AssetRecord) -> list[str]:
    rng = np.random.default_rng(0)
    variation = draw_variation(record, POINTS, Augmentation.none(), rng)
    return captions_of_varied(record, varied(record, slice(0, 1), POINTS, variation))


def real_pictures(record: AssetRecord) -> list[Image.Image]:
    """As many of the asset's own views as samples are seen in."""
    views = record.views()
    shown = [i for i in range(len(views.cameras)) if shows_something(views, i)]
    return [object_square(Image.fromarray(views.images[i])) for i in shown[:VIEWS]]
