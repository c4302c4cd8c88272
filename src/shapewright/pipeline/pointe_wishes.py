"""What a Point-E model is asked for, as its stages are told: prompts and pictures through frozen encoders.

Each is encoded alone: in a batch of another size its features would round differently, and the first steps of
a model that predicts noise multiply that by more than a hundred.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
from PIL import Image
from torch import Tensor

from shapewright.conditioning import TextConditioner
from shapewright.conditioning.clip import ClipImage
from shapewright.conditioning.clip_vector import ClipImageVector
from shapewright.conditioning.text import checked_prompts
from shapewright.errors import ConfigError, ImageError, ModelError
from shapewright.pipeline.clip_source import load_clip_image, load_clip_text, load_clip_vector
from shapewright.pipeline.conditioners import Picture, PictureOptions, name_of, ready_picture
from shapewright.pipeline.pointe_folder import PointEModel
from shapewright.prior import Condition

__all__ = ["WishReader", "Wishes"]


@dataclass(frozen=True, kw_only=True)
class Wishes:
    """A row for everything asked for: its name, and what the two stages are told of it."""

    names: list[str]
    base: Condition
    upsampler: Condition


class WishReader:
    """The encoders, each loaded when it is first needed, CLIP's from where the model's config says."""

    def __init__(
        self, model: PointEModel, device: torch.device, text_encoder: TextConditioner | None = None
    ) -> None:
        self.model, self.device = model, device
        upsampler = model.config.upsampler
        self.upsampler_width = None if upsampler is None else upsampler.prior.image_token_width
        self._text = text_encoder
        self._vector: ClipImageVector | None = None
        self._grid: ClipImage | None = None

    def nothing(self) -> Wishes:
        """One free choice. Raises: ConfigError if the model has to be told something."""
        config = self.model.config
        kinds = [kind for kind in ("text", "image") if getattr(config, kind) is not None]
        if kinds:
            wanted = "a prompt" if kinds == ["text"] else "an image" if kinds == ["image"] else "one of both"
            raise ConfigError(f"The model '{config.name}' makes what it is asked for: give it {wanted}.")
        return Wishes(names=[""], base=Condition(), upsampler=self._without_picture(1))

    def prompts(self, prompts: Sequence[str]) -> Wishes:
        """Raises: PromptError for an unusable prompt; ModelError if the model does not take prompts."""
        checked = checked_prompts(prompts)
        if self.model.config.text is None:
            raise ModelError(f"The model '{self.model.config.name}' does not make objects from text.")
        if self._text is None:
            self._text = self._load_text()
        vectors = torch.cat([self._text.encode([prompt]).pooled for prompt in checked])
        self._check_width(vectors, self.model.config.base.prior.text_pooled_width)
        base = Condition(text_pooled=vectors)
        return Wishes(names=checked, base=base, upsampler=self._without_picture(len(checked)))

    def pictures(self, given: Sequence[Picture], options: PictureOptions) -> Wishes:
        """Raises: ImageError for an unusable picture; ModelError if the model does not take pictures."""
        if self.model.config.image is None:
            raise ModelError(f"The model '{self.model.config.name}' does not make objects from images.")
        if not given:
            raise ImageError("No image was given: give a picture of an object.")
        pictures = [ready_picture(picture, options) for picture in given]
        names = [Path(name_of(picture)).stem for picture in given]
        grid_width = self.model.config.base.prior.image_token_width
        if grid_width is None:
            base = Condition(text_pooled=self._vectors(pictures))
        else:
            base = Condition(image_tokens=self._tokens(pictures, grid_width))
        upsampler = Condition()
        if self.upsampler_width is not None:
            upsampler = Condition(image_tokens=self._tokens(pictures, self.upsampler_width))
        return Wishes(names=names, base=base, upsampler=upsampler)

    def _load_text(self) -> TextConditioner:
        if self.model.config.text == "minilm":
            from shapewright.conditioning.minilm import MiniLM

            return MiniLM(device=self.device)
        return load_clip_text(self.model.config.clip, self.model.folder, self.device)

    def _vectors(self, pictures: list[Image.Image]) -> Tensor:
        if self._vector is None:
            self._vector = load_clip_vector(self.model.config.clip, self.model.folder, self.device)
        vectors = torch.cat([self._vector.encode([picture]) for picture in pictures])
        self._check_width(vectors, self.model.config.base.prior.text_pooled_width)
        return vectors

    def _tokens(self, pictures: list[Image.Image], width: int) -> Tensor:
        if self._grid is None:
            self._grid = load_clip_image(self.model.config.clip, self.model.folder, self.device)
        tokens = torch.cat([self._grid.encode([picture]) for picture in pictures])
        self._check_width(tokens, width)
        return tokens

    def _without_picture(self, rows: int) -> Condition:
        """What the upsampler is told where there is no picture: zeros, as in the published text recipe."""
        if self.upsampler_width is None:
            return Condition()
        return Condition(image_tokens=torch.zeros(rows, self.model.config.image_tokens, self.upsampler_width))

    def _check_width(self, features: Tensor, wanted: int | None) -> None:
        if features.shape[-1] != wanted:
            config = self.model.config
            encoder = "MiniLM" if config.text == "minilm" else f"The CLIP in '{config.clip}'"
            raise ModelError(
                f"{encoder} gives features of width {features.shape[-1]}, but '{config.name}' takes "
                f"{wanted}: its config should name another encoder."
            )
