"""What reads prompts and pictures for a model's prior: frozen encoders, each loaded when first needed."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import torch
from jaxtyping import Float
from PIL import Image, ImageOps
from torch import Tensor

from shapewright.conditioning import TextConditioner, TextFeatures
from shapewright.conditioning.clip import ImageConditioner
from shapewright.conditioning.lexicon import Understanding, household_lexicon, understood
from shapewright.conditioning.pictures import object_square, open_picture
from shapewright.conditioning.text import checked_prompts
from shapewright.errors import ImageError, ModelError
from shapewright.pipeline.clip_source import load_clip_image, load_clip_text
from shapewright.pipeline.model_folder import Model, ModelConfig
from shapewright.prior import Condition, PriorConfig

__all__ = [
    "PICTURE_GRID",
    "Conditioners",
    "Kind",
    "Picture",
    "PictureOptions",
    "Subjects",
    "check_width",
    "load_image_encoder",
    "load_text_encoder",
    "ready_picture",
    "require_kind",
    "understood_prompt",
]

# A small prior is told of a picture by so many features a side, fewer than the network's own 7.
PICTURE_GRID = 4
Kind = Literal["text", "pictures"]
Picture = Image.Image | str | Path

INSTEAD: dict[Kind, str] = {
    "text": "give a picture (image=..., --image), or take a model that reads text, such as 'homeware'",
    "pictures": "give a prompt, or take a model that sees pictures, such as 'openai/shap-e-img2img'",
}


@dataclass(frozen=True, kw_only=True)
class PictureOptions:
    """How pictures are made ready: see `conditioning.pictures.object_square` and `Pipeline.generate`."""

    foreground_ratio: float | None = None
    remove_background: bool = False


@dataclass(frozen=True, kw_only=True)
class Subjects:
    """What is to be made. Row i of `condition` is called names[i] and has tokens[i] tokens of text.

    `settings` are worth remembering with what is made of each. Of a mixture `condition` has a block of rows
    for each of `weights`, which sum to 1.
    """

    names: list[str]
    condition: Condition
    tokens: list[int]
    settings: list[dict[str, Any]]
    weights: tuple[float, ...] = (1.0,)

    def mixed(self, weights: tuple[float, ...]) -> "Subjects":
        """All as one subject, in these parts, which sum to 1."""
        parts = list(zip(self.names, weights, strict=True))
        return Subjects(
            names=[" + ".join(f"{weight:.3g} {name}" for name, weight in parts)],
            condition=self.condition,
            tokens=[max(self.tokens)],
            settings=[{"mix": [[name, weight] for name, weight in parts]}],
            weights=weights,
        )


def require_kind(config: ModelConfig, kind: Kind) -> PriorConfig:
    """The prior, if it makes objects from `kind`.

    Raises: ModelError that says what the model does and what to use.
    """
    prior = config.prior
    if prior is None:
        raise ModelError(
            f"The model '{config.name}' does not make objects from text or pictures, having no prior; "
            "it encodes and decodes them. Use another one, such as 'homeware'."
        )
    kinds: dict[Kind, bool] = {"text": prior.has_text, "pictures": prior.image_token_width is not None}
    if not kinds[kind]:
        other = next((name for name, there in kinds.items() if there), None)
        what = f"makes objects from {other}, not from {kind}" if other else "takes no prompts or pictures"
        raise ModelError(f"The model '{config.name}' {what}; {INSTEAD[kind]}.")
    return prior


class Conditioners:
    """The text and image encoders of one model on one device.

    Everything is read one by one, so that no row of a condition depends on the others, not even by rounding.
    """

    def __init__(
        self,
        model: Model,
        device: torch.device,
        *,
        text: TextConditioner | None = None,
        image: ImageConditioner | None = None,
    ) -> None:
        self.config, self.folder, self.device = model.config, model.folder, device
        self._given_text, self._given_image = text, image
        self.release()

    def release(self) -> None:
        """Forget the encoders that were loaded here and free their memory; the next use loads them again."""
        self._text, self._image = self._given_text, self._given_image

    def read_prompts(self, prompts: list[str]) -> Subjects:
        """Raises: PromptError; ModelError for a model without a text prior or with no encoder to be had."""
        prior = require_kind(self.config, "text")
        names = checked_prompts(prompts)
        if self._text is None:
            self._text = load_text_encoder(self.config, self.folder, self.device)
        told = [understood_prompt(self.config, name) for name in names]
        parts = [self._text.encode([each.text]) for each in told]
        pooled, tokens, mask = (
            torch.cat(rows)
            for rows in zip(*((part.pooled, part.tokens, part.mask) for part in parts), strict=True)
        )
        features = TextFeatures(pooled=pooled, tokens=tokens, mask=mask)
        condition = text_condition(prior, features, self.config.name)
        lengths = [0] * len(names) if condition.text_mask is None else condition.text_mask.sum(dim=1).tolist()
        settings = [
            {} if each.language is None else {"understood_as": each.text, "language": each.language}
            for each in told
        ]
        return Subjects(names=names, condition=condition, tokens=lengths, settings=settings)

    def read_pictures(self, pictures: Sequence[Picture], options: PictureOptions) -> Subjects:
        """Raises: ImageError; ConfigError; ModelError for a model without an image prior."""
        prior = require_kind(self.config, "pictures")
        if not pictures:
            raise ImageError("No picture was given: give one that shows an object.")
        squares = [ready_picture(picture, options) for picture in pictures]
        if self._image is None:
            self._image = load_image_encoder(self.config, self.folder, self.device)
        check_width("image", prior.image_token_width, self._image.width_tokens, self.config.name)
        tokens = torch.cat([self._image.encode([square]) for square in squares])
        files = [name_of(picture) for picture in pictures]
        settings = {
            "foreground_ratio": options.foreground_ratio,
            "remove_background": options.remove_background,
        }
        return Subjects(
            names=[Path(file).stem for file in files],
            condition=picture_condition(prior, tokens),
            tokens=[0] * len(files),
            settings=[{"image": file, **settings} for file in files],
        )


def understood_prompt(config: ModelConfig, prompt: str) -> Understanding:
    """What the model is told of a prompt: in English, if its lexicon knows the prompt's language."""
    if config.lexicon is None:
        return Understanding(text=prompt)
    return understood(prompt, household_lexicon())


def load_text_encoder(config: ModelConfig, folder: Path | None, device: torch.device) -> TextConditioner:
    """What reads prompts for the model in `folder`. Raises: ModelError if it is not to be had."""
    if config.text == "clip":
        return load_clip_text(config.clip, folder, device)
    if config.text == "minilm":
        from shapewright.conditioning.minilm import MiniLM

        return MiniLM(max_tokens=config.text_tokens, device=device)
    raise ModelError(f"The config of the model '{config.name}' does not name its text encoder.")


def load_image_encoder(config: ModelConfig, folder: Path | None, device: torch.device) -> ImageConditioner:
    """What sees pictures for the model in `folder`. Raises: ModelError if it is not to be had."""
    if config.image == "clip":
        return load_clip_image(config.clip, folder, device)
    if config.image == "efficientnet":
        from shapewright.conditioning.efficientnet import EfficientNet

        return EfficientNet(grid=PICTURE_GRID, device=device)
    raise ModelError(f"The config of the model '{config.name}' does not name its image encoder.")


def picture_condition(prior: PriorConfig, tokens: Float[Tensor, "b n d"]) -> Condition:
    """The tokens of pictures; a prior of text and of pictures hides them where it should not see them."""
    if not prior.has_both:
        return Condition(image_tokens=tokens)
    seen = torch.ones(tokens.shape[:2], dtype=torch.bool, device=tokens.device)
    return Condition(image_tokens=tokens, image_mask=seen)


def text_condition(prior: PriorConfig, features: TextFeatures, model: str) -> Condition:
    """The parts of the features that the prior takes. Raises: ModelError if they are of another width."""
    check_width("text", prior.text_pooled_width, features.pooled.shape[-1], model)
    check_width("text", prior.text_token_width, features.tokens.shape[-1], model)
    if prior.text_token_width is None:  # prompts of all lengths are then alike, and share batches
        return Condition(text_pooled=features.pooled)
    return Condition.from_text(features)


def check_width(kind: str, wanted: int | None, given: int, model: str) -> None:
    """Raises: ModelError if an encoder is not the one that the prior was trained with."""
    if wanted not in (None, given):
        raise ModelError(
            f"The model '{model}' takes {kind} features of {wanted} numbers, but its {kind} encoder gives "
            f"{given}: it needs the encoder it was trained with."
        )


def ready_picture(picture: Picture, options: PictureOptions) -> Image.Image:
    """Opened, upright, cut out if asked for, square on white. Raises: ImageError naming it; ConfigError."""
    if isinstance(picture, str | Path):
        upright = open_picture(picture)
    elif isinstance(picture, Image.Image):  # pyright: ignore[reportUnnecessaryIsInstance]  # callers err
        upright = ImageOps.exif_transpose(picture)
    else:
        raise ImageError(f"A picture is a path or a PIL image, not a {type(picture).__name__}.")
    try:
        if options.remove_background:
            from shapewright.conditioning.background import remove_background

            upright = remove_background(upright)
        return object_square(upright, foreground_ratio=options.foreground_ratio)
    except ImageError as error:
        raise ImageError(f"'{name_of(picture)}': {error}") from error


def name_of(picture: Picture) -> str:
    """The name of a picture's file; 'picture' if it has none."""
    path = getattr(picture, "filename", "") if isinstance(picture, Image.Image) else picture
    return Path(path).name or "picture"
