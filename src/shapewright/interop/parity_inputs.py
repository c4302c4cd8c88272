"""What a parity case is given: arrays by name, cameras, settings of the sampler."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

from shapewright.errors import ConfigError, DatasetError
from shapewright.geometry.cameras import Camera
from shapewright.interop.section import Section
from shapewright.prior import SamplerConfig

__all__ = ["CAMERA", "Arrays", "Inputs", "Optics", "Settings", "State", "sampler_config"]

Arrays = dict[str, np.ndarray]
State = Mapping[str, Tensor]
Settings = Mapping[str, Any]
# None where any size will do
Shape = tuple[int | None, ...]

CAMERA = tuple(f"camera/{name}" for name in ("origin", "x", "y", "z"))

# Names of the published samplers and of ours. Its "ancestral" one draws noise that no case holds.
SAMPLERS = {"heun": "heun", "dpm": "dpm"}
# Their noise is added within these bounds, scaled by this: the defaults, which no published recipe changes.
CHURN_FIXED = {"s_tmin": 0.0, "s_tmax": float("inf"), "s_noise": 1.0}


@dataclass(frozen=True, kw_only=True)
class Optics:
    """What the arrays do not say of a case's cameras: angles of view, and the size of the pictures."""

    width: int = 16
    height: int = 16
    x_fov: float = 0.7
    y_fov: float = 0.7

    @classmethod
    def of_note(cls, settings: Settings) -> Optics:
        """From a case's note, such as 'width=height=16, x_fov=y_fov=0.7 rad'."""
        found: dict[str, float] = {}
        for names, number in re.findall(r"((?:\w+ ?= ?)+)(\d+(?:\.\d+)?)", str(settings.get("note", ""))):
            found |= dict.fromkeys(re.findall(r"\w+", names), float(number))
        return cls(
            width=int(found.get("width", cls.width)),
            height=int(found.get("height", cls.height)),
            x_fov=found.get("x_fov", cls.x_fov),
            y_fov=found.get("y_fov", cls.y_fov),
        )


class Inputs:
    """Named arrays of a case; a missing one is the user's mistake."""

    def __init__(self, arrays: Arrays) -> None:
        self.arrays = arrays

    def has(self, *names: str) -> bool:
        return all(name in self.arrays for name in names)

    def array(self, name: str) -> np.ndarray:
        if name not in self.arrays:
            raise DatasetError(
                f"The inputs lack '{name}'; they have {', '.join(sorted(self.arrays)) or 'nothing'}."
            )
        return self.arrays[name]

    def tensor(self, name: str, shape: Shape | None = None) -> Tensor:
        """The array in fp32. Raises: DatasetError if it is of another shape, or not of numbers."""
        array = self.array(name)
        if array.dtype.kind not in "fiub":
            raise DatasetError(f"The input '{name}' holds {array.dtype}, not numbers.")
        if shape is not None and not _fits(array.shape, shape):
            wanted = ", ".join("any" if size is None else str(size) for size in shape)
            raise DatasetError(f"The input '{name}' is {array.shape}; it should be ({wanted}).")
        return torch.from_numpy(np.ascontiguousarray(array)).float()

    def rows(self, name: str, count: int, shape: Shape) -> Tensor:
        """The first `count` rows of an array."""
        given = self.tensor(name, shape)
        if len(given) < count:
            raise DatasetError(f"The input '{name}' has {len(given)} rows, but {count} are needed.")
        return given[:count]

    def camera(self, optics: Optics) -> Camera:
        """Of the one stored as camera/{origin,x,y,z}."""
        origin, x, y, z = (self.tensor(name, (3,)).numpy() for name in CAMERA)
        return Camera(
            origin=origin,
            x=x,
            y=y,
            z=z,
            width_px=optics.width,
            height_px=optics.height,
            fov_x_rad=optics.x_fov,
            fov_y_rad=optics.y_fov,
        )


def sampler_config(settings: Settings, *, sigma_max: float = 160.0) -> SamplerConfig:
    """The case's `karras` and `guidance_scale`; the published models clip x_0 to [-1, 1].

    A guidance of 0 is none there: the condition is followed plainly.
    """
    karras = Section(settings.get("karras", {}), "karras")
    karras.require(CHURN_FIXED)
    name = karras.optional("sampler", str, "heun")
    if name not in SAMPLERS:
        raise ConfigError(f"'karras.sampler' is '{name}'; this package implements {', '.join(SAMPLERS)}.")
    sampler = SamplerConfig(
        steps=karras.optional("steps", int, 64),
        guidance=float(settings.get("guidance_scale", 1.0)) or 1.0,
        sigma_min=karras.optional("sigma_min", float, 1e-3),
        sigma_max=karras.optional("sigma_max", float, sigma_max),
        rho=karras.optional("rho", float, 7.0),
        method="dpm" if name == "dpm" else "heun",
        churn=karras.optional("s_churn", float, 0.0),
    )
    karras.finish()
    return sampler


def _fits(shape: tuple[int, ...], wanted: Shape) -> bool:
    return len(shape) == len(wanted) and all(w in (None, s) for s, w in zip(shape, wanted, strict=True))
