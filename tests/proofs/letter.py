"""A solid that looks different from every side: a wrong turn, a mirror image or swapped colours show."""

from dataclasses import fields

import torch
from torch import Tensor

from shapewright import Asset
from shapewright.field import FieldWeights, PreparedField
from shapewright.pipeline.latent_file import Origin
from unit.render.solids import SMALL, Solid, box, union

__all__ = ["letter"]


class PreparedSolid(PreparedField):
    """The solid's own distances and colours in place of the network's."""

    solid: Solid

    def tables(self, coordinates: Tensor) -> Tensor:
        return coordinates.expand(3, -1)[..., None]

    def at_nodes(self, tables: Tensor, nodes: Tensor, outputs: slice = slice(None)) -> Tensor:
        return self.at(torch.stack([tables[axis, nodes[:, axis], 0] for axis in range(3)], dim=-1), outputs)

    def at(self, positions: Tensor, outputs: slice = slice(None)) -> Tensor:
        return self.solid.query([], positions[None]).raw[0, :, outputs]


class PreparableSolid(Solid):
    """A solid that can be decoded by the fast path too."""

    def prepared(self, weights: FieldWeights, dtype: torch.dtype | None = None) -> PreparedField:
        network = super().prepared(weights, torch.float32)
        made = PreparedSolid(**{part.name: getattr(network, part.name) for part in fields(PreparedField)})
        object.__setattr__(made, "solid", self)  # the dataclass is frozen
        return made


def letter() -> Asset:
    """An F, 1.5 high, with a foot towards -Y; redder towards +X, greener towards +Y, bluer upwards."""
    post = box((-0.35, 0.0, 0.0), (0.12, 0.12, 0.75))
    upper = box((0.1, 0.0, 0.63), (0.55, 0.12, 0.12))
    middle = box((-0.05, 0.0, 0.1), (0.35, 0.12, 0.1))
    foot = box((-0.35, -0.35, -0.65), (0.12, 0.35, 0.1))
    field = PreparableSolid(union(post, upper, middle, foot))
    latent = torch.zeros(SMALL.latent_tokens, SMALL.latent_channels)
    return Asset(latent, field, Origin(model="solid", model_sha256="", prompt="a letter"))
