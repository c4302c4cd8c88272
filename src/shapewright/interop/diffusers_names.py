"""Parameters in diffusers' names and shapes as ours, and back.

The renderer keeps the published names under other prefixes. The prior is a `PriorTransformer`: queries,
keys and values are three matrices there, and one here with the three of every head beside each other.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

import torch
from torch import Tensor

from shapewright.errors import ModelError
from shapewright.field import Field
from shapewright.geometry.cube_triangles import cube_tables
from shapewright.interop.official_names import (
    BACKGROUND,
    check_parameters,
    default_weights,
    official_name,
    official_shape,
    to_official,
)
from shapewright.prior import Prior

__all__ = ["fill_field", "fill_prior", "prior_state", "renderer_state", "stored_background"]

State = Mapping[str, Tensor]

# Our names to theirs: the first pattern that fits. Those of `c_qkv` give three names.
PRIOR_NAMES = (
    (r"time_embed\.c_fc\.", "time_embedding.linear_1."),
    (r"time_embed\.c_proj\.", "time_embedding.linear_2."),
    (r"input_proj\.", "proj_in."),
    (r"output_proj\.", "proj_to_clip_embeddings."),
    (r"clip_embed\.0\.", "embedding_proj_norm."),
    (r"clip_embed\.(1\.)?", "embedding_proj."),
    (r"pos_emb$", "positional_embedding"),
    (r"ln_pre\.", "norm_in."),
    (r"ln_post\.", "norm_out."),
    (r"backbone\.resblocks\.(\d+)\.ln_1\.", r"transformer_blocks.\1.norm1."),
    (r"backbone\.resblocks\.(\d+)\.ln_2\.", r"transformer_blocks.\1.norm3."),
    (r"backbone\.resblocks\.(\d+)\.attn\.c_qkv\.", r"transformer_blocks.\1.attn1.to_{}."),
    (r"backbone\.resblocks\.(\d+)\.attn\.c_proj\.", r"transformer_blocks.\1.attn1.to_out.0."),
    (r"backbone\.resblocks\.(\d+)\.mlp\.c_fc\.", r"transformer_blocks.\1.ff.net.0.proj."),
    (r"backbone\.resblocks\.(\d+)\.mlp\.c_proj\.", r"transformer_blocks.\1.ff.net.2."),
)
# Mean and spread of unCLIP's image embeddings, which the Shap-E pipelines never apply.
PRIOR_WITHOUT_EFFECT = ("clip_mean", "clip_std")
STORED_BACKGROUND = "void.background"
# Triangles of marching cubes: the same in every model.
MESH_TABLES = ("mesh_decoder.cases", "mesh_decoder.masks")


def fill_prior(prior: Prior, state: State) -> None:
    """Load the parameters of a `PriorTransformer`.

    Raises: ModelError naming every parameter that is missing, left over or of another shape.
    """
    ours = prior.state_dict()
    expected = {
        their_name: tuple(part.shape)
        for name, tensor in ours.items()
        for their_name, part in their_parts(name, tensor, prior.config.heads).items()
    }
    check_parameters(state, expected, without_effect=set(PRIOR_WITHOUT_EFFECT))
    heads = prior.config.heads
    prior.load_state_dict({name: our_part(name, state, heads) for name in ours})


def prior_state(prior: Prior) -> dict[str, Tensor]:
    """The inverse, complete for diffusers: a prior without positional embedding has one of zeros there."""
    state: dict[str, Tensor] = {}
    for name, tensor in prior.state_dict().items():
        state |= their_parts(name, tensor, prior.config.heads)
    like = prior.output_proj.weight
    zeros = like.new_zeros(1, prior.config.latent_tokens, prior.config.width)
    state.setdefault("positional_embedding", zeros)
    return state | {name: like.new_zeros(1, like.shape[0]) for name in PRIOR_WITHOUT_EFFECT}


def their_parts(name: str, tensor: Tensor, heads: int) -> dict[str, Tensor]:
    """One of our parameters as the one or three of diffusers."""
    names = their_names(name)
    if len(names) == 3:
        parts = tensor.unflatten(0, (heads, 3, -1)).unbind(1)
        return {their_name: part.flatten(0, 1) for their_name, part in zip(names, parts, strict=True)}
    return {names[0]: tensor[None] if name == "pos_emb" else tensor}


def our_part(name: str, state: State, heads: int) -> Tensor:
    """The inverse of `their_parts`."""
    parts = [state[their_name] for their_name in their_names(name)]
    if len(parts) == 3:
        return torch.stack([part.unflatten(0, (heads, -1)) for part in parts], dim=1).flatten(0, 2)
    return parts[0][0] if name == "pos_emb" else parts[0]


def their_names(name: str) -> list[str]:
    for pattern, replacement in PRIOR_NAMES:
        if re.match(pattern, name):
            renamed = re.sub(pattern, replacement, name)
            return [renamed.format(part) for part in "qkv"] if "{}" in renamed else [renamed]
    raise AssertionError(f"'{name}' has no name in a PriorTransformer")


def fill_field(field: Field, state: State) -> None:
    """Load the parameters of a `ShapERenderer`. Raises: as `fill_prior`."""
    ours = field.state_dict()
    names = {name: renderer_name(official_name(field, name)) for name in ours}
    replaced = {renderer_name(name) for name in default_weights(field)}
    check_parameters(
        state,
        {names[name]: official_shape(name, tensor) for name, tensor in ours.items()},
        without_effect={*replaced, STORED_BACKGROUND, *MESH_TABLES},
    )
    field.load_state_dict({name: state[names[name]].reshape(ours[name].shape) for name in ours})


def renderer_state(field: Field, *, background: tuple[float, float, float]) -> dict[str, Tensor]:
    """The inverse, complete for diffusers; `background` is sRGB in [0, 1].

    The scale of a field's outputs, which diffusers does not have, goes into its last layer.
    """
    official = to_official(field, background=background)
    # the weights that every latent replaces share their memory with the mean rows, which files do not allow
    official |= {name: official[name].clone() for name in default_weights(field)}
    state = {renderer_name(name): part for name, part in official.items()}
    last = f"mlp.mlp.{field.config.hidden_layers}"
    scale = field.mlp.output_scale.to(state[f"{last}.bias"].device)  # a network without weights has it too
    state[f"{last}.weight"] = state[f"{last}.weight"] * scale[:, None]
    state[f"{last}.bias"] = state[f"{last}.bias"] * scale
    return state | {name: torch.tensor(table) for name, table in zip(MESH_TABLES, cube_tables(), strict=True)}


def renderer_name(official: str) -> str:
    """Their name of a parameter that the published decoder calls `official`."""
    if official == BACKGROUND:
        return STORED_BACKGROUND
    return re.sub(r"^renderer\.nerstf\.", "mlp.", official)


def stored_background(state: State) -> tuple[float, float, float] | None:
    """The colour behind NeRF pictures, sRGB in [0, 1], if the folder holds one. Raises: ModelError."""
    if STORED_BACKGROUND not in state:
        return None
    color = [float(value) for value in state[STORED_BACKGROUND].flatten()]
    if len(color) != 3:
        raise ModelError(f"'{STORED_BACKGROUND}' should be one colour, but holds {len(color)} numbers.")
    return color[0], color[1], color[2]
