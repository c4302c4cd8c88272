"""The frozen encoder that a prior's recipe names, and a hash that tells it from others."""

import hashlib
from pathlib import Path

import torch

from shapewright.conditioning import TextConditioner
from shapewright.conditioning.clip import ImageConditioner
from shapewright.errors import ModelError
from shapewright.models import sha256
from shapewright.pipeline.clip_source import Tower, clip_folder, load_clip_image, load_clip_text
from shapewright.pipeline.conditioners import PICTURE_GRID
from shapewright.training.conditions import check_feature_width
from shapewright.training.recipes.prior import PriorRecipe

__all__ = ["clip_place", "encoder_digests", "image_digest", "image_encoder", "text_encoder"]


def text_encoder(recipe: PriorRecipe, *, tokens: int, device: torch.device) -> TextConditioner:
    """MiniLM, reading that many tokens, or CLIP's text tower.

    Raises: ModelError if it cannot be loaded; ConfigError if the recipe's prior is built for another.
    """
    if recipe.text == "minilm":
        from shapewright.conditioning.minilm import MiniLM

        encoder: TextConditioner = MiniLM(max_tokens=tokens, device=device)
    else:
        encoder = load_clip_text(clip_place(recipe), None, device)
    check_feature_width("text_pooled_width", recipe.model.text_pooled_width, encoder.width_pooled)
    check_feature_width("text_token_width", recipe.model.text_token_width, encoder.width_tokens)
    return encoder


def image_encoder(recipe: PriorRecipe, *, device: torch.device) -> ImageConditioner:
    """CLIP's vision tower or EfficientNet.

    Raises: ModelError; ConfigError if the recipe's prior is built for another.
    """
    if recipe.image == "efficientnet":
        from shapewright.conditioning.efficientnet import EfficientNet

        encoder: ImageConditioner = EfficientNet(grid=PICTURE_GRID, device=device)
    else:
        encoder = load_clip_image(clip_place(recipe), None, device)
    check_feature_width("image_token_width", recipe.model.image_token_width, encoder.width_tokens)
    return encoder


def clip_place(recipe: PriorRecipe) -> str:
    """What the recipe names, a folder by its whole path: models are used elsewhere than they are made."""
    folder = Path(recipe.clip).expanduser()
    return str(folder.resolve()) if folder.is_dir() else recipe.clip


def encoder_digests(recipe: PriorRecipe) -> dict[str, str]:
    """Of what may differ between two runs of one recipe, by name. Raises: ModelError."""
    found = {"text encoder": clip_digest(recipe, "text")} if recipe.text == "clip" else {}
    return found if recipe.image is None else {**found, "image encoder": image_digest(recipe)}


def image_digest(recipe: PriorRecipe) -> str:
    """Of the weights that `image_encoder` reads, and of how it is asked. Raises: ModelError."""
    if recipe.image == "clip":
        return clip_digest(recipe, "image")
    from shapewright.conditioning.efficientnet import WEIGHTS_SHA256

    return f"{WEIGHTS_SHA256}, {PICTURE_GRID} features a side"


def clip_digest(recipe: PriorRecipe, tower: Tower) -> str:
    """Of the weights that `text_encoder` or `image_encoder` reads. Raises: ModelError."""
    folder = clip_folder(clip_place(recipe), None, tower)
    files = sorted(folder.rglob("*.safetensors")) or sorted(folder.rglob("*.bin"))
    if not files:
        raise ModelError(f"{folder} holds no weights of CLIP.")
    return hashlib.sha256("".join(sha256(path) for path in files).encode()).hexdigest()
