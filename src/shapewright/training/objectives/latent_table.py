"""Sharper latents: every asset's latent refined beside the encoder, which follows.

An encoder on a small budget is the weakest part of the autoencoder. Here each training draw (an asset
as it is, or varied) has a latent of its own, started from the encoder's and pulled back to it, so that
latents stay on the few directions a prior can learn; the field learns from these, and the encoder
learns to give them. Not in the paper: docs/decisions/0003-refined-latents.md.
Shapes: N entries, B draws of a step, E of them also encoded, T tokens, D channels.
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
from shapewright.nn.draws import WHOLE, Share
from shapewright.training.batches import draw_indices, example_rng
from shapewright.training.latents import LatentSet, captions_of_varied
from shapewright.training.objectives.field_supervision import (
    FieldBatch,
    FieldSupervision,
    FieldSupervisionConfig,
)
from shapewright.training.variation import Augmentation, VariedAsset, vary

__all__ = ["LatentTable", "LatentTableConfig", "TableBatch", "TabledAutoencoder"]

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
        encoded: Int[Tensor, " e"],
        generator: torch.Generator | None = None,
    ) -> tuple[FieldOutput, Float[Tensor, "b t d"], Float[Tensor, "e t d"]]:
        """Fields of all rows' latents and then of those in `encoded`; the latents and the encodings."""
        rows_of_table = self.table[rows]
        # clamped for the field, but with a gradient that can bring a number beyond the bounds back
        latents = rows_of_table + (rows_of_table.clamp(-1, 1) - rows_of_table).detach()
        encoder, decoder = self.autoencoder.encoder, self.autoencoder.field
        assert encoder is not None, "a decoder alone cannot be refined"
        encodings = torch.tanh(encoder.channels(batch.points[encoded], neighbors=batch.neighbors[encoded]))
        # one after the other: only what has a fixed number of rows per example can be shared out
        noised = torch.cat([encoder.bottleneck.noised(part, generator) for part in (latents, encodings)])
        queries = torch.cat([batch.queries, batch.queries[encoded]])
        return decoder.query(decoder.weights(noised), queries), latents, encodings


@dataclass(frozen=True, kw_only=True)
class TableBatch:
    """Draws of one step: their rows in the table, and which of them are also encoded."""

    rows: Int[Tensor, " b"]
    encoded: Int[Tensor, " e"]
    examples: FieldBatch


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

    def batch(self, step: int) -> TableBatch:
        return self.batch_share(step, WHOLE)

    def batch_share(self, step: int, share: Share) -> TableBatch:
        places = share.of(self.batch_size)
        rows = draw_indices(self.entries, self.batch_size, step, self.seed)[places]
        rngs = [example_rng(self.seed, step, place) for place in places]
        examples = [self.example(int(row), rng) for row, rng in zip(rows, rngs, strict=True)]
        return TableBatch(
            rows=torch.from_numpy(rows),
            encoded=torch.from_numpy(self.encoded_of(share)),
            examples=self.supervision.stacked(examples),
        )

    def encoded_of(self, share: Share) -> np.ndarray:
        """Which of a share's draws go through the encoder: as many in each, spread over the whole batch.

        Raises: ConfigError if the shares cannot have equally many.
        """
        encoded = min(self.config.encoded, self.batch_size)
        if encoded % share.count:
            raise ConfigError(
                f"{share.count} shares of a step (processes times loop.accumulate) cannot encode {encoded} "
                f"draws between them; set objective.encoded to a multiple of {share.count}."
            )
        places = np.array(share.of(self.batch_size))
        reached, before = (places + 1) * encoded // self.batch_size, places * encoded // self.batch_size
        return np.flatnonzero(reached > before)

    def example(self, entry: int, rng: np.random.Generator) -> dict[str, np.ndarray | str]:
        index = entry % len(self.records)
        index, varied = self.draw(entry, self.supervision.window(index, rng))
        return self.supervision.described(index, varied, rng)

    def losses(self, model: nn.Module, batch: TableBatch, generator: torch.Generator) -> dict[str, Tensor]:
        rows, encoded = batch.rows.to(generator.device), batch.encoded.to(generator.device)
        examples = batch.examples.to(generator.device)
        output, latents, encodings = model(rows, examples, encoded, generator)
        losses = self.supervision.losses_of(output, doubled(examples, encoded))
        pull = F.mse_loss(latents, self.model.anchor[rows])
        follow = F.mse_loss(encodings, latents[encoded].detach())
        loss = losses["loss"] + self.config.pull * pull + self.config.follow * follow
        return {**losses, "loss": loss, "pull": pull, "follow": follow}

    def asset_names(self, batch: TableBatch) -> list[str]:
        return batch.examples.names

    def latent_set(self, model: TabledAutoencoder) -> LatentSet:
        """The refined latents of `model` (this one or its average) with their texts."""
        drawn = [self.draw(entry, slice(0, 1)) for entry in range(self.entries)]
        return LatentSet(
            latents=model.table.detach().clamp(-1, 1).float().cpu(),
            assets=[self.records[index].id for index, _ in drawn],
            captions=[captions_of_varied(self.records[index], varied) for index, varied in drawn],
            variations=[varied.variation for _, varied in drawn],
        )


def doubled(batch: FieldBatch, encoded: Int[Tensor, " e"]) -> FieldBatch:
    """The batch with its `encoded` examples once more at the end."""
    tensors = [f.name for f in fields(batch) if f.name != "names"]
    again = {name: torch.cat([getattr(batch, name), getattr(batch, name)[encoded]]) for name in tensors}
    return FieldBatch(names=batch.names + [batch.names[i] for i in encoded.tolist()], **again)
