"""A small classifier of point clouds of our own, learnt on a data set: Frechet distances and inception scores
without anybody's file. They are called own-FID and own-IS, and are no P-FID and P-IS.

Shapes: B clouds, N points, F features, L classes.
"""

import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float
from safetensors import SafetensorError, safe_open
from safetensors.torch import load_file, save_file
from torch import Tensor, nn
from torch.nn import functional as F

from shapewright.atomic_file import replacing
from shapewright.dataset.loader import AssetRecord
from shapewright.errors import ModelError
from shapewright.evaluation.point_features import PointFeatures, in_batches

__all__ = [
    "FEATURES",
    "POINTS",
    "ShapeClassifier",
    "ShapeNetwork",
    "class_names",
    "class_of",
    "load_classifier",
    "save_classifier",
]

FORMAT = "shapewright-shape-classifier-1"
POINTS = 1024
WIDTHS, FEATURES = (64, 128, 256), 64
CLOUDS_AT_ONCE = 32
# Fewer of a kind teach nothing.
LEAST_ASSETS = 8


class ShapeNetwork(nn.Module):
    """Each point alone, then the largest of all points. Source: Qi et al. (2017), "PointNet", section 4.2.

    It has no transformations of the input: assets stand upright in the box, and so do samples.
    """

    def __init__(self, classes: int) -> None:
        super().__init__()
        entering = (3, *WIDTHS[:-1])
        self.products = nn.ModuleList(nn.Linear(i, o) for i, o in zip(entering, WIDTHS, strict=True))
        self.norms = nn.ModuleList(nn.BatchNorm1d(width) for width in WIDTHS)
        self.features, self.norm = nn.Linear(WIDTHS[-1], FEATURES), nn.BatchNorm1d(FEATURES)
        self.dropout, self.classes = nn.Dropout(0.3), nn.Linear(FEATURES, classes)

    def forward(self, clouds: Float[Tensor, "b n 3"]) -> tuple[Float[Tensor, "b f"], Float[Tensor, "b l"]]:
        """Features before their ReLU, and logits."""
        x = clouds
        for product, norm in zip(self.products, self.norms, strict=True):
            x = F.relu(norm(product(x).flatten(0, 1)).unflatten(0, clouds.shape[:2]))
        seen = self.norm(self.features(x.amax(dim=1)))
        return seen, self.classes(self.dropout(F.relu(seen)))


@dataclass(frozen=True, kw_only=True, eq=False)
class ShapeClassifier:
    """A `PointNetwork`. `figures`: accuracy and chance on held-out assets, and how many these were."""

    network: ShapeNetwork
    classes: tuple[str, ...]
    figures: dict[str, Any] = field(default_factory=dict[str, Any])
    name: str = "own"
    least_points: int = 1

    def see(self, clouds: np.ndarray) -> PointFeatures:
        """Of (S, N, 3) points in the box, of which the first 1024 are seen."""
        return in_batches(clouds[:, :POINTS], CLOUDS_AT_ONCE, self.forward)

    def forward(self, clouds: Tensor) -> tuple[Tensor, Tensor]:
        features, logits = self.network(clouds)
        return features, logits.softmax(dim=-1)


def class_names(records: Sequence[AssetRecord], *, least: int = LEAST_ASSETS) -> tuple[str, ...]:
    """What at least so many assets are: every asset is the most common of what it may be called."""
    usual = usual_names(records)
    names = Counter(class_of(record, usual) for record in records)
    return tuple(name for name in usual if names[name] >= least)


def usual_names(records: Sequence[AssetRecord]) -> list[str]:
    """All nouns, the most common first."""
    counts = Counter(noun for record in records for noun in dict.fromkeys(names_of(record)))
    return sorted(counts, key=lambda noun: (-counts[noun], noun))


def class_of(record: AssetRecord, classes: Sequence[str]) -> str | None:
    """The first of `classes` that the asset may be called."""
    return next((name for name in classes if name in names_of(record)), None)


def names_of(record: AssetRecord) -> list[str]:
    """Its nouns; its category where the data set has none."""
    return record.nouns or [record.category]


def save_classifier(classifier: ShapeClassifier, path: Path) -> None:
    """Raises: OutputError."""
    told = {"classes": json.dumps(classifier.classes), "figures": json.dumps(classifier.figures)}
    with replacing(path) as temporary:
        save_file(classifier.network.state_dict(), temporary, metadata={"format": FORMAT, **told})


def load_classifier(path: Path) -> ShapeClassifier:
    """Raises: ModelError if the file is missing, damaged or something else."""
    if not path.is_file():
        raise ModelError(
            f"There is no classifier '{path}': train one with 'shapewright evaluate classifier'."
        )
    try:
        with safe_open(path, framework="pt") as file:
            metadata = file.metadata() or {}
        if metadata.get("format") != FORMAT:
            raise ModelError(
                f"'{path}' is no classifier: give a file that 'shapewright evaluate classifier' has written."
            )
        classes = tuple(json.loads(metadata["classes"]))
        network = ShapeNetwork(len(classes))
        network.load_state_dict(load_file(path))
        figures = json.loads(metadata["figures"])
    except (OSError, KeyError, ValueError, SafetensorError, RuntimeError) as error:
        reason = str(error).strip().splitlines()[0]
        raise ModelError(f"'{path}' cannot be read as a classifier ({reason}).") from error
    return ShapeClassifier(network=network.eval().requires_grad_(False), classes=classes, figures=figures)
