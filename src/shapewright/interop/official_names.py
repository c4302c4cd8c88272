"""The published checkpoints' parameter names and shapes for our parameters.

Source: the state dictionaries listed in tests/parity/golden/*.json.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from collections.abc import Set as AbstractSet

import torch
from torch import Tensor, nn

from shapewright.autoencoder import Autoencoder
from shapewright.errors import ModelError
from shapewright.field import Field
from shapewright.pointe import PointCloudSdf, PointPrior
from shapewright.prior import Prior

__all__ = [
    "BACKGROUND",
    "STORED_BIASES",
    "STORED_SCALES",
    "Official",
    "check_parameters",
    "clip_width",
    "default_weights",
    "from_official",
    "official_name",
    "to_official",
]

Official = Field | Autoencoder | Prior | PointCloudSdf

BACKGROUND = "renderer.void.background"
# Of an upsampler's coarse points; published checkpoints hold them as buffers.
STORED_SCALES, STORED_BIASES = "channel_scales", "channel_biases"
PROJECTION = "params_proj.projections.nerstf__mlp__{}__weight"
MLP = "renderer.nerstf.mlp.{}"
MOST_NAMES_SHOWN = 12

# Our names in the encoder to theirs, the first pattern that fits; the rest keep their names.
ENCODER_NAMES = (
    (r"perceiver\.cross\.(\d+)\.", r"encoder.\1.resblocks.0."),
    (r"perceiver\.processors\.0\.", r"processor."),
    (r"points\.input_proj\.", r"input_proj."),
    (r"points\.conv\.convs\.", r"point_conv.mlp_convs."),
    (r"views\.pixel_conv\.", r"mv_pcl_embed."),
    (r"views\.unknown$", r"mv_pcl_embed.unk_token"),
    (r"views\.patch_conv\.", r"patch_emb."),
)


def from_official(model: Official, state: Mapping[str, Tensor]) -> None:
    """Load a published state dictionary; those of no effect may be in it: `default_weights`, background,
    an upsampler's scaling, which is part of our configuration.

    Raises: ModelError naming every parameter that is missing, left over or of another shape.
    """
    ours = model.state_dict()
    names = {name: official_name(model, name) for name in ours}
    shapes = {official: official_shape(name, ours[name]) for name, official in names.items()}
    without_effect = {*default_weights(model), *stored_scaling(model), BACKGROUND}
    check_parameters(state, shapes, without_effect=without_effect)
    model.load_state_dict(
        {name: state[official].reshape(ours[name].shape) for name, official in names.items()}
    )


def check_parameters(
    state: Mapping[str, Tensor], shapes: Mapping[str, tuple[int, ...]], *, without_effect: AbstractSet[str]
) -> None:
    """Raises: ModelError naming every parameter of `state` that is missing, left over or of another shape."""
    missing = [name for name in shapes if name not in state]
    left_over = [name for name in state if name not in shapes and name not in without_effect]
    misshapen = [
        f"{name} is {tuple(state[name].shape)}, not {shape}"
        for name, shape in shapes.items()
        if name in state and tuple(state[name].shape) != shape
    ]
    problems = [
        f"{title}: {shortened(found)}"
        for title, found in (("missing", missing), ("left over", left_over), ("of another shape", misshapen))
        if found
    ]
    if problems:
        raise ModelError(f"The parameters do not fit the configuration; {'; '.join(problems)}.")


def to_official(
    model: Official, *, background: tuple[float, float, float] = (0.0, 0.0, 0.0)
) -> dict[str, Tensor]:
    """The inverse: our parameters under the published names, complete for the published code.

    The weights that every latent replaces are given as the projections' mean rows.
    """
    ours = model.state_dict()
    state = {official_name(model, key): to_official_shape(key, tensor) for key, tensor in ours.items()}
    field = field_of(model)
    if field is not None:
        for name, projection in zip(default_weights(model), field.latent_to_weights.projections, strict=True):
            state[name] = projection.get_parameter("bias").detach()
        state[BACKGROUND] = next(iter(ours.values())).new_tensor(background)
    return state | stored_scaling(model)


def official_name(model: Official, name: str) -> str:
    """The published name of one of the model's parameters."""
    match model:
        case PointPrior() | PointCloudSdf():
            return name
        case Prior():
            return f"wrapped.{name}"
        case Field():
            return field_name(name, model.config.generated_layers)
        case Autoencoder():
            part, _, rest = name.partition(".")
            if part == "encoder":
                return f"encoder.{encoder_name(rest)}"
            found = field_name(rest, model.config.field.generated_layers)
            return found if found.startswith("renderer.") else f"encoder.{found}"


def field_name(name: str, generated_layers: int) -> str:
    def projection(found: re.Match[str]) -> str:
        part = found[2] if found[2].startswith("norm.") else f"proj.{found[2]}"
        return f"{PROJECTION.format(found[1])}.{part}"

    def bias(found: re.Match[str]) -> str:
        return f"{MLP.format(found[1])}.bias"

    def shared(found: re.Match[str]) -> str:
        return f"{MLP.format(int(found[1]) + generated_layers)}.{found[2]}"

    rules: tuple[tuple[str, Callable[[re.Match[str]], str]], ...] = (
        (r"latent_to_weights\.projections\.(\d+)\.(.+)", projection),
        (r"mlp\.biases\.(\d+)", bias),
        (r"mlp\.shared\.(\d+)\.(.+)", shared),
    )
    for pattern, rename in rules:
        if found := re.fullmatch(pattern, name):
            return rename(found)
    raise ModelError(f"The published models have nothing like the field's '{name}'.")


def encoder_name(name: str) -> str:
    for pattern, replacement in ENCODER_NAMES:
        if re.match(pattern, name):
            return re.sub(pattern, replacement, name)
    return name


def default_weights(model: Official) -> list[str]:
    """Published names of the weights that every latent replaces, and that we therefore do not hold."""
    field = field_of(model)
    layers = field.config.generated_layers if field is not None else 0
    return [f"{MLP.format(index)}.weight" for index in range(layers)]


def stored_scaling(model: Official) -> dict[str, Tensor]:
    """What a published upsampler holds of its coarse points' scaling."""
    low_res = model.config.low_res if isinstance(model, PointPrior) else None
    if low_res is None or low_res.scaling is None:
        return {}
    scaling = low_res.scaling
    return {STORED_SCALES: torch.tensor(scaling.scales), STORED_BIASES: torch.tensor(scaling.biases)}


def clip_width(state: Mapping[str, Tensor], prefix: str = "") -> int | None:
    """The width of the condition that published parameters embed; None where there is no such parameter."""
    for name in ("clip_embed.weight", "clip_embed.1.weight"):
        weight = state.get(prefix + name)
        if weight is not None and weight.ndim == 2:
            return weight.shape[1]
    return None


def field_of(model: nn.Module) -> Field | None:
    if isinstance(model, Autoencoder):
        return model.field
    return model if isinstance(model, Field) else None


def to_official_shape(name: str, tensor: Tensor) -> Tensor:
    """Rows and channels of a projection are one axis there; a point convolution has two neighbour axes."""
    if re.search(r"latent_to_weights\.projections\.\d+\.(weight|bias)$", name):
        return tensor.flatten(0, 1)
    if re.search(r"points\.conv\.convs\.\d+\.weight$", name):
        return tensor[..., None]
    return tensor


def official_shape(name: str, tensor: Tensor) -> tuple[int, ...]:
    return tuple(to_official_shape(name, tensor).shape)


def shortened(names: list[str]) -> str:
    """The names, or the first of them and how many more."""
    rest = len(names) - MOST_NAMES_SHOWN
    shown = ", ".join(names[:MOST_NAMES_SHOWN])
    return shown if rest <= 0 else f"{shown} and {rest} more"
