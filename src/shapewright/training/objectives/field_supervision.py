"""The field taught directly at points: what two cores can afford in place of rendering rays.

The encoder sees an asset's points; the field that it writes is asked for signed distance, density and
colour at points whose answers are known. Not in the paper: see docs/decisions/0002-direct-supervision.md.
Shapes: B assets, N points, Q queries.
"""

from dataclasses import dataclass, field

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from shapewright.autoencoder import Autoencoder
from shapewright.dataset.loader import AssetRecord
from shapewright.encoder import PointBranchConfig
from shapewright.errors import ModelError
from shapewright.field import FieldConfig, FieldOutput
from shapewright.field.point_losses import COARSE_DILATION, density_errors, signed_distance_errors
from shapewright.geometry.light import shade
from shapewright.nn.draws import WHOLE, Share
from shapewright.nn.point_conv import ball_query
from shapewright.training.batches import draw_indices, example_rng
from shapewright.training.objectives.queries import QueryBatch
from shapewright.training.variation import Augmentation, VariedAsset, vary

__all__ = [
    "FieldBatch",
    "FieldLossConfig",
    "FieldSupervision",
    "FieldSupervisionConfig",
    "field_losses",
    "truncation_of",
]

POSITION_ONLY = np.array([1, 1, 1, 0, 0, 0], dtype=np.float32)


@dataclass(frozen=True, kw_only=True)
class FieldLossConfig:
    """Queries of a step and weights of their losses.

    Distances are in world units; signed distance is squashed to tanh(distance / truncation), and a
    colour counts as much as exp(-|distance| / color_reach) says. `thickening` moves all surfaces outwards:
    a small field blurs, and what is thinner than its blur would vanish.
    """

    queries: int = 1024
    signed_distance_weight: float = 1.0
    density_weight: float = 0.2
    color_weight: float = 1.5
    color_reach: float = 0.03
    thickening: float = 0.0


@dataclass(frozen=True, kw_only=True)
class FieldSupervisionConfig(FieldLossConfig):
    """With what the encoder sees: points of a step, and how assets are varied."""

    points: int = 2048
    neighbor_pool: int = 32
    point_noise: float = 0.002
    augmentation: Augmentation = field(default_factory=Augmentation)


@dataclass(frozen=True, kw_only=True)
class FieldBatch(QueryBatch):
    """Inputs of one step, beside its queries and their answers."""

    names: list[str]
    points: Float[Tensor, "b n 6"]
    neighbors: Int[Tensor, "b c k"]


class FieldSupervision:
    """Trains an autoencoder on records held in memory."""

    def __init__(
        self,
        model: Autoencoder,
        records: list[AssetRecord],
        config: FieldSupervisionConfig,
        *,
        batch_size: int,
        seed: int = 0,
    ) -> None:
        self.model, self.records, self.config = model, records, config
        self.batch_size, self.seed = batch_size, seed
        self.conv = point_branch(model).conv
        self.truncation = truncation_of(model.config.field)
        self.neighbors = [self.neighbor_pool(record) for record in records]

    def neighbor_pool(self, record: AssetRecord) -> np.ndarray:
        """(centres, pool) int16 candidates, found once: augmentation hardly changes who is near."""
        xyz = torch.from_numpy(record.points[None, : self.config.points, :3].astype(np.float32))
        centers = xyz[:, : self.conv.centers]
        return (
            ball_query(xyz, centers, self.conv.radius, self.config.neighbor_pool)[0].numpy().astype(np.int16)
        )

    def batch(self, step: int) -> FieldBatch:
        return self.batch_share(step, WHOLE)

    def batch_share(self, step: int, share: Share) -> FieldBatch:
        chosen = draw_indices(len(self.records), self.batch_size, step, self.seed)
        places = share.of(self.batch_size)
        return self.stacked([self.example(int(chosen[p]), example_rng(self.seed, step, p)) for p in places])

    def example(self, index: int, rng: np.random.Generator) -> dict[str, np.ndarray | str]:
        """One asset, varied: its points, and a random run of its queries with their answers."""
        record, config = self.records[index], self.config
        varied = vary(record, self.window(index, rng), config.points, config.augmentation, rng)
        return self.described(index, varied, rng)

    def window(self, index: int, rng: np.random.Generator) -> slice:
        """A random run of the record's queries; they are stored in random order."""
        count = self.config.queries
        start = int(rng.integers(0, max(1, len(self.records[index].queries) - count + 1)))
        return slice(start, start + count)

    def described(
        self, index: int, varied: VariedAsset, rng: np.random.Generator
    ) -> dict[str, np.ndarray | str]:
        """A varied asset as one example of a batch, with some of its neighbourhoods' candidates."""
        noise = rng.normal(0, self.config.point_noise, varied.points.shape).astype(np.float32)
        pool = self.neighbors[index]
        order = rng.permuted(np.tile(np.arange(pool.shape[1]), (len(pool), 1)), axis=1)
        return {
            "names": self.records[index].id,
            "points": varied.points + noise * POSITION_ONLY,
            "neighbors": np.take_along_axis(pool, order[:, : self.conv.neighbors], axis=1),
            "queries": varied.queries,
            "signed_distance": varied.signed_distance + np.float32(self.config.thickening),
            "colors": varied.query_colors,
            "lit": shade(varied.query_colors, varied.query_normals),
        }

    def losses(self, model: nn.Module, batch: FieldBatch, generator: torch.Generator) -> dict[str, Tensor]:
        batch = batch.to(generator.device)
        # through the wrapper that accelerate may have put around the model, so that gradients are shared
        return self.losses_of(
            model(batch.points, batch.queries, neighbors=batch.neighbors, generator=generator), batch
        )

    def losses_of(self, output: FieldOutput, batch: FieldBatch) -> dict[str, Tensor]:
        """The losses of a field's answers to the batch's queries."""
        scale = self.model.config.field.density_scale
        return field_losses(output, batch, self.config, truncation=self.truncation, density_scale=scale)

    def stacked(self, examples: list[dict[str, np.ndarray | str]]) -> FieldBatch:
        return stack(examples)

    def asset_names(self, batch: FieldBatch) -> list[str]:
        return batch.names


def point_branch(model: Autoencoder) -> PointBranchConfig:
    """Raises: ModelError if the model sees more or other than points."""
    encoder = model.config.encoder
    if encoder is None or encoder.points is None or encoder.views is not None:
        raise ModelError("Direct supervision alone is for encoders of points; use another stage.")
    return encoder.points


def truncation_of(field: FieldConfig) -> float:
    """Raises: ModelError if the field's signed distance has no truncation."""
    if field.signed_distance_truncation is None:
        raise ModelError(
            "Direct supervision squashes distances, but the model has no "
            "model.field.signed_distance_truncation."
        )
    return field.signed_distance_truncation


def stack(examples: list[dict[str, np.ndarray | str]]) -> FieldBatch:
    def tensor(name: str, dtype: torch.dtype = torch.float32) -> Tensor:
        return torch.from_numpy(np.stack([np.asarray(e[name]) for e in examples])).to(dtype)

    return FieldBatch(
        names=[str(e["names"]) for e in examples],
        neighbors=tensor("neighbors", torch.int64),
        **{k: tensor(k) for k in ("points", "queries", "signed_distance", "colors", "lit")},
    )


def field_losses(
    output: FieldOutput,
    batch: QueryBatch,
    config: FieldLossConfig,
    *,
    truncation: float,
    density_scale: float,
) -> dict[str, Tensor]:
    """Cross-entropy on the squashed signed distance, L1 on both densities' ramps and on colours."""
    raw, distance = output.raw, batch.signed_distance
    signed_distance = signed_distance_errors(raw[..., 0], distance / truncation).mean()
    densities = raw[..., 1:3] / density_scale
    density = density_errors(densities[..., 0], distance + COARSE_DILATION).mean()
    density = density + density_errors(densities[..., 1], distance).mean()
    weight = torch.exp(-distance.abs() / config.color_reach)[..., None]
    stf = weighted_l1(output.stf_color, batch.colors, weight)
    nerf = weighted_l1(output.color_fine, batch.lit, weight) + weighted_l1(
        output.color_coarse, batch.lit, weight
    )
    loss = (
        config.signed_distance_weight * signed_distance
        + config.density_weight * density
        + config.color_weight * (stf + 0.5 * nerf)
    )
    with torch.no_grad():
        inside, said = distance > 0, raw[..., 0] > 0
        iou = (inside & said).sum() / (inside | said).sum().clamp(min=1)
    return {
        "loss": loss,
        "signed_distance": signed_distance,
        "density": density,
        "stf_color": stf,
        "nerf_color": nerf / 2,
        "iou": iou,
    }


def weighted_l1(
    color: Float[Tensor, "b q 3"], target: Float[Tensor, "b q 3"], weight: Float[Tensor, "b q 1"]
) -> Tensor:
    """Each asset's weighted mean, and the mean of these: a batch's loss is the mean of its shares' losses."""
    error = ((color - target).abs() * weight).sum(dim=(1, 2))
    return (error / (3 * weight.sum(dim=(1, 2))).clamp(min=1e-6)).mean()
