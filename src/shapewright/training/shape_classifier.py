"""Training of the small classifier of point clouds that own-FID and own-IS are of.

Shapes: A assets, B clouds, N points, L classes.
"""

import json
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor
from torch.nn import functional as F

from shapewright.dataset.loader import AssetRecord, load_dataset, read_index
from shapewright.errors import ConfigError, DatasetError
from shapewright.evaluation.shape_classifier import (
    POINTS,
    ShapeClassifier,
    ShapeNetwork,
    class_names,
    class_of,
)

__all__ = ["ClassifierConfig", "hash_of", "train_classifier"]

Progress = Callable[[int, int, str], None]


@dataclass(frozen=True, kw_only=True)
class ClassifierConfig:
    """`steps` of `batch_size` clouds; `points` of each are drawn anew every time.

    Clouds are mirrored half the time, stretched along each axis by up to `stretch`, and their points moved
    by `noise`: what is generated is less exact than what is real, and is not to be told by that.
    """

    steps: int = 600
    batch_size: int = 32
    points: int = 512
    stretch: float = 0.15
    noise: float = 0.01
    learning_rate: float = 3e-3
    weight_decay: float = 0.05
    least_assets: int = 8
    seed: int = 0

    def __post_init__(self) -> None:
        if min(self.steps, self.points, self.least_assets) < 1 or self.batch_size < 2:
            raise ConfigError(
                "A classifier takes at least 1 step, 1 point and 1 asset of a class, and batches of 2."
            )


@dataclass(frozen=True, kw_only=True, eq=False)
class Labelled:
    """Clouds (A, N, 3) and their classes (A,)."""

    clouds: Float[Tensor, "a n 3"]
    classes: Int[Tensor, " a"]


def train_classifier(
    data: Path, config: ClassifierConfig, progress: Progress | None = None
) -> ShapeClassifier:
    """It learns the common kinds of training assets; its figures are of held-out assets.

    Raises: DatasetError if fewer than two kinds are common.
    """
    training = load_dataset(data, "train")
    classes = class_names(training, least=config.least_assets)
    if len(classes) < 2:
        raise DatasetError(
            f"A classifier needs at least two kinds with {config.least_assets} training assets each; "
            f"'{data}' has {len(classes)}."
        )
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(config.seed)
        network = ShapeNetwork(len(classes))
        fit(network, labelled(training, classes), config, progress)
    classifier = ShapeClassifier(network=network, classes=classes)
    figures = {
        "settings": asdict(config),
        "data_sha256": hash_of(data),
        **held_out_figures(classifier, load_dataset(data, "val")),
    }
    return ShapeClassifier(network=network, classes=classes, figures=figures)


def hash_of(data: Path) -> str:
    """Of a data set's index, which names all that is in it."""
    return sha256(json.dumps(read_index(data), sort_keys=True).encode()).hexdigest()


def labelled(records: Sequence[AssetRecord], classes: Sequence[str]) -> Labelled:
    """Those that are of a class."""
    named = [(record, name) for record in records if (name := class_of(record, classes)) is not None]
    clouds = np.stack([record.points[:POINTS, :3].astype(np.float32) for record, _ in named])
    return Labelled(
        clouds=torch.from_numpy(clouds), classes=torch.tensor([classes.index(name) for _, name in named])
    )


def fit(
    network: ShapeNetwork, data: Labelled, config: ClassifierConfig, progress: Progress | None = None
) -> None:
    """Cross-entropy, with the rate of a single cycle."""
    optimizer = torch.optim.AdamW(
        network.parameters(), lr=config.learning_rate, weight_decay=config.weight_decay
    )
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, config.steps)
    network.train().requires_grad_(True)
    for step in range(config.steps):
        rows = torch.randint(len(data.clouds), (config.batch_size,))
        _, logits = network(varied(data.clouds[rows], config))
        loss = F.cross_entropy(logits, data.classes[rows], label_smoothing=0.1)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        schedule.step()
        if progress is not None:
            progress(step + 1, config.steps, f"loss {float(loss.detach()):.2f}")
    network.eval().requires_grad_(False)


def varied(clouds: Float[Tensor, "b n 3"], config: ClassifierConfig) -> Float[Tensor, "b m 3"]:
    """Some of the points, each cloud changed in its own way."""
    chosen = torch.randperm(clouds.shape[1])[: config.points]
    scale = 1 + config.stretch * (2 * torch.rand(len(clouds), 1, 3) - 1)
    scale[:, :, 0] *= 1 - 2 * torch.randint(2, (len(clouds), 1))  # left and right
    return clouds[:, chosen] * scale + config.noise * torch.randn(len(clouds), len(chosen), 3)


def held_out_figures(classifier: ShapeClassifier, records: Sequence[AssetRecord]) -> dict[str, Any]:
    """Of those that are of a class: how many, the share that is told right, and that of the commonest one."""
    known = [record for record in records if class_of(record, classifier.classes) is not None]
    if not known:
        return {"assets": 0, "accuracy": None, "chance": None}
    data = labelled(known, classifier.classes)
    told = classifier.see(data.clouds.numpy()).probabilities.argmax(axis=1)
    classes = data.classes.numpy()
    return {
        "assets": len(known),
        "accuracy": float(np.mean(told == classes)),
        "chance": float(np.bincount(classes).max() / len(classes)),
    }
