"""LPIPS: how different two pictures look, by the features of AlexNet.

AlexNet's weights are not ours to ship; they are the file that torchvision publishes for it. What the distance
learnt on top of them comes with torchmetrics.
"""

from importlib import resources
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from shapewright.errors import ModelError

__all__ = ["ALEXNET_FILE", "Lpips", "find_alexnet"]

ALEXNET_FILE = "alexnet-owt-7be5be79.pth"
# The layers whose output counts: those after each ReLU. Channels of them.
TAPS, CHANNELS = (1, 4, 7, 9, 11), (64, 192, 384, 256, 256)
SHIFT, SCALE = (-0.030, -0.088, -0.188), (0.458, 0.448, 0.450)
TINY = 1e-8


def find_alexnet() -> Path | None:
    """AlexNet's weights where torch keeps what it downloaded; None if they are not there."""
    path = Path(torch.hub.get_dir()) / "checkpoints" / ALEXNET_FILE
    return path if path.is_file() else None


class Lpips(nn.Module):
    """The distance of Zhang et al. 2018, version 0.1 with AlexNet; 0 for equal pictures.

    weights: the features' own, as in torchvision's file. Raises: ModelError if they are not AlexNet's.
    """

    def __init__(self, weights: dict[str, Tensor]) -> None:
        super().__init__()
        self.features = alexnet_features()
        wanted = self.features.state_dict()
        given = {
            name: value
            for key, value in weights.items()
            if (name := key.removeprefix("features.")) in wanted and value.shape == wanted[name].shape
        }
        if given.keys() != wanted.keys():
            raise ModelError(
                f"these are not AlexNet's weights: {len(wanted) - len(given)} of {len(wanted)} arrays are "
                f"missing or of another shape; expected torchvision's '{ALEXNET_FILE}'."
            )
        self.features.load_state_dict(given)
        self.heads = learnt_heads()
        self.eval().requires_grad_(False)

    @classmethod
    def from_file(cls, path: Path) -> "Lpips":
        """Raises: ModelError for a file that is missing, unreadable or something else."""
        try:
            weights = torch.load(path, map_location="cpu", weights_only=True)
        except Exception as error:  # torch's readers raise a dozen kinds
            reason = str(error).splitlines()[0] if str(error) else type(error).__name__
            raise ModelError(f"'{path}' cannot be read as AlexNet's weights ({reason}).") from error
        if not isinstance(weights, dict):
            raise ModelError(f"'{path}' holds no weights by name; expected torchvision's '{ALEXNET_FILE}'.")
        return cls(weights)

    @torch.inference_mode()
    def distance(self, image: np.ndarray, reference: np.ndarray) -> float:
        """Of two (H, W, 3) pictures with values in [0, 1], at least 31 pixels a side."""
        pair = np.stack([image, reference]).astype(np.float32)
        seen = self.normalized_features(torch.from_numpy(pair).permute(0, 3, 1, 2) * 2 - 1)
        parts = zip(seen, self.heads, strict=True)
        return float(sum((((h[0] - h[1]).square() * head).sum(dim=0).mean()) for h, head in parts))

    def normalized_features(self, pictures: Tensor) -> list[Tensor]:
        """(2, 3, H, W) pictures in [-1, 1]; of each tap (2, C, h, w), every pixel's features of length 1."""
        shift, scale = (torch.tensor(values)[:, None, None] for values in (SHIFT, SCALE))
        h, found = (pictures - shift) / scale, list[Tensor]()
        for index, layer in enumerate(self.features):
            h = layer(h)
            if index in TAPS:
                found.append(h / (TINY + h.square().sum(dim=1, keepdim=True)).sqrt())
        return found


def alexnet_features() -> nn.Sequential:
    """The convolutions of AlexNet as torchvision has them, up to the last that counts."""
    return nn.Sequential(
        nn.Conv2d(3, 64, 11, stride=4, padding=2),
        nn.ReLU(),
        nn.MaxPool2d(3, stride=2),
        nn.Conv2d(64, 192, 5, padding=2),
        nn.ReLU(),
        nn.MaxPool2d(3, stride=2),
        nn.Conv2d(192, 384, 3, padding=1),
        nn.ReLU(),
        nn.Conv2d(384, 256, 3, padding=1),
        nn.ReLU(),
        nn.Conv2d(256, 256, 3, padding=1),
        nn.ReLU(),
    )


def learnt_heads() -> list[Tensor]:
    """Of each tap how much every channel counts, (C, 1, 1); they come with torchmetrics."""
    package = resources.files("torchmetrics.functional.image").joinpath("lpips_models", "alex.pth")
    with resources.as_file(package) as path:
        weights = torch.load(path, map_location="cpu", weights_only=True)
    heads = [weights[f"lin{index}.model.1.weight"][0] for index in range(len(TAPS))]
    assert [len(head) for head in heads] == list(CHANNELS)
    return heads
