"""Sharper latents: every asset's latent refined beside the encoder, which follows.

An encoder on a small budget is the weakest part of the autoencoder. Here each training draw (an asset
as it is, or varied) has a latent of its own, started from the encoder's and pulled back to it, so that
latents stay on the few directions a prior can learn; the field learns from these, and the encoder
learns to give them. Not in the paper: docs/decisions/0003-refined-latents.md.
Shapes: B draws of a step, E of them also encoded, T tokens, D channels.
"""

from collections.abc import Callable
from dataclasses import dataclass, field, fields

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor, nn
from torch.nn import functional as F

from shapewright.autoencoder import Autoencoder
from shapewright.dataset.loader import AssetRecord
from shapewright.errors import ConfigError
from shapewright.field import FieldOutput
from shapewright.training.batches import draw_indices
from shapewright.training.latents import LatentSet, captions_of_varied
from shapewright.training.objectives.field_supervision import (
    FieldBatch,
    FieldSupervision,
    FieldSupervisionConfig,
)
from shapewright.training.variation import Augmentation, VariedAsset, vary

__all__ = ["LatentTable", "LatentTableConfig", "TabledAutoencoder"]

ENCODE_BATCH = 32


@dataclass(frozen=True, kw_only=True)
class LatentTableConfig:
    """`draws` latents an asset, the first of it as it is. `encoded` draws of a step go through the encoder.

    `pull` holds latents near the encoder's first ones, `follow` the encoder near the latents; both weigh
    mean squares before the tanh.
    """

    supervision: FieldSupervisionConfig = field(default_factory=FieldSupervisionConfig)
    draws: int = 3
    encoded: int = 8
    pull: float = 0.5
    follow: float = 0.5
    augmentation: Augmentation = field(default_factory=Augmentation)

    def __post_init__(self) -> None:
        if self.draws < 1 or self.encoded < 1:
            raise ConfigError(f"draws and encoded must be at least 1, got {self.draws} and {self.encoded}")


class TabledAutoencoder(nn.Module):
    """An autoencoder with a latent of its own for each of N draws, kept in [-1, 1]."""

    anchor: Float[Tensor, "n t d"]

    def __init__(self, autoencoder: Autoencoder, start: Float[Tensor, "n t d"]) -> None:
        super().__init__()
        self.autoencoder = autoencoder
        self.table = nn.Parameter(start.clone())
        self.register_buffer("anchor", start.clone())

    def forward(
        self,
        rows: Int[Tensor, " b"],
        batch: FieldBatch,
        encoded: int,
        generator: torch.Generator | None = None,
    ) -> tuple[FieldOutput, Float[Tensor, "b t d"], Float[Tensor, "e t d"]]:
        """Fields of all rows' latents and then of the encoded ones; the latents and the encodings."""
        rows_of_table = self.table[rows]
        # clamped for the field, but with a gradient that can bring a number beyond the bounds back
        latents = rows_of_table + (rows_of_table.clamp(-1, 1) - rows_of_table).detach()
        encoder, decoder = self.autoencoder.encoder, self.autoencoder.field
        assert encoder is not None, "a decoder alone cannot be refined"
        encodings = torch.tanh(encoder.channels(batch.points[:encoded], neighbors=batch.neighbors[:encoded]))
        noised = encoder.bottleneck.noised(torch.cat([latents, encodings]), generator)
        queries = torch.cat([batch.queries, batch.queries[:encoded]])
        return decoder.query(decoder.weights(noised), queries), latents, encodings


class LatentTable:
    """Trains a `TabledAutoencoder` on records held in memory."""

    def __init__(
        self,
        autoencoder: Autoencoder,
        records: list[AssetRecord],
        config: LatentTableConfig,
        *,
        batch_size: int,
        seed: int = 0,
        progress: Callable[[int, int], None] | None = None,
    ) -> None:
        self.records, self.config, self.batch_size, self.seed = records, config, batch_size, seed
        self.supervision = FieldSupervision(
            autoencoder, records, config.supervision, batch_size=batch_size, seed=seed
        )
        self.model = TabledAutoencoder(autoencoder, self.first_latents(autoencoder, progress))

    @property
    def entries(self) -> int:
        return len(self.records) * self.config.draws

    def draw(self, entry: int, window: slice) -> tuple[int, VariedAsset]:
        """(record number, the asset as entry number `entry` varies it: always the same way)."""
        index, draw = entry % len(self.records), entry // len(self.records)
        change = self.config.augmentation if draw else Augmentation.none()
        rng = np.random.default_rng((self.seed, 11, draw, index))
        return index, vary(self.records[index], window, self.config.supervision.points, change, rng)

    @torch.no_grad()
    def first_latents(
        self, autoencoder: Autoencoder, progress: Callable[[int, int], None] | None
    ) -> Float[Tensor, "n t d"]:
        """What the encoder says of every entry."""
        parts: list[Tensor] = []
        for start in range(0, self.entries, ENCODE_BATCH):
            entries = range(start, min(start + ENCODE_BATCH, self.entries))
            clouds = np.stack([self.draw(entry, slice(0, 1))[1].points for entry in entries])
            parts.append(autoencoder.eval().encode(torch.from_numpy(clouds)))
            if progress is not None:
                progress(entries[-1] + 1, self.entries)
        return torch.cat(parts)

    def batch(self, step: int) -> tuple[Tensor, FieldBatch]:
        rows = draw_indices(self.entries, self.batch_size, step, self.seed)
        rng = np.random.default_rng((self.seed, step))
        examples = [self.example(int(row), rng) for row in rows]
        return torch.from_numpy(rows), self.supervision.stacked(examples)

    def example(self, entry: int, rng: np.random.Generator) -> dict[str, np.ndarray | str]:
        index = entry % len(self.records)
        index, varied = self.draw(entry, self.supervision.window(index, rng))
        return self.supervision.described(index, varied, rng)

    def losses(
        self, model: nn.Module, batch: tuple[Tensor, FieldBatch], generator: torch.Generator
    ) -> dict[str, Tensor]:
        rows, examples = batch[0].to(generator.device), batch[1].to(generator.device)
        encoded = min(self.config.encoded, len(rows))
        output, latents, encodings = model(rows, examples, encoded, generator)
        losses = self.supervision.losses_of(output, doubled(examples, encoded))
        pull = F.mse_loss(latents, self.model.anchor[rows])
        follow = F.mse_loss(encodings, latents[:encoded].detach())
        loss = losses["loss"] + self.config.pull * pull + self.config.follow * follow
        return {**losses, "loss": loss, "pull": pull, "follow": follow}

    def asset_names(self, batch: tuple[Tensor, FieldBatch]) -> list[str]:
        return batch[1].names

    def latent_set(self, model: TabledAutoencoder) -> LatentSet:
        """The refined latents of `model` (this one or its average) with their texts."""
        drawn = [self.draw(entry, slice(0, 1)) for entry in range(self.entries)]
        return LatentSet(
            latents=model.table.detach().clamp(-1, 1).float().cpu(),
            assets=[self.records[index].id for index, _ in drawn],
            captions=[captions_of_varied(self.records[index], varied) for index, varied in drawn],
            variations=[varied.variation for _, varied in drawn],
        )


def doubled(batch: FieldBatch, encoded: int) -> FieldBatch:
    """The batch with its first `encoded` examples once more at the end."""
    tensors = [f.name for f in fields(batch) if f.name != "names"]
    again = {name: torch.cat([getattr(batch, name), getattr(batch, name)[:encoded]]) for name in tensors}
    return FieldBatch(names=batch.names + batch.names[:encoded], **again)
