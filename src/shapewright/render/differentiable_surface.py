"""Pictures of a field's surface whose gradients reach the field: for training, and to refine latents.

The triangles are decided once without gradients (`find_topology`). Then every vertex that the pictures
depend on is placed again on its edge of the grid, by the field's signed distance at the edge's two
ends, with gradients; its colour is asked there. The field is not asked anywhere else.

Shapes: V vertices (crossed edges of the grid), F triangles.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from shapewright.errors import ConfigError
from shapewright.field import Field, FieldWeights
from shapewright.geometry.cameras import Camera
from shapewright.geometry.marching_cubes import crossed_edges
from shapewright.render import nvdiffrast_views
from shapewright.render.differentiable_light import smooth_normals, srgb_to_linear
from shapewright.render.differentiable_mesh import Sight, SurfaceViews, black_views, draw, finish, look
from shapewright.render.silhouette import edge_numbers
from shapewright.render.surface import signed_distance_grid

__all__ = ["SurfaceTopology", "SurfaceViews", "find_topology", "render_surface_views", "vertex_positions"]

# Signed distance (squashed) that an end of a crossed edge has at least, towards its side. It keeps vertices
# on their edges if the sign has changed since the triangles were decided, and bounds the gradient.
LEAST_DISTANCE = 1e-4
OUTSIDE = -1.0  # the signed distance of the border that closes the surface
# Less than for meshes that are kept: on ten objects of the shipped model no node's sign was lost at 128^3,
# with 42 % less to ask.
SAFETY = 0.5

Backend = Literal["auto", "torch", "nvdiffrast"]


@dataclass(frozen=True, kw_only=True)
class SurfaceTopology:
    """Triangles between crossed edges of a grid of resolution^3 nodes and a border around it.

    `ends` are the edges' two nodes, counted from 0 in the border to resolution + 1; `inside` says which of
    them is inside, `values` what the signed distance was there when the triangles were decided.
    """

    resolution: int
    ends: Int[Tensor, "v 2 3"]
    inside: Bool[Tensor, "v 2"]
    values: Float[Tensor, "v 2"]
    faces: Int[Tensor, "f 3"]


def render_surface_views(
    field: Field,
    weights: FieldWeights,
    cameras: Sequence[Camera],
    *,
    resolution: int = 128,
    supersample: int = 1,
    topology: SurfaceTopology | None = None,
    backend: Backend = "auto",
) -> SurfaceViews:
    """One asset (weights of a batch of 1) by cameras of one picture size, as `render_mesh` shows its mesh.

    Differentiable in `weights` and the field's own parameters, through vertex positions, colours (also as
    functions of position), normals and outlines. A field without a surface in the box gives black pictures
    with gradients of zero. `supersample`: every pixel is the mean of supersample^2 smaller ones.
    `topology`: use these triangles, found for nearly the same weights, in place of finding them.
    `backend`: auto is nvdiffrast where it is installed and the weights are on a CUDA device, else torch.

    Raises: ConfigError for a grid or picture that is too small, or nvdiffrast asked for where it is not.
    Source: Shap-E, section 4.2.2 and stage 3 of its training.
    """
    assert all(w.shape[0] == 1 for w in weights), "one asset at a time"
    topology = topology or find_topology(field, weights, resolution=resolution)
    if not len(topology.faces):
        return black_views(cameras, weights[0])
    if uses_nvdiffrast(backend, weights[0].device):
        every = torch.ones(len(topology.ends), dtype=torch.bool, device=topology.faces.device)
        surface = query_surface(field, weights, topology, every, every)
        return finish(nvdiffrast_views.draw_views(*surface, topology.faces, cameras, supersample))
    positions, numbers = vertex_positions(topology, topology.values), edge_numbers(topology.faces)
    sights = [look(positions, topology.faces, numbers, camera, supersample) for camera in cameras]
    surface = query_surface(field, weights, topology, *needed_vertices(topology, sights))
    return finish([draw(sight, *surface) for sight in sights])


def uses_nvdiffrast(backend: Backend, device: torch.device) -> bool:
    """Whether nvdiffrast draws. Raises: ConfigError if it was asked for and cannot."""
    can = nvdiffrast_views.can_draw(device)
    if backend == "nvdiffrast" and not can:
        raise ConfigError(
            f"nvdiffrast draws on CUDA devices where it is installed, which is not so for '{device}'; "
            "use the backend 'torch'."
        )
    return can and backend != "torch"


@torch.no_grad()
def find_topology(field: Field, weights: FieldWeights, *, resolution: int = 128) -> SurfaceTopology:
    """The triangles of the field's surface, from a grid that is computed near the surface only."""
    grid = signed_distance_grid(field, weights, resolution, safety=SAFETY)
    closed = np.pad(grid.cpu().numpy(), 1, constant_values=OUTSIDE)
    ends, faces = crossed_edges(closed)
    values = torch.from_numpy(closed[tuple(np.moveaxis(ends, -1, 0))]).to(grid.device)
    return SurfaceTopology(
        resolution=resolution,
        ends=torch.from_numpy(ends).to(grid.device),
        inside=values > 0,
        values=values,
        faces=torch.from_numpy(faces).to(grid.device),
    )


def vertex_positions(
    topology: SurfaceTopology, values: Float[Tensor, "n 2"], chosen: Int[Tensor, "n"] | None = None
) -> Float[Tensor, "n 3"]:
    """Where linear interpolation between signed distances at the edges' ends is zero, in the world.

    `chosen`: of these vertices only.
    """
    ends, inside = topology.ends, topology.inside
    if chosen is not None:
        ends, inside = ends[chosen], inside[chosen]
    start, end = torch.where(inside, values, -values).clamp(min=LEAST_DISTANCE).unbind(dim=1)
    nodes = ends.to(values.dtype)
    places = torch.lerp(nodes[:, 0], nodes[:, 1], (start / (start + end))[:, None])
    return (places - 1) * (2 / (topology.resolution - 1)) - 1


def needed_vertices(
    topology: SurfaceTopology, sights: Sequence[Sight]
) -> tuple[Bool[Tensor, "v"], Bool[Tensor, "v"]]:
    """The vertices of triangles that are seen; and all on which pictures of these depend."""
    painted = torch.zeros(len(topology.ends), dtype=torch.bool, device=topology.faces.device)
    placed = painted.clone()
    for sight in sights:
        painted[sight.corners] = True
        placed[sight.crossings.ends] = True
    placed[topology.faces[painted[topology.faces].any(dim=1)]] = True
    return painted, placed


def query_surface(
    field: Field,
    weights: FieldWeights,
    topology: SurfaceTopology,
    painted: Bool[Tensor, "v"],
    placed: Bool[Tensor, "v"],
) -> tuple[Float[Tensor, "v 3"], Float[Tensor, "v 3"], Float[Tensor, "v 3"]]:
    """Positions of the `placed` vertices, normals and linear colours of the `painted` ones, with gradients.

    The other positions are without gradients, the other normals of no use, the other colours zero.
    """
    chosen = torch.nonzero(placed)[:, 0]
    values = query_distances(field, weights, topology, chosen)
    positions = vertex_positions(topology, topology.values)
    positions = positions.index_put((chosen,), vertex_positions(topology, values, chosen))
    around = topology.faces[painted[topology.faces].any(dim=1)]
    chosen = torch.nonzero(painted)[:, 0]
    colors = srgb_to_linear(field.query(weights, positions[None, chosen]).stf_color[0])
    linear = torch.zeros_like(positions).index_put((chosen,), colors)
    return positions, smooth_normals(positions, around), linear


def query_distances(
    field: Field, weights: FieldWeights, topology: SurfaceTopology, chosen: Int[Tensor, "n"]
) -> Float[Tensor, "n 2"]:
    """Signed distance at the ends of these vertices' edges; every node is asked once."""
    nodes, place = torch.unique(topology.ends[chosen].flatten(0, 1), dim=0, return_inverse=True)
    last = topology.resolution
    within = torch.nonzero(((nodes >= 1) & (nodes <= last)).all(dim=1))[:, 0]
    positions = (nodes[within] - 1) * (2 / (last - 1)) - 1.0
    found = field.query(weights, positions[None]).signed_distance[0]
    distance = found.new_full((len(nodes),), OUTSIDE)
    return distance.index_put((within,), found)[place].view(-1, 2)
