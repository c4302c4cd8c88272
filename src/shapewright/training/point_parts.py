"""The three parts of a Point-E model, and how one that was trained comes beside the others.

A part is trained by itself; the model that it goes into gives the other two.
"""

from dataclasses import replace
from pathlib import Path
from typing import Any, Literal

from torch import nn

from shapewright.errors import ModelError
from shapewright.models import locate
from shapewright.pipeline import PointEConfig, PointEModel, load_points_model
from shapewright.pipeline.clip_source import folder_of_clip
from shapewright.pointe import PointCloudSdf, PointPrior
from shapewright.training.recipes.point_recipe import StageRecipe
from shapewright.training.runs import model_folder

__all__ = ["Part", "config_with_stage", "model_with", "open_model", "start_from", "taken_over"]

Part = Literal["base", "upsampler", "sdf"]
PARTS: tuple[Part, ...] = ("base", "upsampler", "sdf")


def open_model(place: Path | None) -> PointEModel | None:
    """The model of a run, in a folder, or of that name; None for no place. Raises: ModelError."""
    return None if place is None else load_points_model(locate(model_folder(place)))


def model_with(
    config: PointEConfig, part: Part, network: nn.Module, others: PointEModel | None
) -> PointEModel:
    """The model that `config` describes: `network` as its `part`, the rest as in `others`."""
    parts: dict[str, Any] = {name: None if others is None else getattr(others, name) for name in PARTS}
    parts[part] = network
    return PointEModel(config=config, **parts)


def config_with_stage(
    recipe: StageRecipe, others: PointEModel | None, *, name: str, clip: str
) -> PointEConfig:
    """Of the whole model, with the recipe's base, or its upsampler, in it. `clip` is where CLIP is.

    Raises: ModelError for an upsampler without a base, or parts that would take two CLIPs; ConfigError for
    parts that do not fit each other.
    """
    rest = None if others is None else taken_over(others)
    if recipe.stage.prior.low_res is None:
        upsampler = None if rest is None else rest.upsampler
        looks = upsampler is not None and upsampler.prior.image_token_width is not None
        return PointEConfig(
            name=name,
            base=recipe.stage,
            upsampler=upsampler,
            sdf=None if rest is None else rest.sdf,
            text=recipe.text if recipe.condition == "text" else None,
            image="clip" if recipe.condition.startswith("image") else None,
            clip=one_clip(clip, recipe.uses_clip, rest, looks),
            image_tokens=256 if rest is None else rest.image_tokens,
        )
    if rest is None:
        raise ModelError("An upsampler goes on from a base: name its run or model folder with --model.")
    shared = one_clip(clip, recipe.uses_clip, rest, "clip" in (rest.text, rest.image))
    return replace(rest, name=name, upsampler=recipe.stage, clip=shared)


def one_clip(own: str, used: bool, rest: PointEConfig | None, used_by_rest: bool) -> str:
    """Where the whole model finds CLIP. Raises: ModelError if its parts find it in two places."""
    if rest is None or not used_by_rest:
        return own
    if used and own != rest.clip:
        raise ModelError(
            f"The model takes CLIP from '{rest.clip}' but the part to be trained from '{own}': a model has "
            "one CLIP; set clip to the model's."
        )
    return rest.clip


def taken_over(model: PointEModel) -> PointEConfig:
    """Its config, right in another folder too: a CLIP inside the model's own is named in full."""
    inside = None if model.folder is None else folder_of_clip(model.config.clip, model.folder)
    return model.config if inside is None else replace(model.config, clip=str(inside.resolve()))


def start_from(network: nn.Module, part: Part, model: PointEModel) -> str:
    """Give `network` the weights of the model's `part`; returns the model's hash.

    Raises: ModelError if there is none or it is built otherwise.
    """
    there: PointPrior | PointCloudSdf | None = getattr(model, part)
    if there is None:
        raise ModelError(f"'{model.folder}' holds no {part} to start from.")
    assert isinstance(network, PointPrior | PointCloudSdf), "parts are networks of these two kinds"
    if built_as(there) != built_as(network):
        raise ModelError(
            f"The {part} in '{model.folder}' is built otherwise than the recipe says; choose its recipe."
        )
    network.load_state_dict(there.state_dict())
    return model.sha256


def built_as(network: PointPrior | PointCloudSdf) -> object:
    """All of its config but what its weights do not depend on."""
    if isinstance(network, PointPrior):
        return network.config, network.stage.scaling
    return replace(network.config, points=1)
