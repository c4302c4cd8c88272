"""Recipes for fine-tuning a trained prior on a few models of one's own."""

from dataclasses import dataclass, field
from typing import Literal

from shapewright.errors import ConfigError
from shapewright.prior import PriorConfig
from shapewright.training.loop import LoopConfig
from shapewright.training.lora import LoraConfig
from shapewright.training.objectives.denoising import DenoisingConfig
from shapewright.training.variation import Augmentation

__all__ = ["FinetuningRecipe", "Method", "finetuning_recipe", "is_large"]

Method = Literal["lora", "full"]

# From this width on a prior is one of the published size: it learns at lower rates and needs more memory.
LARGE_WIDTH = 512


@dataclass(frozen=True, kw_only=True)
class FinetuningRecipe:
    """All that defines a fine-tuning but the models and the base. Without `lora` the whole prior learns.

    The encoder's latent of every model is improved by `refine` steps; or, without these, `draws` variations
    are encoded, varied by `augmentation` (only one, unvaried, where the views must fit the latent).
    `rehearsal` samples of a text prior are learnt beside them, so that it does not forget.
    """

    lora: LoraConfig | None = field(default_factory=LoraConfig)
    objective: DenoisingConfig = field(default_factory=DenoisingConfig)
    loop: LoopConfig
    refine: int = 0
    draws: int = 8
    rehearsal: int = 0
    augmentation: Augmentation = field(
        default_factory=lambda: Augmentation(mirror=0.0, recolor=0.0, scale=1.0, stretch=0.05)
    )

    def __post_init__(self) -> None:
        if self.draws < 1:
            raise ConfigError(f"draws must be at least 1, got {self.draws}")
        if self.rehearsal < 0 or self.refine < 0:
            raise ConfigError(
                f"rehearsal and refine must not be negative, got {self.rehearsal} and {self.refine}"
            )
        if self.augmentation.recolor:
            raise ConfigError("augmentation.recolor must be 0: captions would name colours that are gone")


def is_large(prior: PriorConfig) -> bool:
    """Whether it is treated as one of the published size."""
    return prior.width >= LARGE_WIDTH


def finetuning_recipe(method: Method, prior: PriorConfig) -> FinetuningRecipe:
    """The recipe for a prior of that size."""
    large = is_large(prior)
    rate = RATES[method, large]
    return FinetuningRecipe(
        lora=LoraConfig() if method == "lora" else None,
        # small encoders know few shapes; the published one knows many, and its latents take long to refine
        refine=0 if large else 250,
        # samples of a large prior take minutes each without a GPU
        rehearsal=128 if prior.has_text and not large else 0,
        loop=LoopConfig(
            steps=800 if method == "lora" else 400,  # it learns about half as fast
            batch_size=2 if large else 32,
            learning_rate=rate,
            warmup_steps=20,
            weight_decay=0.0,
            ema_decay=0.98,
            checkpoint_every_s=60.0,
        ),
    )


# Small ones measured with homeware on eight models; large ones are the usual, not measured.
RATES: dict[tuple[Method, bool], float] = {
    ("lora", False): 3e-3,
    ("full", False): 5e-4,
    ("lora", True): 1e-4,
    ("full", True): 1e-5,
}
