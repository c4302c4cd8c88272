"""The frozen encoders of a point model's conditions, and what they say of a data set."""

import hashlib
from collections.abc import Callable
from functools import cached_property
from pathlib import Path

import torch
from PIL import Image
from torch import Tensor

from shapewright.conditioning import TextConditioner
from shapewright.conditioning.minilm import MiniLM
from shapewright.errors import ConfigError
from shapewright.models import sha256
from shapewright.pipeline.clip_source import clip_folder, load_clip_image, load_clip_text, load_clip_vector
from shapewright.pipeline.device import choose_device
from shapewright.training.conditions import CaptionConditions, CaptionFeatures, Conditions
from shapewright.training.point_conditions import Nothing, ViewFeatures, encode_views
from shapewright.training.point_draws import PointDraws
from shapewright.training.recipes.point_recipe import StageRecipe

__all__ = ["ConditionSource"]


class ConditionSource:
    """Reads captions or looks at pictures as a recipe says. CLIP may lie in RUN/model, for later use too."""

    def __init__(self, recipe: StageRecipe, run: Path) -> None:
        self.recipe, self.run = recipe, run
        # a folder that was named from where the command ran is to be found from anywhere
        named = Path(recipe.clip).expanduser()
        self.clip = str(named.resolve()) if named.is_dir() else recipe.clip
        self.image_tokens: int | None = None

    def inputs(self) -> dict[str, str]:
        """The hash of the encoder that may be another on resuming, by name."""
        return {"CLIP": self.clip_digest} if self.recipe.uses_clip else {}

    @cached_property
    def clip_digest(self) -> str:
        """Of all weights in CLIP's folder. Raises: ModelError."""
        tower = "text" if self.recipe.condition == "text" else "image"
        folder = clip_folder(self.clip, self.run / "model", tower)
        files = sorted(folder.rglob("*.safetensors"))
        return hashlib.sha256(" ".join(sha256(file) for file in files).encode()).hexdigest()

    def conditions(
        self, draws: PointDraws, digest: str, progress: Callable[[int, int], None] | None
    ) -> Conditions:
        """What the entries of `draws` are told; `digest` stands for its records.

        Raises: ModelError for an encoder that is not there or of another width; DatasetError.
        """
        recipe = self.recipe
        if recipe.condition == "nothing":
            return Nothing()
        if recipe.condition == "text":
            encoder = self.text_encoder()
            self.check_width(encoder.width_pooled, recipe.stage.prior.text_pooled_width)
            captions = draws.captions()
            features = CaptionFeatures([text for own in captions for text in own], encoder, tokens=False)
            return CaptionConditions(captions, features, sharing=recipe.objective.caption_sharing)
        wanted = recipe.stage.prior.image_token_width or recipe.stage.prior.text_pooled_width
        encode, width = self.picture_encoder()
        self.check_width(width, wanted)
        key = f"{digest} {self.clip_digest} {recipe.condition}"
        features = encode_views(
            draws.records, encode, recipe.views, self.run / "features", key=key, progress=progress
        )
        self.image_tokens = features.shape[2] if features.ndim == 4 else None
        return ViewFeatures(features)

    def text_encoder(self) -> TextConditioner:
        if self.recipe.text == "minilm":
            return MiniLM()
        return load_clip_text(self.clip, self.run / "model", self.device)

    def picture_encoder(self) -> tuple[Callable[[Image.Image], Tensor], int]:
        """One picture to features, and their width."""
        if self.recipe.condition == "image":
            grid = load_clip_image(self.clip, self.run / "model", self.device)
            return lambda picture: grid.encode([picture])[0], grid.width_tokens
        vector = load_clip_vector(self.clip, self.run / "model", self.device)
        return lambda picture: vector.encode([picture])[0], vector.width_pooled

    @property
    def device(self) -> torch.device:
        return choose_device("auto")

    def check_width(self, width: int, wanted: int | None) -> None:
        """Raises: ConfigError if the network does not take what the encoder gives."""
        if width != wanted:
            setting = "image_token_width" if self.recipe.condition == "image" else "text_pooled_width"
            raise ConfigError(
                f"The encoder gives features of width {width}, but the recipe's network takes {wanted}: "
                f"set stage.prior.{setting}={width}, or name another encoder."
            )
