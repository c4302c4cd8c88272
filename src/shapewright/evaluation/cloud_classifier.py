"""Our own classifier of point clouds: it tells the kinds of a data set, and its features compare sets of clouds.

It stands in for PointNet++ (pointnet.py), whose weights are not ours to ship. What is computed from it is
reported under its own name: its numbers cannot be compared with published P-FID and P-IS.
Shapes: B clouds, N points, F features, K kinds.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self

import numpy as np
import torch
from jaxtyping import Float
from safetensors import SafetensorError, safe_open
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from shapewright.atomic_file import replacing
from shapewright.errors import ModelError
from shapewright.evaluation.point_features import PointFeatures, in_batches

__all__ = ["FEATURES", "CloudClassifier", "CloudNetwork", "load_classifier", "save_classifier"]

FORMAT = "shapewright-classifier-1"
OCTAVES, WIDTH, POOLED, FEATURES = 3, 64, 192, 64
CLOUDS_AT_ONCE = 32


class CloudNetwork(nn.Module):
    """The same small network for every point, the largest and the mean of its outputs, and two layers more.

    Source: Qi et al. (2017), "PointNet"; without its transforms, since assets stand upright in their box,
    and with sines of coordinates, so that few layers see small parts.
    """

    def __init__(self, kinds: int) -> None:
        super().__init__()
        self.points = nn.Sequential(
            nn.Linear(3 + 6 * OCTAVES, WIDTH), nn.GELU(), nn.Linear(WIDTH, WIDTH), nn.GELU(),
            nn.Linear(WIDTH, POOLED),
        )  # fmt: skip
        self.features = nn.Sequential(
            nn.LayerNorm(2 * POOLED), nn.Dropout(0.3), nn.Linear(2 * POOLED, FEATURES)
        )
        self.kinds = nn.Sequential(nn.GELU(), nn.Dropout(0.3), nn.Linear(FEATURES, kinds))

    def forward(self, clouds: Float[Tensor, "b n 3"]) -> tuple[Float[Tensor, "b f"], Float[Tensor, "b k"]]:
        """Features, and logits of the kinds."""
        scales = torch.pi * 2.0 ** torch.arange(OCTAVES, device=clouds.device)
        angles = (clouds[..., None] * scales).flatten(2)
        each = self.points(torch.cat([clouds, angles.sin(), angles.cos()], dim=-1))
        features = self.features(torch.cat([each.amax(dim=1), each.mean(dim=1)], dim=-1))
        return features, self.kinds(features)


@dataclass(frozen=True, kw_only=True, eq=False)
class CloudClassifier:
    """A `PointNetwork`. `figures` are what was measured when it was trained."""

    network: CloudNetwork
    kinds: tuple[str, ...]
    figures: dict[str, Any] = field(default_factory=dict)
    name: str = "own classifier"

    def see(self, clouds: Float[np.ndarray, "b n 3"]) -> PointFeatures:
        """Of 1024 points a cloud, evenly over the surface, as it was trained on."""
        return in_batches(clouds, CLOUDS_AT_ONCE, self.forward)

    def forward(self, clouds: Float[Tensor, "b n 3"]) -> tuple[Tensor, Tensor]:
        features, logits = self.network(clouds)
        return features, logits.softmax(dim=-1)

    @classmethod
    def untrained(cls, kinds: Sequence[str], *, seed: int = 0) -> Self:
        """With random weights."""
        with torch.random.fork_rng():
            torch.manual_seed(seed)
            return cls(network=CloudNetwork(len(kinds)).eval(), kinds=tuple(kinds))


def save_classifier(classifier: CloudClassifier, path: Path) -> None:
    """Write it in half precision. Raises: OutputError."""
    metadata = {
        "format": FORMAT,
        "kinds": json.dumps(classifier.kinds),
        "figures": json.dumps(classifier.figures),
    }
    weights = {name: part.half().contiguous() for name, part in classifier.network.state_dict().items()}
    with replacing(path) as temporary:
        save_file(weights, temporary, metadata=metadata)


def load_classifier(path: Path) -> CloudClassifier:
    """Raises: ModelError if the file is no classifier."""
    try:
        with safe_open(path, framework="pt") as file:
            metadata = file.metadata() or {}
        if metadata.get("format") != FORMAT:
            raise ModelError(
                f"'{path}' is no classifier: give a file that 'shapewright evaluate classifier' has written."
            )
        kinds = tuple(json.loads(metadata["kinds"]))
        network = CloudNetwork(len(kinds))
        network.load_state_dict({name: part.float() for name, part in load_file(path).items()})
    except (OSError, SafetensorError, RuntimeError, KeyError, ValueError) as error:
        reason = str(error).strip().splitlines()[0]
        raise ModelError(f"'{path}' cannot be read as a classifier ({reason}).") from error
    network.requires_grad_(False)
    return CloudClassifier(
        network=network.eval(), kinds=kinds, figures=json.loads(metadata.get("figures", "{}"))
    )
