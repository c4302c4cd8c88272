"""What both rivals are told, in training and when they draw: a caption's vector, or a picture's features."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from shapewright.atomic_file import replacing
from shapewright.conditioning import TextFeatures
from shapewright.conditioning.efficientnet import WEIGHTS_SHA256, EfficientNet
from shapewright.conditioning.minilm import MiniLM
from shapewright.dataset.loader import AssetRecord
from shapewright.pipeline.conditioners import PictureOptions, ready_picture
from shapewright.prior import Condition
from shapewright.training.conditions import CaptionConditions, CaptionFeatures
from shapewright.training.latents import LatentSet
from shapewright.training.point_conditions import ViewFeatures, encode_views
from shapewright.training.recipes.prior import MINILM_WIDTH
from shapewright.training.runs import digest_of_records

__all__ = [
    "PICTURE_WIDTH",
    "KeptTexts",
    "caption_conditions",
    "picture_conditions",
    "told_of",
    "told_of_pictures",
]

SHARING = 0.5  # of captions, as in the recipe `homeware`
LONGEST = 16  # words and marks of a caption; half of what MiniLM reads otherwise, in half the time
# Pictures of an asset that are learnt from, and the one that is shown when samples are drawn.
VIEWS, SHOWN = 2, 2
PICTURE_WIDTH = 1280  # of EfficientNet-lite0's features


class KeptTexts:
    """What MiniLM says of texts, as one vector each: read once for all stages, which takes a minute."""

    width_pooled, width_tokens, max_tokens = MINILM_WIDTH, MINILM_WIDTH, 1

    def __init__(self, path: Path, texts: Sequence[str]) -> None:
        if not path.is_file():
            reader = MiniLM(max_tokens=LONGEST)
            parts = [reader.encode(texts[i : i + 256]).pooled for i in range(0, len(texts), 256)]
            with replacing(path) as temporary:
                np.savez(temporary, texts=np.array(texts), pooled=torch.cat(parts).numpy())
        with np.load(path) as file:
            self.rows = {str(text): row for row, text in enumerate(file["texts"])}
            self.pooled = torch.from_numpy(file["pooled"])

    def encode(self, prompts: Sequence[str]) -> TextFeatures:
        """The vectors alone; no tokens."""
        pooled = self.pooled[[self.rows[text] for text in prompts]]
        tokens = torch.zeros(len(pooled), 1, MINILM_WIDTH)
        return TextFeatures(pooled=pooled, tokens=tokens, mask=torch.zeros(len(pooled), 1, dtype=torch.bool))


def caption_conditions(latents: LatentSet, path: Path) -> CaptionConditions:
    """One caption of each latent; what they say is kept in the file."""
    texts = list(dict.fromkeys(text for own in latents.captions for text in own))
    features = CaptionFeatures(texts, KeptTexts(path, texts), tokens=False)
    return CaptionConditions(latents.captions, features, sharing=SHARING)


def told_of(texts: Sequence[str]) -> Condition:
    return Condition(text_pooled=MiniLM().encode(list(texts)).pooled)


def picture_conditions(records: list[AssetRecord], folder: Path) -> ViewFeatures:
    """One of the first pictures of each latent's asset, `records` being in the order of the latents.

    Raises: ModelError without the package of the encoder's weights.
    """
    network = EfficientNet()

    def encode(picture: Image.Image) -> Tensor:
        return network.encode([picture])[0]

    key = f"{digest_of_records(records)} {WEIGHTS_SHA256}"
    return ViewFeatures(encode_views(records, encode, VIEWS, folder, key=key))


def told_of_pictures(records: Sequence[AssetRecord]) -> Condition:
    """A picture of each that no training sees."""
    network = EfficientNet()
    pictures = [Image.fromarray(record.views().images[SHOWN]) for record in records]
    ready = [ready_picture(picture, PictureOptions()) for picture in pictures]
    return Condition(image_tokens=torch.cat([network.encode([picture]) for picture in ready]))
