"""How latents are drawn for what was read: guided, kept away from something, mixed, begun with another."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor

from shapewright.errors import ConfigError
from shapewright.pipeline.conditioners import Subjects
from shapewright.pipeline.draws import Draw, Progress, batches_of, shifted
from shapewright.pipeline.model_folder import Model
from shapewright.prior import Condition, SamplerConfig, Steering, sample

__all__ = ["STRENGTH", "Beginning", "Drawing", "Mix", "checked_mix", "guidance_of_each"]

Mix = Sequence[tuple[str, float]]
"""Prompts and their weights."""

# Where the shipped model keeps something of what it begins with, and follows the prompt (docs/editing.md).
STRENGTH = 0.6


@dataclass(frozen=True, kw_only=True)
class Beginning:
    """A latent (tokens, channels) to begin with, what it is called, and how far it is noised, in (0, 1]."""

    latent: Float[Tensor, "t c"]
    name: str
    strength: float


@dataclass(frozen=True, kw_only=True)
class Drawing:
    """Everything that latents follow from beside subject and seed.

    `guidance` is that of each subject, `negative` one subject, to keep away from.
    """

    sampler: SamplerConfig
    guidance: Sequence[float]
    negative: Subjects | None = None
    beginning: Beginning | None = None

    def latents(
        self, model: Model, subjects: Subjects, draws: list[Draw], batch_size: int, progress: Progress | None
    ) -> dict[Draw, Float[Tensor, "t c"]]:
        """One latent of the model for every draw, on the CPU, in [-1, 1]."""
        latents: dict[Draw, Tensor] = {}
        batches = batches_of(draws, batch_size)
        for index, batch in enumerate(batches):
            on_step = shifted(progress, index, len(batches))
            latents |= dict(zip(batch, self._batch(model, subjects, batch, on_step), strict=True))
        return latents

    def settings(self, subjects: Subjects, row: int) -> dict[str, Any]:
        """What is worth remembering with what is made of subject number `row`."""
        told: dict[str, Any] = {
            "steps": self.sampler.steps,
            "guidance": self.guidance[row],
            "method": self.sampler.method,
        }
        if self.sampler.guidance_interval:
            told["guidance_interval"] = list(self.sampler.guidance_interval)
        if self.negative is not None:
            told["negative"] = self.negative.names[0]
        if self.beginning is not None:
            told |= {"init": self.beginning.name, "strength": self.beginning.strength}
        return told | subjects.settings[row]

    def _batch(
        self, model: Model, subjects: Subjects, batch: list[Draw], on_step: Progress | None
    ) -> Float[Tensor, "b t c"]:
        assert model.prior is not None, "subjects were read for it"
        statistics = model.statistics
        condition, negative = self._conditions(subjects, batch)
        init = self.beginning and self.beginning.latent
        if init is not None and statistics is not None:
            init = statistics.standardise(init)
        steering = Steering(
            weights=subjects.weights,
            negative=negative,
            guidance=torch.tensor([draw.guidance for draw in batch]),
            init=init,
            strength=1.0 if self.beginning is None else self.beginning.strength,
        )
        seeds = [draw.seed for draw in batch]
        latents = sample(
            model.prior, condition, seeds=seeds, config=self.sampler, steering=steering, on_step=on_step
        ).cpu()
        restored = latents if statistics is None else statistics.restore(latents)
        return restored.clamp(-1, 1)  # what the encoder makes comes out of a tanh

    def _conditions(self, subjects: Subjects, batch: list[Draw]) -> tuple[Condition, Condition | None]:
        """Of what is wished for, a block for each part of a mixture, and of what is to be avoided."""
        parts = range(len(subjects.weights))
        rows = [len(subjects.names) * part + draw.row for part in parts for draw in batch]
        condition = subjects.condition.select(torch.tensor(rows))
        # all prompts of a batch have the same length, so trimming leaves each as it would be alone
        if self.negative is None:
            return condition.trimmed(), None
        avoided = self.negative.condition.select(torch.zeros(len(batch), dtype=torch.long))
        length = max(condition.text_length, avoided.text_length)
        return condition.trimmed(length), avoided.trimmed(length)


def guidance_of_each(guidance: float | Sequence[float], count: int) -> list[float]:
    """One for each of `count` subjects: the same for all, or as given. Raises: ConfigError."""
    if isinstance(guidance, int | float):
        return [float(guidance)] * count
    if len(guidance) not in (1, count):
        raise ConfigError(
            f"Guidance is one number for all or one for each prompt or picture: {len(guidance)} were given "
            f"for {count}."
        )
    return [float(number) for number in guidance] * (count if len(guidance) == 1 else 1)


def checked_mix(mix: Mix) -> tuple[list[str], tuple[float, ...]]:
    """The prompts, and their weights divided by their sum. Raises: ConfigError."""
    weights = [weight for _, weight in mix]
    if not mix or not all(0 <= weight < float("inf") for weight in weights) or not sum(weights) > 0:
        given = ", ".join(map(str, weights)) or "none"
        raise ConfigError(f"A mixture is of prompts with weights from 0 up, not all 0; got {given}.")
    return [prompt for prompt, _ in mix], tuple(weight / sum(weights) for weight in weights)
