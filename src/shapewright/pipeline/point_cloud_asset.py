"""One drawn point cloud, and everything that can be made of it."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Unpack

from shapewright.errors import ModelError
from shapewright.geometry import mesh_files
from shapewright.geometry.mesh import Mesh
from shapewright.geometry.point_cloud import PointCloud, save_points
from shapewright.pipeline.clean_surface import CleanSurface, clean_surface
from shapewright.pipeline.latent_file import Origin
from shapewright.pipeline.mesh_options import RESOLUTION, MeshChanges, MeshOptions
from shapewright.pointe import PointCloudSdf, extract_point_mesh

__all__ = ["PointCloudAsset"]


class PointCloudAsset:
    """A coloured point cloud in about [-0.5, 0.5]^3, +Z up, with the network that finds its surface."""

    def __init__(self, cloud: PointCloud, sdf: PointCloudSdf | None, origin: Origin) -> None:
        self.cloud = cloud
        self.origin = origin
        self._sdf = sdf
        self._surfaces: dict[int, Mesh] = {}

    def __repr__(self) -> str:
        made_of = f"{self.origin.prompt!r}, seed {self.origin.seed}"
        return f"PointCloudAsset({made_of}, {len(self.cloud)} points, model {self.origin.model!r})"

    @property
    def prompt(self) -> str:
        """What it was asked for, or the name of the picture's file; empty if it was drawn freely."""
        return self.origin.prompt

    @property
    def seed(self) -> int | None:
        return self.origin.seed

    def surface(
        self, resolution: int = RESOLUTION, *, progress: Callable[[int, int], None] | None = None
    ) -> Mesh:
        """The closed surface with sRGB vertex colours, +Z up, from a grid of resolution^3 points.

        Minutes on a CPU with the published network; progress(done, total) is called as the grid fills.
        Raises: ModelError if the model has no SDF network; EmptySurfaceError.
        """
        if self._sdf is None:
            raise ModelError(
                f"The model '{self.origin.model}' has no SDF network: it draws points, not meshes; "
                "write the points (.glb or .ply)."
            )
        if resolution not in self._surfaces:
            self._surfaces[resolution] = extract_point_mesh(
                self._sdf, self.cloud, resolution=resolution, progress=progress
            )
        return self._surfaces[resolution]

    def mesh(self, resolution: int = RESOLUTION):  # the type is trimesh.Trimesh, known to mesh_files only
        """The surface as a trimesh.Trimesh with vertex colours. Raises: as `surface`."""
        return mesh_files.to_trimesh(self.surface(resolution))

    def clean_surface(self, options: MeshOptions) -> CleanSurface:
        """The surface without specks, simplified and closed as asked; and what was done.

        Raises: as `surface`; ConfigError if it cannot have so few faces; OutputError if it cannot be made
        watertight.
        """
        return clean_surface(self.surface(options.resolution), options)

    def export(
        self,
        path: str | Path,
        options: MeshOptions | None = None,
        *,
        mesh: bool = False,
        **changes: Unpack[MeshChanges],
    ) -> None:
        """Write the points (.glb, +Y up, or .ply); with `mesh` the surface (.glb, .ply, .obj or .stl).

        Options are those of the mesh, given whole or one by one; its colours are at its vertices.
        Raises: OutputError for another suffix or a place that cannot be written; as `clean_surface`.
        """
        if mesh:
            options = replace(options or MeshOptions(), **changes)
            mesh_files.save(self.clean_surface(options).mesh, Path(path))
        else:
            save_points(self.cloud, Path(path))
