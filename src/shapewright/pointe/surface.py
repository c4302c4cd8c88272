"""The mesh of a point cloud: signed distances on a grid, and the colours of the nearest points."""

from collections.abc import Callable

import numpy as np
import torch
from jaxtyping import Float
from scipy.spatial import KDTree
from torch import Tensor

from shapewright.errors import ConfigError, EmptySurfaceError, ModelError
from shapewright.geometry.marching_cubes import marching_cubes
from shapewright.geometry.mesh import Mesh
from shapewright.geometry.point_cloud import PointCloud
from shapewright.pointe.sdf import PointCloudSdf
from shapewright.render.distance_grid import dense_grid

__all__ = ["distance_values", "extract_point_mesh"]

Progress = Callable[[int, int], None]

# The grid's cube is a little larger than that of the points, [-0.5, 0.5]^3.
SIDE = 1.02
LOWEST_RESOLUTION = 8


def extract_point_mesh(
    sdf: PointCloudSdf,
    cloud: PointCloud,
    *,
    resolution: int = 128,
    queries_at_once: int = 4096,
    progress: Progress | None = None,
) -> Mesh:
    """The surface that `sdf` sees in the cloud, where its resolution^3 values over the cube cross zero.

    In the cloud's own frame and scale, with outward normals and sRGB vertex colours. A border of -1 around
    the grid closes the surface, which the reference does not do: a mesh that is cut off by the cube has
    holes there. progress(done, total) counts parts of the grid.
    Raises: EmptySurfaceError; ConfigError; ModelError for distances that are not finite.
    Source: Point-E, section 4.4.
    """
    values = distance_values(
        sdf, cloud, resolution, queries_at_once=queries_at_once, progress=progress
    ).numpy(force=True)
    if not np.isfinite(values).all():
        raise ModelError("The SDF model's distances are not finite numbers: its weights are damaged.")
    vertices, faces = marching_cubes(np.pad(values, 1, constant_values=-1.0))
    if not len(faces):
        raise EmptySurfaceError(
            "The point cloud has no surface: the SDF model takes all of the cube to be outside; "
            "write the points themselves, or try another seed."
        )
    spacing = np.float32(SIDE / (resolution - 1))
    vertices = (vertices - np.float32(1.0)) * spacing - np.float32(SIDE / 2)
    _, nearest = KDTree(cloud.positions).query(vertices)
    return Mesh(vertices=vertices, faces=faces, vertex_colors=cloud.colors[nearest])


@torch.no_grad()
def distance_values(
    sdf: PointCloudSdf,
    cloud: PointCloud,
    resolution: int,
    *,
    queries_at_once: int = 4096,
    progress: Progress | None = None,
) -> Float[Tensor, "n n n"]:
    """Signed distances on a grid that spans the cube inclusively."""
    if resolution < LOWEST_RESOLUTION:
        raise ConfigError(
            f"a mesh needs a grid of at least {LOWEST_RESOLUTION} points a side, got {resolution}"
        )
    encoded = sdf.encode(torch.from_numpy(cloud.positions)[None].to(sdf.device))

    def distance(positions: Float[Tensor, "n 3"]) -> Float[Tensor, "n"]:
        parts = (positions * (SIDE / 2)).split(queries_at_once)
        found: list[Tensor] = []
        for part in parts:
            found.append(sdf.query(encoded, part[None])[0])
            if progress is not None:
                progress(len(found), len(parts))
        return torch.cat(found)

    return dense_grid(distance, resolution, sdf.device)
