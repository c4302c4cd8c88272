"""One generated or encoded object: a latent, and everything that can be made of it."""

from collections.abc import Callable, Collection
from dataclasses import replace
from functools import cached_property
from pathlib import Path
from typing import Literal, Unpack

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from shapewright.errors import AssetFileError, ConfigError, OutputError
from shapewright.field import Field, FieldWeights
from shapewright.geometry import mesh_files
from shapewright.geometry.cameras import Camera
from shapewright.geometry.mesh import Mesh
from shapewright.geometry.placement import standing
from shapewright.geometry.point_cloud import PointCloud
from shapewright.geometry.sampling import interpolate, sample_surface
from shapewright.pipeline.clean_surface import CleanSurface, clean_surface
from shapewright.pipeline.latent_file import LATENT_SUFFIX, Origin, save_latent
from shapewright.pipeline.mesh_options import RESOLUTION, MeshChanges, MeshOptions
from shapewright.pipeline.notebook import mimebundle
from shapewright.pipeline.pictures import check_size, save_png, save_turntable, views_around
from shapewright.render import (
    FastNerf,
    MeshRenderer,
    bake_texture,
    extract_mesh_fast,
    surface_colors,
)
from shapewright.render.background import WHITE
from shapewright.render.studio import Studio
from shapewright.render.turntable import FRAMES_PER_SECOND

__all__ = ["Asset", "RenderMode"]

RenderMode = Literal["mesh", "nerf"]
Color = tuple[float, float, float]


class Asset:
    """A latent together with the field network that decodes it. Pipelines make them.

    latent: (tokens, channels) fp32 on the CPU, in [-1, 1], however it was drawn; `origin` says how. Surfaces
    are +Z up around the box [-1, 1]^3 and kept for each resolution that was asked for.
    Raises: AssetFileError if the latent has not the shape that the field decodes.

    >>> asset.prompt, asset.seed, tuple(asset.latent.shape)
    ('a wooden chair', 0, (32, 32))
    """

    def __init__(self, latent: Float[Tensor, "t d"], field: Field, origin: Origin) -> None:
        wanted = (field.config.latent_tokens, field.config.latent_channels)
        if tuple(latent.shape) != wanted:
            raise AssetFileError(f"The latent is {tuple(latent.shape)}, but the model decodes {wanted}.")
        self.latent = latent.detach().float().cpu()
        self.origin = origin
        self._field = field
        self._surfaces: dict[int, Mesh] = {}
        self._renderers: dict[int, MeshRenderer] = {}
        self._clean: tuple[MeshOptions, CleanSurface] | None = None
        self._studios: dict[int, Studio] = {}

    def __repr__(self) -> str:
        made_of = f"{self.origin.prompt!r}, seed {self.origin.seed}"
        return f"Asset({made_of}, latent {tuple(self.latent.shape)}, model {self.origin.model!r})"

    def _repr_mimebundle_(
        self, include: Collection[str] | None = None, exclude: Collection[str] | None = None
    ) -> dict[str, str | bytes]:
        """For Jupyter, which chooses from all that there is."""
        return mimebundle(self)

    @property
    def prompt(self) -> str:
        """What it was asked for, or the name of the file it was encoded from."""
        return self.origin.prompt

    @property
    def seed(self) -> int | None:
        """The seed it was drawn with; None if it was not drawn."""
        return self.origin.seed

    def surface(self, resolution: int = RESOLUTION) -> Mesh:
        """The closed surface with sRGB vertex colours, +Z up, from a grid of resolution^3 points.

        Raises: EmptySurfaceError if the field is outside everywhere.

        >>> surface = asset.surface(64)
        >>> bool((abs(surface.vertices) <= 1).all())
        True
        """
        if resolution not in self._surfaces:
            self._surfaces[resolution] = extract_mesh_fast(self._field, self._weights, resolution=resolution)
        return self._surfaces[resolution]

    @torch.no_grad()
    def inside(self, points: np.ndarray) -> np.ndarray:
        """Which of (N, 3) points in the box are inside the object: (N,) of bool.

        >>> asset.inside(np.array([[1.0, 1.0, 1.0]]))
        array([False])
        """
        device = next(self._field.parameters()).device
        asked = torch.from_numpy(np.ascontiguousarray(points, dtype=np.float32))[None].to(device)
        return (self._field.query(self._weights, asked).raw[0, :, 0] > 0).cpu().numpy()

    def clean_surface(self, options: MeshOptions) -> CleanSurface:
        """The surface without specks, simplified and closed as asked, in the box's units; and what was done.

        Vertices that are new have the field's own colours. Kept for the options it was last asked with.
        Raises: EmptySurfaceError; ConfigError if the surface cannot have so few faces; OutputError if it
        cannot be made watertight.

        >>> clean = asset.clean_surface(MeshOptions(resolution=64, faces=2000))
        >>> len(clean.mesh.faces) <= 2000
        True
        """
        if self._clean is None or self._clean[0] != options:
            self._clean = (options, self._cleaned(options))
        return self._clean[1]

    def _cleaned(self, options: MeshOptions) -> CleanSurface:
        surface = self.surface(options.resolution)
        if not options.moves_vertices:
            return clean_surface(surface, options)
        clean = clean_surface(replace(surface, vertex_colors=None), options)
        colors = surface_colors(self._field, self._weights, clean.mesh.vertices)
        return replace(clean, mesh=replace(clean.mesh, vertex_colors=colors))

    def mesh(self, resolution: int = RESOLUTION):  # the type is trimesh.Trimesh, known to mesh_files only
        """The surface as a trimesh.Trimesh, +Z up, with vertex colours (8 bits, sRGB).

        Raises: EmptySurfaceError.

        >>> len(asset.mesh(64).vertices) == len(asset.surface(64).vertices)
        True
        """
        return mesh_files.to_trimesh(self.surface(resolution))

    def export(
        self, path: str | Path, options: MeshOptions | None = None, **changes: Unpack[MeshChanges]
    ) -> None:
        """Write the surface: .glb, .obj or .usdz with a texture, .ply or .3mf with vertex colours, or .stl.

        GLB, OBJ and USDZ are turned to +Y up. Options are given whole, or one by one:
        `asset.export("chair.glb", faces=2000, height_m=0.9)`; `texture_px=None` is for vertex colours. With a
        height a unit of the file is a metre, of an STL a millimetre, as slicers read it.
        Raises: OutputError for another suffix or a place that cannot be written; ConfigError;
        EmptySurfaceError.

        >>> asset.export("chair.ply", resolution=64)
        >>> asset.export("chair.stl", resolution=64, faces=2000, height_m=0.9)
        """
        path, options = Path(path), replace(options or MeshOptions(), **changes)
        mesh_files.check_place(path)
        mesh = self.clean_surface(options).mesh
        if options.texture_px is not None and path.suffix.lower() in mesh_files.TEXTURED:
            mesh = self._textured(mesh, options)
        if options.height_m is not None:
            height = options.height_m * mesh_files.UNITS_PER_METRE.get(path.suffix.lower(), 1.0)
            mesh = replace(mesh, vertices=standing(mesh.vertices, height))
        mesh_files.save(mesh, path)

    def _textured(self, mesh: Mesh, options: MeshOptions) -> Mesh:
        assert options.texture_px is not None, "a texture is wanted"
        return bake_texture(
            self._field, self._weights, mesh, size_px=options.texture_px, project=options.moves_vertices
        )

    def points(
        self, count: int, options: MeshOptions | None = None, **changes: Unpack[MeshChanges]
    ) -> PointCloud:
        """`count` points spread evenly over the surface, with the field's colours there; the same each time.

        Raises: ConfigError; EmptySurfaceError.

        >>> asset.points(1000, resolution=64).positions.shape
        (1000, 3)
        """
        if count < 1:
            raise ConfigError(f"A point cloud has at least one point; {count} were asked for.")
        options = replace(options or MeshOptions(), **changes)
        mesh = self.clean_surface(options).mesh
        places = sample_surface(mesh.vertices, mesh.faces, count, np.random.default_rng(0))
        positions = interpolate(mesh.vertices, mesh.faces, *places).astype(np.float32)
        colors = surface_colors(self._field, self._weights, positions)
        if options.height_m is not None:
            positions = standing(positions, options.height_m)
        return PointCloud(positions=positions, colors=colors)

    def save(self, path: str | Path) -> None:
        """Write the latent with prompt, seed, settings and the model's hash.

        Raises: OutputError for a suffix other than .safetensors or a place that cannot be written.

        >>> asset.save("chair.safetensors")
        """
        if Path(path).suffix != LATENT_SUFFIX:
            raise OutputError(f"A latent file should end in '{LATENT_SUFFIX}', '{path}' does not.")
        save_latent(Path(path), self.latent, self.origin)

    def render(
        self,
        camera: Camera,
        *,
        mode: RenderMode = "mesh",
        background: Color | None = None,
        resolution: int = RESOLUTION,
    ) -> np.ndarray:
        """A picture (H, W, 4), float32 sRGB and straight alpha in [0, 1]; opaque with a `background`.

        Under the light of training and evaluation, each pixel the mean of four rays as in data sets' views
        (mode 'nerf': where neighbours differ); `view` is for looking at.
        camera: see `geometry.cameras`; its pixels are the picture's. background: sRGB in [0, 1].
        mode: 'mesh' ray casts the surface; 'nerf' integrates the density along every ray (slower).
        Raises: EmptySurfaceError in mode 'mesh'.

        >>> from shapewright.geometry import cameras
        >>> front = cameras.turntable(1, size_px=64)[0]
        >>> asset.render(front, resolution=64).shape
        (64, 64, 4)
        """
        if mode == "nerf":
            return self._fast_nerf.picture(camera, background=background)
        if resolution not in self._renderers:
            self._renderers[resolution] = MeshRenderer(self.surface(resolution))
        return self._renderers[resolution].render(camera, background=background)

    def view(
        self,
        camera: Camera,
        *,
        mode: RenderMode = "mesh",
        background: Color | None = WHITE,
        resolution: int = RESOLUTION,
    ) -> np.ndarray:
        """As `render`, for looking at: antialiased and, in mode 'mesh', what files hold in a studio's light.

        A NeRF has learnt its light; it keeps it.
        Raises: EmptySurfaceError in mode 'mesh'.

        >>> from shapewright.geometry import cameras
        >>> asset.view(cameras.turntable(8, size_px=64)[1], resolution=64).shape
        (64, 64, 4)
        """
        if mode == "nerf":
            return self._fast_nerf.picture(camera, background=background)
        if resolution not in self._studios:
            self._studios[resolution] = Studio(self.clean_surface(MeshOptions(resolution=resolution)).mesh)
        return self._studios[resolution].picture(camera, background=background)

    def turntable(
        self,
        path: str | Path,
        *,
        frames: int = 24,
        size_px: int = 256,
        fps: float = FRAMES_PER_SECOND,
        mode: RenderMode = "mesh",
        background: Color | None = WHITE,
        resolution: int = RESOLUTION,
        progress: Callable[[int, int], None] | None = None,
    ) -> None:
        """Write one turn of `frames` square pictures, whose last does not repeat the first.

        .gif and .webp loop; .mp4 has even sides (an odd one grows by a pixel) and no transparency.
        progress(done, total) after each frame.
        Raises: OutputError; ConfigError for the size or speed; EmptySurfaceError.

        >>> asset.turntable("chair.gif", frames=4, size_px=64, resolution=64)
        """
        save_turntable(
            lambda camera: self.view(camera, mode=mode, background=background, resolution=resolution),
            Path(path),
            frames=frames,
            size_px=size_px,
            fps=fps,
            progress=progress,
        )

    def preview(
        self,
        path: str | Path,
        *,
        size_px: int = 256,
        views: int = 4,
        mode: RenderMode = "mesh",
        background: Color | None = WHITE,
        resolution: int = RESOLUTION,
    ) -> None:
        """Write a PNG of `views` from all around, side by side. Raises: OutputError; EmptySurfaceError.

        >>> asset.preview("views.png", size_px=64, resolution=64)
        """
        check_size(size_px)
        pictures = [
            self.view(camera, mode=mode, background=background, resolution=resolution)
            for camera in views_around(views, size_px=size_px)
        ]
        save_png(pictures, Path(path))

    def picture(
        self,
        path: str | Path,
        camera: Camera,
        *,
        mode: RenderMode = "mesh",
        background: Color | None = WHITE,
        resolution: int = RESOLUTION,
    ) -> None:
        """Write a PNG of one view. Raises: OutputError; EmptySurfaceError.

        >>> from shapewright.geometry import cameras
        >>> asset.picture("chair.png", cameras.turntable(8, size_px=64)[1], resolution=64)
        """
        save_png([self.view(camera, mode=mode, background=background, resolution=resolution)], Path(path))

    @cached_property
    def _fast_nerf(self) -> FastNerf:
        return FastNerf(self._field, self._weights)

    @cached_property
    def _weights(self) -> FieldWeights:
        device = next(self._field.parameters()).device
        with torch.no_grad():
            return self._field.weights(self.latent[None].to(device))
