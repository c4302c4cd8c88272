"""Several objectives at once: every asset is encoded once, and its field answers all of them.

The published stages are mixtures: rays alone, rays and distillation, rays and pictures of the surface.
The direct supervision of docs/decisions/0002-direct-supervision.md can be added to any of them.
"""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import partial

import numpy as np
import torch
from torch import Tensor, nn

from shapewright.autoencoder import Autoencoder
from shapewright.dataset.loader import AssetRecord
from shapewright.errors import ConfigError
from shapewright.field import Field, FieldWeights
from shapewright.nn.draws import WHOLE, Share
from shapewright.training.batches import draw_indices
from shapewright.training.objectives.direct import Direct
from shapewright.training.objectives.distillation import Distillation, DistillationConfig
from shapewright.training.objectives.encoder_inputs import EncoderInputConfig, EncoderInputs, InputBatch
from shapewright.training.objectives.field_supervision import FieldLossConfig
from shapewright.training.objectives.joint_rendering import JointRendering, JointRenderingConfig
from shapewright.training.objectives.rendered_rays import RenderedRays, RenderedRaysConfig
from shapewright.training.objectives.tensor_batch import TensorBatch, joined
from shapewright.training.objectives.term import DrawnAsset, Term
from shapewright.training.view_cache import ViewCache

__all__ = ["Mixture", "MixtureBatch", "MixtureConfig"]

# Pictures are decoded by as many threads; a step waits for the slowest.
DECODERS = 4
# Every term draws from a stream of its own: switching one on does not change what another draws.
STREAMS = {"inputs": 0, "rays": 1, "distillation": 2, "surface": 3, "direct": 4}


@dataclass(frozen=True, kw_only=True)
class MixtureConfig:
    """Weights of the objectives (0: left out), then the settings of each and of the encoder's inputs.

    `view_cache_mb` is for decoded pictures: those of the last assets are kept in memory.
    """

    rays: float = 0.0
    distillation: float = 0.0
    surface: float = 0.0
    direct: float = 0.0
    inputs: EncoderInputConfig = field(default_factory=EncoderInputConfig)
    rendered_rays: RenderedRaysConfig = field(default_factory=RenderedRaysConfig)
    distilled: DistillationConfig = field(default_factory=DistillationConfig)
    joint_rendering: JointRenderingConfig = field(default_factory=JointRenderingConfig)
    supervised: FieldLossConfig = field(default_factory=FieldLossConfig)
    view_cache_mb: int = 2048

    def __post_init__(self) -> None:
        if min(self.weights.values()) < 0 or max(self.weights.values()) == 0:
            raise ConfigError(
                f"objective: weights must be at least 0 and one of them above it, got {self.weights}"
            )

    @property
    def weights(self) -> dict[str, float]:
        """By name of the objective."""
        return {
            "rays": self.rays,
            "distillation": self.distillation,
            "surface": self.surface,
            "direct": self.direct,
        }


@dataclass(frozen=True, kw_only=True)
class MixtureBatch(TensorBatch):
    """What the encoder sees of the assets, and what each objective asks of them."""

    names: list[str]
    inputs: InputBatch
    asked: dict[str, TensorBatch]


class Mixture:
    """Trains an autoencoder on records whose pictures are read as they are needed."""

    def __init__(
        self,
        model: Autoencoder,
        records: list[AssetRecord],
        config: MixtureConfig,
        *,
        batch_size: int,
        seed: int = 0,
    ) -> None:
        self.model, self.records, self.config = model, records, config
        self.batch_size, self.seed = batch_size, seed
        assert model.config.encoder is not None, "a decoder alone cannot be trained"
        self.inputs = EncoderInputs(config.inputs, model.config.encoder)
        self.terms = make_terms(config, model)
        self.cache = ViewCache(records, config.view_cache_mb)
        self.decoders = ThreadPoolExecutor(DECODERS, thread_name_prefix="views")

    def batch(self, step: int) -> MixtureBatch:
        return self.batch_share(step, WHOLE)

    def batch_share(self, step: int, share: Share) -> MixtureBatch:
        return self.examples(step, share.of(self.batch_size))

    def examples(self, step: int, positions: range) -> MixtureBatch:
        """These of a step's examples; the others are not made."""
        chosen = draw_indices(len(self.records), self.batch_size, step, self.seed)[list(positions)]
        return joined(list(self.decoders.map(partial(self.example, step), positions, chosen.tolist())))

    def example(self, step: int, position: int, index: int) -> MixtureBatch:
        """Record number `index` as the example at `position` of a step: a batch of one."""
        asset = DrawnAsset(record=self.records[index], views=partial(self.cache.views, index))

        def stream(name: str) -> np.random.Generator:
            return np.random.default_rng((self.seed, step, position, STREAMS[name]))

        return MixtureBatch(
            names=[asset.record.id],
            inputs=self.inputs.example(asset, stream("inputs")),
            asked={name: term.example(asset, stream(name)) for name, term in self.terms.items()},
        )

    def losses(self, model: nn.Module, batch: MixtureBatch, generator: torch.Generator) -> dict[str, Tensor]:
        """The weighted sum, and every objective's losses under its name."""
        batch = batch.to(generator.device)

        def ask(field: Field, weights: FieldWeights) -> dict[str, dict[str, Tensor]]:
            return {name: term.losses(field, weights, batch.asked[name]) for name, term in self.terms.items()}

        # through the wrapper that accelerate may have put around the model, so that gradients are shared
        answers = model(batch.inputs.points, ask, views=batch.inputs.views, generator=generator)
        parts = [self.config.weights[name] * losses["loss"] for name, losses in answers.items()]
        each = {f"{name}_{part}": value for name, losses in answers.items() for part, value in losses.items()}
        return {"loss": torch.stack(parts).sum(), **each}

    def asset_names(self, batch: MixtureBatch) -> list[str]:
        return batch.names


def make_terms(config: MixtureConfig, model: Autoencoder) -> dict[str, Term]:
    """The objectives that have a weight."""
    makers: dict[str, Callable[[], Term]] = {
        "rays": lambda: RenderedRays(config.rendered_rays),
        "distillation": lambda: Distillation(config.distilled),
        "surface": lambda: JointRendering(config.joint_rendering),
        "direct": lambda: Direct(config.supervised, model.config.field),
    }
    return {name: make() for name, make in makers.items() if config.weights[name] > 0}
