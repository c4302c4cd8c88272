"""Point-E's base and upsampler: recover points from their noised selves, knowing what is told of them.

The base learns a random part of an asset's cloud. The upsampler is given such a part and learns the rest,
so that what it is given in training is spread as what the base learns to draw.
Shapes: B clouds, K points of a stage, C channels (x, y, z, red, green, blue).
"""

from dataclasses import dataclass, field, replace

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor, nn

from shapewright.errors import ConfigError
from shapewright.nn.draws import WHOLE, Share
from shapewright.pointe import PointPrior
from shapewright.prior import Condition, PriorConfig
from shapewright.training.batches import draw_indices, example_rng
from shapewright.training.conditions import Conditions, ToldConfig
from shapewright.training.objectives.denoising import denoising_losses
from shapewright.training.point_draws import PointDraws
from shapewright.training.variation import Augmentation

__all__ = ["PointBatch", "PointDenoising", "PointDenoisingConfig", "points_taken"]


@dataclass(frozen=True, kw_only=True)
class PointDenoisingConfig(ToldConfig):
    """`cloud` points of an asset, of which a step takes some at random; `draws` variations of each asset."""

    cloud: int = 4096
    draws: int = 1
    augmentation: Augmentation = field(default_factory=Augmentation)

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.cloud < 1 or self.draws < 1:
            raise ConfigError(f"cloud and draws must be at least 1, got {self.cloud} and {self.draws}")


@dataclass(frozen=True, kw_only=True)
class PointBatch:
    """The stage's points as its diffusion sees them; the condition holds an upsampler's coarse ones."""

    names: list[str]
    points: Float[Tensor, "b k c"]
    condition: Condition


class PointDenoising:
    """Trains a `PointPrior`, of either kind, on records held in memory."""

    def __init__(
        self,
        model: PointPrior,
        draws: PointDraws,
        conditions: Conditions,
        config: PointDenoisingConfig,
        *,
        batch_size: int,
        seed: int = 0,
    ) -> None:
        assert draws.points >= points_taken(model.config), "a step takes no more points than a cloud has"
        self.model, self.draws, self.conditions, self.config = model, draws, conditions, config
        self.batch_size, self.seed = batch_size, seed

    def batch(self, step: int) -> PointBatch:
        return self.batch_share(step, WHOLE)

    def batch_share(self, step: int, share: Share) -> PointBatch:
        places = share.of(self.batch_size)
        entries = draw_indices(len(self.draws), self.batch_size, step, self.seed)[places]
        rngs = [example_rng(self.seed, step, place) for place in places]
        parts = [self.some_points(int(entry), rng) for entry, rng in zip(entries, rngs, strict=True)]
        clouds = torch.from_numpy(np.stack(parts))
        condition = self.conditions.draw(entries, np.array([rng.random() for rng in rngs]))
        low_res = self.model.config.low_res
        if low_res is not None:
            condition = replace(condition, low_res=clouds[:, : low_res.points])
        return PointBatch(
            names=[self.draws.record(int(entry)).id for entry in entries],
            points=self.model.scale(clouds[:, -self.model.config.latent_tokens :]),
            condition=condition,
        )

    def some_points(self, entry: int, rng: np.random.Generator) -> np.ndarray:
        """As many as a step takes, in random order."""
        return self.draws.cloud(entry)[rng.permutation(self.draws.points)[: points_taken(self.model.config)]]

    def losses(self, model: nn.Module, batch: PointBatch, generator: torch.Generator) -> dict[str, Tensor]:
        diffusion, drop = self.model.diffusion, self.config.condition_drop
        return denoising_losses(model, diffusion, batch.points, batch.condition, drop, generator)

    def asset_names(self, batch: PointBatch) -> list[str]:
        return batch.names


def points_taken(prior: PriorConfig) -> int:
    """Points of a cloud that one step of a stage takes: those it is given and those it learns."""
    return prior.latent_tokens + (0 if prior.low_res is None else prior.low_res.points)
