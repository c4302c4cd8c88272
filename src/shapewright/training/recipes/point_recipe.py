"""What a run of one of Point-E's three networks is defined by, but for its data."""

from dataclasses import dataclass, field
from typing import Literal

from shapewright.errors import ConfigError
from shapewright.pointe import SdfConfig, StageConfig
from shapewright.training.loop import LoopConfig
from shapewright.training.objectives.point_denoising import PointDenoisingConfig, points_taken
from shapewright.training.objectives.point_sdf import PointSdfConfig

__all__ = ["PointCondition", "SdfRecipe", "StageRecipe"]

# A caption's vector, the vector of a picture, the grid of its features, or nothing.
PointCondition = Literal["text", "image-vector", "image", "nothing"]


@dataclass(frozen=True, kw_only=True)
class StageRecipe:
    """All that defines a run of a base or an upsampler but its data.

    `text` reads captions; `clip` says where CLIP is, a folder or a hub id, for text and pictures; `views` of
    an asset's pictures are looked at. Assets whose pictures are told are not varied: they would not be what
    the picture shows.
    """

    stage: StageConfig
    condition: PointCondition
    text: Literal["minilm", "clip"] = "clip"
    clip: str = "openai/clip-vit-large-patch14"
    views: int = 4
    objective: PointDenoisingConfig = field(default_factory=PointDenoisingConfig)
    loop: LoopConfig

    def __post_init__(self) -> None:
        prior = self.stage.prior
        if (prior.text_pooled_width is not None) != (self.condition in ("text", "image-vector")):
            raise ConfigError("stage.prior.text_pooled_width belongs to the conditions text and image-vector")
        if (prior.image_token_width is not None) != (self.condition == "image"):
            raise ConfigError("stage.prior.image_token_width belongs to the condition image")
        if prior.text_token_width is not None or (prior.low_res is not None and prior.has_text):
            raise ConfigError("a base is told one vector, a picture or nothing; an upsampler has no vector")
        if points_taken(prior) > self.objective.cloud:
            raise ConfigError(
                f"a step takes {points_taken(prior)} points, but objective.cloud is {self.objective.cloud}"
            )
        if self.condition.startswith("image") and self.objective.draws > 1:
            raise ConfigError("assets whose pictures are told cannot be varied: set objective.draws to 1")
        if self.views < 1:
            raise ConfigError(f"views must be at least 1, got {self.views}")

    @property
    def uses_clip(self) -> bool:
        """Whether captions are read or pictures looked at by CLIP."""
        return self.condition.startswith("image") or (self.condition == "text" and self.text == "clip")


@dataclass(frozen=True, kw_only=True)
class SdfRecipe:
    """All that defines a run of an SDF model but its data."""

    model: SdfConfig
    objective: PointSdfConfig
    loop: LoopConfig

    def __post_init__(self) -> None:
        if self.model.points > self.objective.cloud:
            raise ConfigError(
                f"the model sees {self.model.points} points, but objective.cloud is {self.objective.cloud}"
            )
