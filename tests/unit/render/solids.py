"""Fields whose surface is known: signed distances of simple bodies in place of the network's outputs."""

from collections.abc import Callable

import torch
from torch import Tensor

from shapewright.field import Field, FieldConfig, FieldOutput, FieldWeights

Distance = Callable[[Tensor], Tensor]
SMALL = FieldConfig(
    latent_tokens=4,
    latent_channels=4,
    hidden_width=4,
    hidden_layers=2,
    generated_layers=1,
    position_octaves=1,
    direction_octaves=None,
    direction_layer=1,
    signed_distance_truncation=0.1,
)
WEIGHTS: FieldWeights = [torch.zeros(1, 4, 9)]


class Solid(Field):
    """`distance` (positive inside) as a field: opaque inside, coloured by position."""

    def __init__(self, distance: Distance, *, density: float = 50.0) -> None:
        super().__init__(SMALL)
        self.distance, self.density, self.queried = distance, density, 0

    def query(
        self, weights: FieldWeights, positions: Tensor, directions: Tensor | None = None
    ) -> FieldOutput:
        self.queried += positions.shape[1]
        distance = self.distance(positions)
        density = torch.where(distance > 0, self.density, 0.0)
        color = positions * 2
        raw = [torch.stack([distance / 0.1, density, density], dim=-1), color, color, color]
        return FieldOutput(raw=torch.cat(raw, dim=-1))


def sphere(radius: float, center: tuple[float, float, float] = (0.0, 0.0, 0.0)) -> Distance:
    return lambda positions: radius - (positions - positions.new_tensor(center)).norm(dim=-1)


def box(center: tuple[float, float, float], half: tuple[float, float, float]) -> Distance:
    def distance(positions: Tensor) -> Tensor:
        outside = (positions - positions.new_tensor(center)).abs() - positions.new_tensor(half)
        return -(outside.clamp(min=0).norm(dim=-1) + outside.amax(dim=-1).clamp(max=0))

    return distance


def union(*parts: Distance) -> Distance:
    return lambda positions: torch.stack([part(positions) for part in parts]).amax(dim=0)
