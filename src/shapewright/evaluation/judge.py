"""The in-domain judge: a small image-text model of household objects, for evaluation alone.

Frozen EfficientNet-lite0 sees, frozen MiniLM reads, and two small heads learnt to bring views of the training
assets and what is said of these together (training/judge.py). No generative model learns from it, and no
sample is picked by it.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self

import numpy as np
import torch
from jaxtyping import Float
from PIL import Image
from safetensors import SafetensorError, safe_open
from safetensors.torch import load_file, save_file
from torch import Tensor, nn
from torch.nn import functional as F

from shapewright.atomic_file import replacing
from shapewright.conditioning.efficientnet import WEIGHTS_SHA256, EfficientNet
from shapewright.conditioning.minilm import MiniLM
from shapewright.errors import ModelError

__all__ = ["JUDGE_FILE", "Judge", "JudgeHeads", "load_judge", "save_judge"]

FORMAT = "shapewright-judge-1"
# The judge that ships.
JUDGE_FILE = Path(__file__).parents[1] / "weights" / "judge" / "model.safetensors"
PICTURE_WIDTH, TEXT_WIDTH, HIDDEN, EMBEDDED = 1280, 384, 256, 192
AT_ONCE = 16


def head(width: int) -> nn.Sequential:
    return nn.Sequential(
        nn.LayerNorm(width), nn.Linear(width, HIDDEN), nn.GELU(), nn.Dropout(0.2), nn.Linear(HIDDEN, EMBEDDED)
    )


class JudgeHeads(nn.Module):
    """What is learnt: features of pictures and of texts to one space, and how sharply they are told apart."""

    def __init__(self) -> None:
        super().__init__()
        self.picture, self.text = head(PICTURE_WIDTH), head(TEXT_WIDTH)
        self.log_scale = nn.Parameter(torch.tensor(2.5))

    def pictures(self, features: Float[Tensor, "b f"]) -> Float[Tensor, "b d"]:
        return F.normalize(self.picture(features), dim=-1)

    def texts(self, features: Float[Tensor, "b f"]) -> Float[Tensor, "b d"]:
        return F.normalize(self.text(features), dim=-1)


@dataclass(frozen=True, kw_only=True)
class Judge:
    """A `TextImageModel`. `figures` are what was measured when it was trained."""

    heads: JudgeHeads
    network: EfficientNet = field(default_factory=lambda: EfficientNet(grid=1))
    reader: MiniLM = field(default_factory=MiniLM)
    figures: dict[str, Any] = field(default_factory=dict)
    name: str = "in-domain judge"

    @torch.no_grad()
    def embed_texts(self, texts: Sequence[str]) -> np.ndarray:
        """Raises: PromptError."""
        return self.heads.texts(self.reader.encode(list(texts)).pooled.float()).numpy()

    @torch.no_grad()
    def embed_pictures(self, pictures: Sequence[Image.Image]) -> np.ndarray:
        """Raises: ImageError."""
        return self.heads.pictures(self.features(pictures)).numpy()

    def features(self, pictures: Sequence[Image.Image]) -> Float[Tensor, "b f"]:
        """What the frozen network sees."""
        parts = [
            self.network.encode(pictures[start : start + AT_ONCE])[:, 0]
            for start in range(0, len(pictures), AT_ONCE)
        ]
        return torch.cat(parts)

    @classmethod
    def untrained(cls, *, seed: int = 0) -> Self:
        """With random heads."""
        torch.manual_seed(seed)
        return cls(heads=JudgeHeads().eval())


def save_judge(judge: Judge, path: Path) -> None:
    """Write the heads in half precision. Raises: OutputError."""
    metadata = {"format": FORMAT, "backbone_sha256": WEIGHTS_SHA256, "figures": json.dumps(judge.figures)}
    with replacing(path) as temporary:
        save_file(
            {name: part.half().contiguous() for name, part in judge.heads.state_dict().items()},
            temporary,
            metadata=metadata,
        )


def load_judge(path: Path = JUDGE_FILE) -> Judge:
    """Raises: ModelError if the file is no judge, or one of another backbone."""
    heads = JudgeHeads()
    try:
        with safe_open(path, framework="pt") as file:
            metadata = file.metadata() or {}
        if metadata.get("format") != FORMAT:
            raise ModelError(
                f"'{path}' is no judge: give a file that 'shapewright evaluate judge' has written."
            )
        heads.load_state_dict({name: part.float() for name, part in load_file(path).items()})
    except (OSError, SafetensorError, RuntimeError) as error:
        reason = str(error).strip().splitlines()[0]
        raise ModelError(f"'{path}' cannot be read as a judge ({reason}).") from error
    if metadata.get("backbone_sha256") != WEIGHTS_SHA256:
        raise ModelError(f"The judge in '{path}' was trained on features of another image network.")
    heads.requires_grad_(False)
    return Judge(heads=heads.eval(), figures=json.loads(metadata.get("figures", "{}")))
