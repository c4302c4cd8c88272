"""The public way in: a prompt becomes an asset, a 3D file becomes an asset, two assets become one between.

A text encoder reads the prompt; the prior, sampled by diffusion, draws a latent for it; the latent is an
asset, which the field decodes. A mesh gives points and views, which the encoder turns into a latent too.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Self

import torch
from jaxtyping import Float
from torch import Tensor

from shapewright.conditioning import TextConditioner
from shapewright.errors import ConfigError, ModelError
from shapewright.models import locate
from shapewright.pipeline.asset import Asset
from shapewright.pipeline.asset_input import read_asset
from shapewright.pipeline.device import choose_device
from shapewright.pipeline.latent_file import Origin, load_latent
from shapewright.pipeline.model_folder import Model, load_model
from shapewright.prior import Condition, Prior, SamplerConfig, sample

__all__ = ["Pipeline"]

Progress = Callable[[int, int], None]

# Beyond this a larger batch is no faster on the devices tried, and memory grows.
BATCH_SIZE = 16


@dataclass(frozen=True, kw_only=True)
class Draw:
    """One sample asked for: row of the prompt, its length in tokens, and the seed."""

    row: int
    tokens: int
    seed: int


class Pipeline:
    """A model ready for use. `text_encoder` is made from the model's config when it is first needed."""

    def __init__(
        self, model: Model, *, text_encoder: TextConditioner | None = None, device: str = "auto"
    ) -> None:
        self.model = model
        self.device = choose_device(device)
        self._text_encoder = text_encoder
        model.autoencoder.to(self.device).eval()
        if model.prior is not None:
            model.prior.to(self.device).eval()

    @classmethod
    def from_pretrained(cls, name: str | Path, *, device: str = "auto") -> Self:
        """A named model (`shapewright models list`) or a model folder.

        device: 'auto' takes CUDA, MPS or the CPU, the first there is.
        Raises: ModelError for an unknown name or damaged files; ConfigError for a device that is not there.
        """
        return cls(load_model(locate(name)), device=device)

    def generate(
        self,
        prompt: str | Sequence[str],
        *,
        seed: int = 0,
        n: int = 1,
        steps: int | None = None,
        guidance: float | None = None,
        batch_size: int = BATCH_SIZE,
        progress: Progress | None = None,
    ) -> list[Asset]:
        """`n` assets for each prompt, with seeds seed, seed + 1, ...; all of the first prompt come first.

        An asset depends on its prompt, seed and settings, never on what else is drawn with it.
        steps, guidance: the model's own if None. progress(done, total) is called after every step.
        Raises: PromptError for an empty or an endless prompt; ConfigError; ModelError without a text prior.
        """
        prompts = [prompt] if isinstance(prompt, str) else list(prompt)
        if n < 1 or seed < 0:
            raise ConfigError(f"n must be at least 1 and seed not negative, got n {n} and seed {seed}.")
        sampler = self.sampler(steps=steps, guidance=guidance)
        condition, lengths = self._read(prompts)
        draws = [
            Draw(row=row, tokens=lengths[row], seed=seed + k) for row in range(len(prompts)) for k in range(n)
        ]
        latents: dict[Draw, Tensor] = {}
        batches = _batches(draws, batch_size)
        for index, batch in enumerate(batches):
            on_step = _shifted(progress, index, len(batches))
            latents |= dict(zip(batch, self._sample(condition, batch, sampler, on_step), strict=True))
        settings = {"steps": sampler.steps, "guidance": sampler.guidance, "method": sampler.method}
        return [
            self.asset(latents[draw], prompt=prompts[draw.row].strip(), seed=draw.seed, settings=settings)
            for draw in draws
        ]

    def encode(self, path: str | Path) -> Asset:
        """The asset nearest to a 3D file (GLB, glTF, OBJ, PLY, STL, OFF, 3MF).

        Raises: AssetFileError if the file cannot be used.
        """
        seen = read_asset(Path(path), self.model.config).to(self.device)
        with torch.no_grad():
            latent = self.model.autoencoder.encode(seen.points, seen.views)[0]
        return self.asset(
            latent, prompt=Path(path).stem, seed=None, settings={"encoded_from": Path(path).name}
        )

    def interpolate(self, first: Asset, second: Asset, fraction: float) -> Asset:
        """The asset on the straight line between two latents: 0 is the first, 1 the second.

        Raises: ConfigError if `fraction` is outside [0, 1].
        """
        if not 0 <= fraction <= 1:
            raise ConfigError(f"The fraction between two assets must be in 0..1, got {fraction}.")
        latent = torch.lerp(first.latent, second.latent, fraction)
        settings = {"fraction": fraction, "seeds": [first.seed, second.seed]}
        return self.asset(latent, prompt=f"{first.prompt} -> {second.prompt}", seed=None, settings=settings)

    def load(self, path: str | Path) -> Asset:
        """The asset in a latent file that this model made.

        Raises: AssetFileError if it cannot be read; ModelError if another model made it.
        """
        latent, origin = load_latent(Path(path))
        if origin.model_sha256 != self.model.sha256:
            raise ModelError(
                f"'{path}' was made by the model '{origin.model}' ({origin.model_sha256[:12]}), "
                f"not by '{self.model.config.name}' ({self.model.sha256[:12]}), and cannot be decoded by it."
            )
        return Asset(latent, self.model.autoencoder.field, origin)

    def sampler(self, *, steps: int | None = None, guidance: float | None = None) -> SamplerConfig:
        """The model's sampling settings, with these in place of its own where given."""
        own = self.model.config.sampler
        return replace(
            own,
            steps=own.steps if steps is None else steps,
            guidance=own.guidance if guidance is None else guidance,
        )

    def asset(self, latent: Tensor, *, prompt: str, seed: int | None, settings: dict[str, Any]) -> Asset:
        """A latent (tokens, channels) of this model as an asset that remembers where it came from."""
        origin = Origin(
            model=self.model.config.name,
            model_sha256=self.model.sha256,
            prompt=prompt,
            seed=seed,
            settings=settings,
        )
        return Asset(latent, self.model.autoencoder.field, origin)

    def _read(self, prompts: list[str]) -> tuple[Condition, list[int]]:
        """The prompts as the prior takes them, and how many tokens each has."""
        self._text_prior()
        if self._text_encoder is None:
            from shapewright.conditioning.minilm import MiniLM

            self._text_encoder = MiniLM(max_tokens=self.model.config.text_tokens)
        features = self._text_encoder.encode(prompts)
        return Condition.from_text(features), features.mask.sum(dim=1).tolist()

    def _text_prior(self) -> Prior:
        prior = self.model.prior
        if prior is None or not prior.config.has_text:
            raise ModelError(f"The model '{self.model.config.name}' does not make objects from text.")
        return prior

    def _sample(
        self, condition: Condition, batch: list[Draw], sampler: SamplerConfig, on_step: Progress | None
    ) -> Float[Tensor, "b t c"]:
        # all prompts of a batch have the same length, so trimming leaves each as it would be alone
        rows = condition.select(torch.tensor([draw.row for draw in batch])).trimmed()
        seeds = [draw.seed for draw in batch]
        latents = sample(self._text_prior(), rows, seeds=seeds, config=sampler, on_step=on_step).cpu()
        statistics = self.model.statistics
        restored = latents if statistics is None else statistics.restore(latents)
        return restored.clamp(-1, 1)  # what the encoder makes comes out of a tanh


def _batches(draws: list[Draw], size: int) -> list[list[Draw]]:
    """Draws whose prompts have equally many tokens, at most `size` at once."""
    by_length: dict[int, list[Draw]] = {}
    for draw in draws:
        by_length.setdefault(draw.tokens, []).append(draw)
    return [group[i : i + size] for group in by_length.values() for i in range(0, len(group), size)]


def _shifted(progress: Progress | None, batch: int, batches: int) -> Progress | None:
    """Steps of one batch as steps of all of them."""
    if progress is None:
        return None
    return lambda done, total: progress(batch * total + done, batches * total)
