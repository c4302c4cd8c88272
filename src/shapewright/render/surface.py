"""The textured mesh that a field stands for."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from shapewright.errors import ConfigError, EmptySurfaceError
from shapewright.field import Field, FieldWeights
from shapewright.geometry.marching_cubes import marching_cubes, published_marching_cubes
from shapewright.geometry.mesh import Mesh
from shapewright.render.distance_grid import SAFETY, dense_grid, refined_grid
from shapewright.render.inset import moved_inwards

__all__ = ["LOWEST_RESOLUTION", "closed_surface", "extract_mesh", "signed_distance_grid"]

LOWEST_RESOLUTION = 8


@torch.no_grad()
def extract_mesh(
    field: Field,
    weights: FieldWeights,
    *,
    resolution: int = 128,
    refine: bool = True,
    as_published: bool = False,
    points_at_once: int = 16384,
) -> Mesh:
    """The surface of one asset (weights of a batch of 1), closed at the box, with sRGB vertex colours.

    The signed distance is taken on resolution^3 points that span [-1, 1]^3 inclusively; `refine` leaves
    out those far from the surface (see distance_grid). A border of -1 around them closes the surface.

    as_published: join cells of ambiguous signs as the reference does, and stretch the grid together with
    its border over the box. Its meshes are smaller by (resolution - 1) / (resolution + 1) than the field
    they come from; ours are not, so mesh and NeRF agree.
    The surface of a field with a `surface_offset` is moved back inwards, see `inset`.

    Raises: EmptySurfaceError if the field is negative at all points.
    Source: Shap-E, section 4.2.2; NUMERICS "STF mesh".
    """
    grid = signed_distance_grid(field, weights, resolution, refine=refine, points_at_once=points_at_once)
    vertices, faces = closed_surface(grid.cpu().numpy(), as_published=as_published)
    positions = torch.from_numpy(vertices).to(grid.device)
    colors = [field.query(weights, part[None]).stf_color[0] for part in positions.split(points_at_once)]
    offset = field.config.surface_offset
    if offset:
        vertices = moved_inwards(
            distance_of(field, weights, points_at_once), vertices, faces, offset, grid.device
        )
    return Mesh(vertices=vertices, faces=faces, vertex_colors=torch.cat(colors).cpu().numpy())


def closed_surface(grid: np.ndarray, *, as_published: bool = False) -> tuple[np.ndarray, np.ndarray]:
    """Vertices and faces where a grid over the box crosses zero. Raises: EmptySurfaceError."""
    closed = np.pad(grid, 1, constant_values=-1.0)
    vertices, faces = published_marching_cubes(closed) if as_published else marching_cubes(closed)
    if not len(faces):
        raise EmptySurfaceError(
            "The latent has no surface: its field is outside everywhere; "
            "try another seed, more steps or more guidance."
        )
    intervals, offset = (len(grid) + 1, 0.0) if as_published else (len(grid) - 1, 1.0)
    return (vertices - np.float32(offset)) * np.float32(2.0 / intervals) - np.float32(1.0), faces


@torch.no_grad()
def signed_distance_grid(
    field: Field,
    weights: FieldWeights,
    resolution: int,
    *,
    refine: bool = True,
    safety: float = SAFETY,
    points_at_once: int = 16384,
) -> Float[Tensor, "n n n"]:
    """The field's signed distance output, in (-1, 1), on a grid over the box.

    `safety`: of what `refine` leaves out, see `refined_grid`.
    """
    assert all(w.shape[0] == 1 for w in weights), "one asset at a time"
    if resolution < LOWEST_RESOLUTION:
        raise ConfigError(
            f"a mesh needs a grid of at least {LOWEST_RESOLUTION} points a side, got {resolution}"
        )
    truncation = field.config.signed_distance_truncation or 1.0
    distance = distance_of(field, weights, points_at_once)
    device = weights[0].device
    if not refine:
        return torch.tanh(dense_grid(distance, resolution, device) / truncation)
    # what the squashed targets did not tell apart in training, 0.995 and more, is no distance: fields are
    # steep and uneven there, and would make the grid finer than it needs to be
    farthest = math.inf if field.config.signed_distance_truncation is None else 3 * truncation
    return torch.tanh(
        refined_grid(distance, resolution, device, farthest=farthest, safety=safety) / truncation
    )


def distance_of(
    field: Field, weights: FieldWeights, points_at_once: int
) -> Callable[[Float[Tensor, "n 3"]], Float[Tensor, "n"]]:
    """The field before its tanh, where a trained one is a distance in units of its truncation."""
    unit = field.config.signed_distance_truncation or 1.0

    def distance(positions: Float[Tensor, "n 3"]) -> Float[Tensor, "n"]:
        parts = [field.query(weights, part[None]).raw[0, :, 0] for part in positions.split(points_at_once)]
        return torch.cat(parts) * unit

    return distance
