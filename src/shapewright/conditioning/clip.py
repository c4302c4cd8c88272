"""CLIP's text and image towers, the conditions of the published priors (ViT-L/14 there)."""

from collections.abc import Callable, Generator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Protocol, TypeVar, cast, runtime_checkable

import numpy as np
import torch
from jaxtyping import Float
from PIL import Image
from torch import Tensor
from torch.nn import functional as F

from shapewright.conditioning.frozen import frozen
from shapewright.conditioning.pictures import opaque_square
from shapewright.conditioning.text import TextFeatures, checked_prompts, warn_of_truncation
from shapewright.errors import ModelError

__all__ = ["ClipImage", "ClipText", "ImageConditioner", "clip_pixels"]

# of CLIP's training images, per RGB channel
PIXEL_MEAN = (0.48145466, 0.4578275, 0.40821073)
PIXEL_STD = (0.26862954, 0.26130258, 0.27577711)

LoadedT = TypeVar("LoadedT")


@runtime_checkable
class ImageConditioner(Protocol):
    """A frozen image encoder: a fixed number of feature vectors per picture."""

    @property
    def width_tokens(self) -> int: ...

    def encode(self, pictures: Sequence[Image.Image]) -> Float[Tensor, "b n d"]: ...


class ClipText:
    """Projected, L2-normalised text embeddings and hidden states; prompts are cut at 77 tokens.

    `source` is a folder or a hub id that holds the model and its tokenizer, each in a subfolder if one
    is named (diffusers layout: text_encoder and tokenizer). Raises: ModelError if it cannot be loaded.
    """

    def __init__(
        self,
        source: str | Path,
        *,
        model_subfolder: str = "",
        tokenizer_subfolder: str = "",
        device: torch.device | str = "cpu",
    ) -> None:
        from transformers.models.clip.modeling_clip import CLIPTextModelWithProjection
        from transformers.models.clip.tokenization_clip import CLIPTokenizer

        model = load(
            lambda: CLIPTextModelWithProjection.from_pretrained(source, subfolder=model_subfolder), source
        )
        self._model = frozen(model, device)
        self._tokenizer = load(
            lambda: cast(
                "CLIPTokenizer", CLIPTokenizer.from_pretrained(source, subfolder=tokenizer_subfolder)
            ),
            source,
        )

    @property
    def width_pooled(self) -> int:
        return self._model.text_projection.out_features

    @property
    def width_tokens(self) -> int:
        return self._model.config.hidden_size

    @property
    def max_tokens(self) -> int:
        return self._model.config.max_position_embeddings

    @torch.no_grad()
    def encode(self, prompts: Sequence[str]) -> TextFeatures:
        """Features on the model's device, fp32. Raises: PromptError for an empty or an endless prompt."""
        prompts = checked_prompts(prompts)
        for prompt in prompts:
            given = len(self._tokenizer(prompt)["input_ids"])
            if given > self.max_tokens:
                warn_of_truncation(prompt, self.max_tokens, given)
        batch = self._tokenizer(
            prompts, padding="max_length", truncation=True, max_length=self.max_tokens, return_tensors="pt"
        )
        ids, mask = batch["input_ids"].to(self._model.device), batch["attention_mask"].to(self._model.device)
        # Attention is causal: the end mark never sees the padding behind it, masked or not.
        out = self._model(input_ids=ids)
        return TextFeatures(
            pooled=F.normalize(out.text_embeds.float(), dim=-1),
            tokens=out.last_hidden_state.float() * mask[..., None],
            mask=mask.bool(),
        )


class ClipImage:
    """The vision tower's last hidden state, without its final LayerNorm and without the class token.

    `source` is a folder or a hub id. Raises: ModelError if it cannot be loaded.
    """

    def __init__(
        self, source: str | Path, *, subfolder: str = "", device: torch.device | str = "cpu"
    ) -> None:
        from transformers.models.clip.modeling_clip import CLIPVisionModel

        model = load(lambda: CLIPVisionModel.from_pretrained(source, subfolder=subfolder), source)
        self._model = frozen(model, device)

    @property
    def width_tokens(self) -> int:
        return self._model.config.hidden_size

    @torch.no_grad()
    def encode(self, pictures: Sequence[Image.Image]) -> Float[Tensor, "b n d"]:
        """ViT-L/14: (B, 256, 1024), the 16x16 grid row by row. Raises: ImageError."""
        size_px = self._model.config.image_size
        assert isinstance(size_px, int), "CLIP's pictures are square"
        pixels = torch.stack([clip_pixels(picture, size_px) for picture in pictures])
        out = self._model(pixel_values=pixels.to(self._model.device, self._model.dtype))
        # transformers applies the final LayerNorm to the pooled vector only
        return out.last_hidden_state[:, 1:].float()


def clip_pixels(picture: Image.Image, size_px: int) -> Float[Tensor, "3 size_px size_px"]:
    """On white, short side resized to `size_px` (bicubic), centre crop, CLIP's mean and deviation."""
    square = opaque_square(picture)
    scale = size_px / min(square.size)
    width, height = (max(size_px, int(side * scale)) for side in square.size)
    resized = square.resize((width, height), Image.Resampling.BICUBIC)
    left, top = round((width - size_px) / 2), round((height - size_px) / 2)
    cropped = resized.crop((left, top, left + size_px, top + size_px))
    rgb = torch.from_numpy(np.asarray(cropped, dtype=np.float32) / 255)
    return ((rgb - torch.tensor(PIXEL_MEAN)) / torch.tensor(PIXEL_STD)).permute(2, 0, 1)


@contextmanager
def quiet_transformers() -> Generator[None]:
    """Without progress bars, and without a report of the other tower's weights in the same file."""
    from transformers.utils import logging

    verbosity, has_bars = logging.get_verbosity(), logging.is_progress_bar_enabled()
    logging.set_verbosity_error()
    logging.disable_progress_bar()
    try:
        yield
    finally:
        logging.set_verbosity(verbosity)
        if has_bars:
            logging.enable_progress_bar()


def load(read: Callable[[], LoadedT], source: str | Path) -> LoadedT:
    """What `read` gives, with its many failures told as one."""
    try:
        with quiet_transformers():
            return read()
    except (OSError, ValueError, KeyError, RuntimeError) as error:
        reason = (str(error).strip().splitlines() or [type(error).__name__])[0]
        raise ModelError(f"Cannot load CLIP from {source}: {reason}") from error
