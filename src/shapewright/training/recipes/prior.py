"""Recipes for the priors: of text or of images, for each size of autoencoder."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Literal

from shapewright.diffusion import DiffusionConfig
from shapewright.diffusion.schedules import ScheduleConfig
from shapewright.errors import ConfigError
from shapewright.prior.config import PriorConfig
from shapewright.prior.sampling import SamplerConfig
from shapewright.training.loop import LoopConfig
from shapewright.training.objectives.denoising import DenoisingConfig
from shapewright.training.variation import Augmentation
from shapewright.training.view_conditions import ViewConditionsConfig

__all__ = ["PRIOR_RECIPES", "ConditionKind", "PriorRecipe", "homeware", "paper", "single_gpu", "tiny"]

ConditionKind = Literal["text", "image", "either"]

# MiniLM's vectors and tokens; CLIP ViT-L/14's text vectors and tokens, and its patches of a picture.
MINILM_WIDTH, CLIP_TEXT_WIDTH, CLIP_IMAGE_WIDTH = 384, 768, 1024
CLIP_LARGE = "openai/clip-vit-large-patch14"
# 49 patches of 768 numbers where the large one has 256: a small prior would spend its time on the picture
CLIP_SMALL, CLIP_SMALL_WIDTH = "openai/clip-vit-base-patch32", 768
EFFICIENTNET_WIDTH = 1280

# Noise levels found by search on the shipped prior (benchmarks/solvers.md), and guidance likewise: of 1.5,
# 2, 2.5, 3 and 4 the kinds and colours asked for came most often at 3.
SAMPLER = SamplerConfig(
    steps=24,
    guidance=3.0,
    sigma_min=0.02,
    sigma_max=80.0,
    method="unipc",
    clip=4.0,
    levels=(80.0, 27.0, 11.0, 4.7, 1.9, 0.65, 0.22, 0.07, 0.02),
)

# The paper saw its text prior overfit late in training: after so many validations without a smaller
# held-out loss a large prior's training ends, and the best model is kept.
PATIENCE = 10


@dataclass(frozen=True, kw_only=True)
class PriorRecipe:
    """All that defines a prior run but its data and the autoencoder.

    `text` and `image` name the frozen encoders of the condition, one of them or both; `clip` is the folder or
    the hub id of CLIP's weights, where that is CLIP. `sampler` holds the finished model's defaults. If there
    are no latents yet, `draws` variations of every asset are encoded, varied by `augmentation`.
    """

    model: PriorConfig
    text: Literal["minilm", "clip"] | None = None
    image: Literal["clip", "efficientnet"] | None = None
    clip: str = CLIP_LARGE
    objective: DenoisingConfig = field(default_factory=DenoisingConfig)
    loop: LoopConfig
    sampler: SamplerConfig = SAMPLER
    draws: int = 1
    augmentation: Augmentation = field(default_factory=Augmentation)
    views: ViewConditionsConfig = field(default_factory=ViewConditionsConfig)

    def __post_init__(self) -> None:
        told = (self.text is not None, self.image is not None)
        taken = (self.model.has_text, self.model.image_token_width is not None)
        if told != taken or not any(told):
            takes = " and ".join(name for name, is_so in zip(("text", "images"), taken, strict=True) if is_so)
            raise ConfigError(
                "A prior recipe has an encoder of text or of images, and a model that takes what it gives; "
                f"got text={self.text}, image={self.image} and a model that takes {takes or 'neither'}."
            )


def tiny(condition: ConditionKind = "text") -> PriorRecipe:
    """Seconds on one core: for tests and first looks. Fits the tiny autoencoder."""
    loop = LoopConfig(steps=150, batch_size=16, learning_rate=1e-3, warmup_steps=10, ema_decay=0.98)
    if condition == "image":
        model = small_image_prior(tokens=8, channels=8, width=64, layers=2, heads=2)
        return PriorRecipe(model=model, image="clip", clip=CLIP_SMALL, loop=loop)
    told = PriorRecipe(
        model=minilm_prior(tokens=8, channels=8, width=64, layers=2, heads=2), text="minilm", loop=loop
    )
    return told if condition == "text" else shown_too(told)


def homeware(condition: ConditionKind = "text") -> PriorRecipe:
    """The shipped model's prior, and one of pictures for the same autoencoder."""
    loop = LoopConfig(
        steps=4500,
        batch_size=64,
        learning_rate=1.5e-3,
        optimizer="muon",
        warmup_steps=200,
        ema_decay=0.999,
    )
    augmentation = Augmentation(recolor=0.65, scale=0.3, stretch=0.08)
    if condition == "image":
        return PriorRecipe(
            model=small_image_prior(tokens=32, channels=32, width=256, layers=10, heads=8),
            image="clip",
            clip=CLIP_SMALL,
            loop=loop,
            draws=6,
            augmentation=augmentation,
            views=ViewConditionsConfig(views=4),
        )
    told = PriorRecipe(
        model=minilm_prior(tokens=32, channels=32, width=256, layers=10, heads=8),
        text="minilm",
        objective=DenoisingConfig(caption_sharing=0.5),
        loop=loop,
        draws=12,
        augmentation=augmentation,
        views=ViewConditionsConfig(views=4),
    )
    return told if condition == "text" else shown_too(told)


def one_condition(condition: ConditionKind, recipe: str) -> None:
    """Raises: ConfigError for a prior of either."""
    if condition == "either":
        raise ConfigError(
            f"The recipe '{recipe}' makes a prior of text or one of images: take the condition text or image."
        )


def shown_too(told: PriorRecipe) -> PriorRecipe:
    """The recipe of a prior that makes latents of pictures too, seen by an ImageNet network."""
    model = replace(told.model, image_token_width=EFFICIENTNET_WIDTH)
    return replace(told, model=model, image="efficientnet")


def single_gpu(condition: ConditionKind = "text") -> PriorRecipe:
    """One GPU of 24 GB, a day or two, tens of thousands of assets. Fits the single-gpu autoencoder.

    Latents are standardised and the schedule is cosine, as for the small models; CLIP tells the text, its
    vector and its tokens, or the picture.
    """
    one_condition(condition, "single-gpu")
    sizes = small_prior(tokens=256, channels=256, width=768, layers=16, heads=12)
    common = PriorRecipe(
        model=replace(sizes, text_pooled_width=CLIP_TEXT_WIDTH, text_token_width=CLIP_TEXT_WIDTH),
        text="clip",
        objective=DenoisingConfig(caption_sharing=0.25),
        loop=LoopConfig(
            steps=200_000,
            batch_size=128,
            learning_rate=2e-4,
            warmup_steps=2000,
            ema_decay=0.9998,
            validate_every=2000,
            patience=PATIENCE,
        ),
        sampler=replace(SAMPLER, steps=32),
        draws=4,
        augmentation=Augmentation(recolor=0.3, scale=0.3, stretch=0.08),
    )
    if condition == "text":
        return common
    return replace(
        common,
        model=replace(sizes, image_token_width=CLIP_IMAGE_WIDTH),
        text=None,
        image="clip",
        objective=DenoisingConfig(),
        sampler=replace(common.sampler, guidance=3.0),
        views=ViewConditionsConfig(views=4, most_gib=500.0),
    )


def paper(condition: ConditionKind = "text") -> PriorRecipe:
    """The published priors; batch, rate and steps are not published and are our choice.

    x0 and a learned variance under the exp schedule, on latents as they are.
    """
    one_condition(condition, "paper")
    text = PriorRecipe(
        model=PriorConfig(text_pooled_width=CLIP_TEXT_WIDTH),
        text="clip",
        objective=DenoisingConfig(standardise=False),
        loop=LoopConfig(
            steps=600_000,
            batch_size=64,
            learning_rate=1e-4,
            ema_decay=0.9999,
            activation_checkpointing=True,
            validate_every=2000,
            patience=PATIENCE,
        ),
        sampler=SamplerConfig(),
        augmentation=Augmentation.none(),
    )
    if condition == "text":
        return text
    return replace(
        text,
        model=PriorConfig(heads=8, image_token_width=CLIP_IMAGE_WIDTH),
        text=None,
        image="clip",
        sampler=SamplerConfig(guidance=3.0),
        views=ViewConditionsConfig(views=20),
    )


def minilm_prior(*, tokens: int, channels: int, width: int, layers: int, heads: int) -> PriorConfig:
    """A prior told the sentence as one token and as a sequence of tokens."""
    sizes = small_prior(tokens=tokens, channels=channels, width=width, layers=layers, heads=heads)
    return replace(sizes, text_pooled_width=MINILM_WIDTH, text_token_width=MINILM_WIDTH)


def small_image_prior(*, tokens: int, channels: int, width: int, layers: int, heads: int) -> PriorConfig:
    """A prior shown the picture as the patches of the smaller CLIP."""
    sizes = small_prior(tokens=tokens, channels=channels, width=width, layers=layers, heads=heads)
    return replace(sizes, image_token_width=CLIP_SMALL_WIDTH)


def small_prior(*, tokens: int, channels: int, width: int, layers: int, heads: int) -> PriorConfig:
    """Sizes and diffusion of a prior of small latents, but for its condition."""
    return PriorConfig(
        latent_tokens=tokens,
        latent_channels=channels,
        width=width,
        layers=layers,
        heads=heads,
        # docs/decisions/0003: standardised latents of a small model need little noise told apart finely
        predict_variance=False,
        diffusion=DiffusionConfig(schedule=ScheduleConfig(name="cosine")),
    )


PRIOR_RECIPES: Mapping[str, Callable[[ConditionKind], PriorRecipe]] = {
    "tiny": tiny,
    "homeware": homeware,
    "single-gpu": single_gpu,
    "paper": paper,
}
