"""How much of everything a data set holds, by size of the model that will learn from it."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any, Self

from shapewright.errors import ConfigError

__all__ = ["RECIPES", "DataRecipe"]


@dataclass(frozen=True, kw_only=True)
class DataRecipe:
    """Counts and sizes per asset."""

    name: str
    points: int  # coloured surface points in farthest-point order
    views: int
    view_size_px: int
    targets: int  # field queries with signed distance and colour
    supersample: int = 2  # rays per pixel and axis
    candidates_per_point: int = 4  # surface samples from which each kept point is chosen
    max_texture_px: int = 512
    assets_per_shard: int = 16
    validation_share: float = 0.08

    def __post_init__(self) -> None:
        for key in ("points", "views", "view_size_px", "targets", "supersample", "assets_per_shard"):
            if getattr(self, key) < 1:
                raise ConfigError(f"data recipe: {key} must be at least 1, got {getattr(self, key)}.")
        if not 0.0 <= self.validation_share < 1.0:
            share = self.validation_share
            raise ConfigError(f"data recipe: validation_share must be in [0, 1), got {share}.")

    @classmethod
    def tiny(cls) -> Self:
        """For tests: a fraction of a second an asset."""
        return cls(name="tiny", points=512, views=2, view_size_px=32, targets=2048, supersample=1)

    @classmethod
    def homeware(cls) -> Self:
        """For the small shipped model, trained on CPUs."""
        return cls(name="homeware", points=4096, views=12, view_size_px=128, targets=49152)

    @classmethod
    def paper(cls) -> Self:
        """The published sizes: 60 views (20 of them go to the encoder), 16,384 points."""
        return cls(
            name="paper", points=16384, views=60, view_size_px=256, targets=262144, max_texture_px=2048
        )

    def to_dict(self) -> dict[str, Any]:
        """All settings, as stored with the data set."""
        return asdict(self)


RECIPES = {"tiny": DataRecipe.tiny, "homeware": DataRecipe.homeware, "paper": DataRecipe.paper}
