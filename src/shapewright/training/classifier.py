"""Training of our own classifier of point clouds on the kinds of a data set.

Shapes: A assets, N points of a cloud.
"""

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from jaxtyping import Float
from torch.nn import functional as F

from shapewright.dataset.loader import AssetRecord, load_dataset
from shapewright.errors import ConfigError, DatasetError
from shapewright.evaluation.cloud_classifier import CloudClassifier

__all__ = ["ClassifierConfig", "kind_of", "kinds_of", "train_classifier"]

Progress = Callable[[int, int, str], None]


@dataclass(frozen=True, kw_only=True)
class ClassifierConfig:
    """`fewest`: a kind has at least so many training assets.

    stretch: the largest relative change of an axis; turn_rad: the largest turn about the vertical.
    """

    fewest: int = 6
    points: int = 1024
    steps: int = 800
    batch_size: int = 32
    learning_rate: float = 2e-3
    weight_decay: float = 0.05
    smoothing: float = 0.1
    stretch: float = 0.2
    turn_rad: float = 0.2
    seed: int = 0

    def __post_init__(self) -> None:
        if min(self.fewest, self.points, self.steps, self.batch_size) < 1:
            raise ConfigError("fewest, points, steps and batch_size of a classifier must be at least 1.")


def train_classifier(
    data: Path, config: ClassifierConfig, progress: Progress | None = None
) -> CloudClassifier:
    """Learns from the training split; its figures are of both.

    Raises: DatasetError if there are not two kinds with enough assets.
    """
    splits = {split: load_dataset(data, split) for split in ("train", "val")}
    kinds = kinds_of(splits["train"], config.fewest)
    if len(kinds) < 2:
        raise DatasetError(
            f"A classifier tells kinds apart; of those in {data}, {len(kinds)} have {config.fewest} training "
            "assets or more, and 2 are needed."
        )
    known = {
        split: [record for record in records if kind_of(record, kinds) is not None]
        for split, records in splits.items()
    }
    classifier = CloudClassifier.untrained(kinds, seed=config.seed)
    fit(classifier, known["train"], config, progress)
    figures: dict[str, Any] = {"settings": asdict(config), "kinds": len(kinds)}
    for split, records in known.items():
        figures[split] = accuracy(classifier, records, config.points) if records else None
    return CloudClassifier(network=classifier.network, kinds=kinds, figures=figures)


def kinds_of(records: Sequence[AssetRecord], fewest: int) -> tuple[str, ...]:
    """Nouns that enough assets go by, the most frequent first; each asset counts for one.

    An asset is of the most frequent of its nouns: a "corner sofa", also called "sofa" and "couch", is a sofa.
    """
    frequent = Counter(noun for record in records for noun in set(record.nouns))
    ordered = tuple(sorted(frequent, key=lambda noun: (-frequent[noun], noun)))
    counts = Counter(kind_of(record, ordered) for record in records)
    return tuple(noun for noun in ordered if counts[noun] >= fewest)


def kind_of(record: AssetRecord, kinds: Sequence[str]) -> str | None:
    """The first of `kinds` that the asset goes by."""
    return next((kind for kind in kinds if kind in record.nouns), None)


def fit(
    classifier: CloudClassifier,
    records: Sequence[AssetRecord],
    config: ClassifierConfig,
    progress: Progress | None = None,
) -> None:
    """Cross-entropy with smoothed labels over clouds that are mirrored, stretched and turned a little."""
    rng, network = np.random.default_rng(config.seed), classifier.network
    labels = labels_of(classifier, records)
    optimizer = torch.optim.AdamW(
        network.parameters(), lr=config.learning_rate, weight_decay=config.weight_decay
    )
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, config.learning_rate, config.steps)
    network.train().requires_grad_(True)
    with torch.random.fork_rng():
        torch.manual_seed(config.seed)  # of dropout
        for step in range(config.steps):
            rows = rng.integers(len(records), size=config.batch_size)
            clouds = np.stack([varied_cloud(records[row], config, rng) for row in rows])
            _, logits = network(torch.from_numpy(clouds))
            loss = F.cross_entropy(logits, labels[rows], label_smoothing=config.smoothing)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            schedule.step()
            if progress is not None:
                progress(step + 1, config.steps, f"loss {float(loss.detach()):.3f}")
    network.eval().requires_grad_(False)


def varied_cloud(
    record: AssetRecord, config: ClassifierConfig, rng: np.random.Generator
) -> Float[np.ndarray, "n 3"]:
    """Some of the asset's points, another asset's that it might be, in the same box."""
    chosen = rng.integers(len(record.points), size=config.points)
    cloud = record.points[chosen, :3].astype(np.float32)
    cloud[:, 0] *= rng.choice((-1, 1))
    turn = rng.uniform(-config.turn_rad, config.turn_rad)
    rotation = np.array([[np.cos(turn), -np.sin(turn), 0], [np.sin(turn), np.cos(turn), 0], [0, 0, 1]])
    factors = 1 + rng.uniform(-config.stretch, config.stretch, size=3)
    cloud = cloud @ rotation.T * factors
    return (cloud / max(1.0, float(np.abs(cloud).max()))).astype(np.float32)


def labels_of(classifier: CloudClassifier, records: Sequence[AssetRecord]) -> torch.Tensor:
    kinds = [kind_of(record, classifier.kinds) for record in records]
    return torch.tensor([classifier.kinds.index(kind) for kind in kinds if kind is not None])


def accuracy(classifier: CloudClassifier, records: Sequence[AssetRecord], points: int) -> dict[str, float]:
    """How often the kind is told; `commonest`: what always saying the commonest would get."""
    clouds = np.stack([record.points[:points, :3] for record in records]).astype(np.float32)
    told = classifier.see(clouds).probabilities.argmax(axis=1)
    labels = labels_of(classifier, records).numpy()
    return {
        "assets": len(records),
        "accuracy": float(np.mean(told == labels)),
        "commonest": float(np.bincount(labels).max() / len(labels)),
    }
