"""PointNet++, of whose features P-FID and P-IS are: the classifier of Point-E's evaluation, from a file.

Shapes: B clouds, N points, C centres, K neighbours, F features, L classes.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple, Self, cast

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn import functional as F

from shapewright.errors import ModelError
from shapewright.evaluation.point_features import PointFeatures, in_batches
from shapewright.geometry.sampling import farthest_point_order
from shapewright.nn.point_conv import ball_query, gather_points

__all__ = ["PointNet2", "unit_ball"]

BATCH_NORM_EPSILON = 1e-5
CLOUDS_AT_ONCE = 8
STATE = "model_state_dict"


class Level(NamedTuple):
    """A set abstraction: so many centres, and neighbours of each within a radius."""

    centers: int
    radius: float
    neighbors: int


# Source: Qi et al. (2017), "PointNet++", appendix B, single-scale grouping.
LEVELS = (Level(512, 0.2, 32), Level(128, 0.4, 64))
# Layers by their names in files, each a product and a batch normalisation; widths in units of the narrowest.
ABSTRACTIONS = {"sa1": (1, 1, 2), "sa2": (2, 2, 4), "sa3": (4, 8, 16)}
HEAD = {"1": 8, "2": 4}
XYZ = 3


@dataclass(frozen=True, kw_only=True, eq=False)
class Layer:
    """A product and the batch normalisation after it, as one product."""

    weight: Float[Tensor, "o i"]
    bias: Float[Tensor, " o"]

    def __call__(self, x: Float[Tensor, "... i"]) -> Float[Tensor, "... o"]:
        return F.linear(x, self.weight, self.bias)

    @classmethod
    def normalised(cls, state: Mapping[str, Tensor], product: str, norm: str) -> Self:
        """Of a file's numbers; the statistics are those of training."""
        weight = state[f"{product}.weight"].flatten(1)
        deviation = (state[f"{norm}.running_var"] + BATCH_NORM_EPSILON).sqrt()
        scale = state[f"{norm}.weight"] / deviation
        shift = state[f"{product}.bias"] - state[f"{norm}.running_mean"]
        return cls(weight=weight * scale[:, None], bias=shift * scale + state[f"{norm}.bias"])


@dataclass(frozen=True, kw_only=True, eq=False)
class PointNet2:
    """Features (F) come out of the last layer but one, before its ReLU; probabilities are of L classes.

    Clouds are centred and scaled into the unit ball. Centres are in farthest-point order from each cloud's
    first point (Point-E's code begins with the point of the cloud's number in its batch), so what is seen of
    a cloud does not depend on others. Source: Point-E, section 5 and its released evaluation.
    """

    levels: tuple[tuple[Layer, ...], ...]
    head: tuple[Layer, Layer]
    last: Layer
    name: str = "P"
    least_points: int = LEVELS[0].centers

    @classmethod
    def from_file(cls, path: Path) -> Self:
        """A checkpoint of the single-scale classifier without normals, of any width and number of classes.

        Raises: ModelError if the file is missing, damaged or of another network.
        """
        state = read_state(path)
        check_shapes(state, path)
        state = {name: value.float() for name, value in state.items()}
        levels = tuple(
            tuple(
                Layer.normalised(state, f"{level}.mlp_convs.{i}", f"{level}.mlp_bns.{i}")
                for i in range(len(widths))
            )
            for level, widths in ABSTRACTIONS.items()
        )
        first, second = (Layer.normalised(state, f"fc{i}", f"bn{i}") for i in HEAD)
        last = Layer(weight=state["fc3.weight"], bias=state["fc3.bias"])
        return cls(levels=levels, head=(first, second), last=last)

    def see(self, clouds: Float[np.ndarray, "b n 3"]) -> PointFeatures:
        """Of at least 512 points a cloud, which are the first centres; it was trained on 1024."""
        return in_batches(clouds, CLOUDS_AT_ONCE, self.forward)

    def forward(self, clouds: Float[Tensor, "b n 3"]) -> tuple[Tensor, Tensor]:
        xyz, features = unit_ball(clouds), torch.zeros(*clouds.shape[:2], 0)
        for level, layers in zip(LEVELS, self.levels, strict=False):
            xyz, features = abstracted(xyz, features, level, layers)
        x = applied(torch.cat([xyz, features], dim=-1), self.levels[-1]).amax(dim=1)
        seen = self.head[1](F.relu(self.head[0](x)))
        return seen, self.last(F.relu(seen)).softmax(dim=-1)


def unit_ball(clouds: Float[Tensor, "b n 3"]) -> Float[Tensor, "b n 3"]:
    """Around the mean of the points; the farthest is on the sphere."""
    centred = clouds - clouds.mean(dim=1, keepdim=True)
    return centred / centred.norm(dim=-1).amax(dim=1).clamp(min=1e-12)[:, None, None]


def abstracted(
    xyz: Float[Tensor, "b n 3"], features: Float[Tensor, "b n f"], level: Level, layers: tuple[Layer, ...]
) -> tuple[Float[Tensor, "b c 3"], Float[Tensor, "b c o"]]:
    """Centres and the largest of what is seen of their neighbours. Source: PointNet++, section 3.2."""
    orders = np.stack([farthest_point_order(cloud, level.centers) for cloud in xyz.numpy()])
    centers = gather_points(xyz, torch.from_numpy(orders)[..., None]).squeeze(2)
    near = ball_query(xyz, centers, level.radius, level.neighbors)
    offsets = gather_points(xyz, near) - centers[:, :, None]
    grouped = torch.cat([offsets, gather_points(features, near)], dim=-1)
    return centers, applied(grouped, layers).amax(dim=2)


def applied(x: Tensor, layers: tuple[Layer, ...]) -> Tensor:
    for layer in layers:
        x = F.relu(layer(x))
    return x


def read_state(path: Path) -> Mapping[str, Tensor]:
    """The numbers alone: nothing in the file is run. Raises: ModelError."""
    if not path.is_file():
        raise ModelError(f"There is no file '{path}' with PointNet++'s weights: give one with --pointnet.")
    try:
        content: Any = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # torch's readers raise a dozen kinds
        more = "unsupported global" in str(error).lower()
        reason = (
            "it holds more than numbers, which is never run" if more else "it is damaged or something else"
        )
        raise ModelError(
            f"'{path}' cannot be read as PointNet++'s weights ({reason}): give a .pt or .pth file whose "
            "state dictionary holds tensors only."
        ) from error
    state = content.get(STATE, content) if isinstance(content, dict) else None
    if not isinstance(state, dict):
        raise ModelError(f"'{path}' should hold a state dictionary of PointNet++, not other things.")
    return {name: value for name, value in cast("dict[str, Any]", state).items() if isinstance(value, Tensor)}


def check_shapes(state: Mapping[str, Tensor], path: Path) -> None:
    """Raises: ModelError for any other network, also PointNet++'s with normals or several scales."""
    first, classes = state.get("sa1.mlp_convs.0.weight"), state.get("fc3.bias")
    if first is None or classes is None or first.ndim != 4 or classes.ndim != 1:
        raise ModelError(
            f"'{path}' holds another network: PointNet++'s classifier with single-scale grouping was "
            "expected, as Point-E's evaluation has it."
        )
    if first.shape[1] != XYZ:
        raise ModelError(
            f"The PointNet++ in '{path}' sees {first.shape[1]} numbers a point: give one trained without "
            "normals."
        )
    for name, shape in expected_shapes(first.shape[0], len(classes)).items():
        found = tuple(state[name].shape) if name in state else "missing"
        if found != shape:
            raise ModelError(
                f"'{path}' is no PointNet++ of single-scale grouping: {name} should be {shape}, but is "
                f"{found}."
            )


def expected_shapes(width: int, classes: int) -> dict[str, tuple[int, ...]]:
    """By name, of a network whose narrowest layers have `width` numbers."""
    shapes: dict[str, tuple[int, ...]] = {}
    entering = 0
    for level, widths in ABSTRACTIONS.items():
        entering += XYZ
        for i, wide in enumerate(widths):
            shapes[f"{level}.mlp_convs.{i}.weight"] = (wide * width, entering, 1, 1)
            shapes |= of_outputs(f"{level}.mlp_convs.{i}", f"{level}.mlp_bns.{i}", wide * width)
            entering = wide * width
    for i, wide in HEAD.items():
        shapes[f"fc{i}.weight"] = (wide * width, entering)
        shapes |= of_outputs(f"fc{i}", f"bn{i}", wide * width)
        entering = wide * width
    return shapes | {"fc3.weight": (classes, entering), "fc3.bias": (classes,)}


def of_outputs(product: str, norm: str, width: int) -> dict[str, tuple[int, ...]]:
    parts = (
        f"{product}.bias",
        *(f"{norm}.{part}" for part in ("weight", "bias", "running_mean", "running_var")),
    )
    return dict.fromkeys(parts, (width,))
