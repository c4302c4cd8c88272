"""Point-E's SDF model: the signed distance at positions, seen from the points of a cloud.

L1 that weighs too large a value more than too small a one: where it is in doubt, the model says outside, and
thin or noisy parts of a cloud do not grow walls. Source: Point-E, appendix on meshes, recalled: the weight 4
and noise of 0.005 on the points. Shapes: B clouds, N points, Q queries.
"""

from dataclasses import dataclass, field

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor, nn

from shapewright.dataset.loader import AssetRecord
from shapewright.errors import ConfigError
from shapewright.nn.draws import WHOLE, Share
from shapewright.pointe import PointCloudSdf
from shapewright.training.batches import draw_indices, example_rng
from shapewright.training.point_draws import FRAME
from shapewright.training.variation import Augmentation, vary

__all__ = ["PointSdf", "PointSdfConfig", "SdfBatch", "sdf_losses"]


@dataclass(frozen=True, kw_only=True)
class PointSdfConfig:
    """`cloud` points of an asset, of which the model sees as many as its config says, chosen at random.

    Lengths are in Point-E's frame, a cube of side 1. The target is distance * `distance_scale`, which leaves
    the surface where it is; distances beyond `truncation` count as that much (None: no bound). `point_noise`
    is a standard deviation.
    """

    cloud: int = 4096
    queries: int = 4096
    too_large_weight: float = 4.0
    distance_scale: float = 1.0
    truncation: float | None = None
    point_noise: float = 0.005
    augmentation: Augmentation = field(default_factory=Augmentation)

    def __post_init__(self) -> None:
        if self.cloud < 1 or self.queries < 1:
            raise ConfigError(f"cloud and queries must be at least 1, got {self.cloud} and {self.queries}")
        if not self.too_large_weight > 0 or not self.distance_scale > 0 or not self.point_noise >= 0:
            raise ConfigError("too_large_weight and distance_scale must be positive, point_noise at least 0")
        if self.truncation is not None and not self.truncation > 0:
            raise ConfigError(f"truncation must be positive, got {self.truncation}")


@dataclass(frozen=True, kw_only=True)
class SdfBatch:
    """What the model sees, what it is asked and what it should say."""

    names: list[str]
    positions: Float[Tensor, "b n 3"]
    queries: Float[Tensor, "b q 3"]
    targets: Float[Tensor, "b q"]


class PointSdf:
    """Trains a `PointCloudSdf` on records held in memory."""

    def __init__(
        self,
        model: PointCloudSdf,
        records: list[AssetRecord],
        config: PointSdfConfig,
        *,
        batch_size: int,
        seed: int = 0,
    ) -> None:
        assert config.cloud >= model.config.points, "the model sees no more points than a cloud has"
        self.model, self.records, self.config = model, records, config
        self.batch_size, self.seed = batch_size, seed

    def batch(self, step: int) -> SdfBatch:
        return self.batch_share(step, WHOLE)

    def batch_share(self, step: int, share: Share) -> SdfBatch:
        places = share.of(self.batch_size)
        chosen = draw_indices(len(self.records), self.batch_size, step, self.seed)[places]
        examples = [
            self.example(self.records[index], example_rng(self.seed, step, place))
            for place, index in zip(places, chosen, strict=True)
        ]
        positions, queries, targets = (
            torch.from_numpy(np.stack(part).astype(np.float32)) for part in zip(*examples, strict=True)
        )
        names = [self.records[index].id for index in chosen]
        return SdfBatch(names=names, positions=positions, queries=queries, targets=targets)

    def example(
        self, record: AssetRecord, rng: np.random.Generator
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Positions (N, 3), queries (Q, 3) and targets (Q,) of the asset, varied."""
        config = self.config
        start = int(rng.integers(0, max(1, len(record.queries) - config.queries + 1)))
        window = slice(start, start + config.queries)  # queries are stored in random order
        varied = vary(record, window, config.cloud, config.augmentation, rng)
        seen = varied.points[rng.permutation(config.cloud)[: self.model.config.points], :3] * FRAME
        noise = rng.normal(0, config.point_noise, seen.shape)
        return seen + noise, varied.queries * FRAME, self.target(varied.signed_distance * FRAME)

    def target(self, distance: np.ndarray) -> np.ndarray:
        """What is asked for in place of a signed distance in Point-E's frame."""
        bound = np.inf if self.config.truncation is None else self.config.truncation
        return distance.clip(-bound, bound) * self.config.distance_scale

    def losses(self, model: nn.Module, batch: SdfBatch, generator: torch.Generator) -> dict[str, Tensor]:
        device = generator.device
        said = model(batch.positions.to(device), batch.queries.to(device))
        return sdf_losses(said, batch.targets.to(device), too_large_weight=self.config.too_large_weight)

    def asset_names(self, batch: SdfBatch) -> list[str]:
        return batch.names


def sdf_losses(
    said: Float[Tensor, "b q"], targets: Float[Tensor, "b q"], *, too_large_weight: float
) -> dict[str, Tensor]:
    """The loss, the plain mean error, and the overlap of what is inside with what is said to be."""
    error = said.float() - targets
    weight = torch.where(error > 0, too_large_weight, 1.0)
    with torch.no_grad():
        inside, said_inside = targets > 0, said > 0
        iou = (inside & said_inside).sum() / (inside | said_inside).sum().clamp(min=1)
    return {"loss": (weight * error.abs()).mean(), "error": error.detach().abs().mean(), "iou": iou}
