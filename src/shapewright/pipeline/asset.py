"""One generated or encoded object: a latent, and everything that can be made of it."""

from collections.abc import Callable
from functools import cached_property
from pathlib import Path
from typing import Literal

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from shapewright.errors import AssetFileError, OutputError
from shapewright.field import Field, FieldWeights
from shapewright.geometry import mesh_files
from shapewright.geometry.cameras import Camera
from shapewright.geometry.mesh import Mesh
from shapewright.pipeline.latent_file import LATENT_SUFFIX, Origin, save_latent
from shapewright.pipeline.pictures import check_size, save_png, save_turntable, views_around
from shapewright.render import FastNerf, MeshRenderer, extract_mesh_fast, render_nerf_image
from shapewright.render.background import WHITE
from shapewright.render.studio import Studio
from shapewright.render.turntable import FRAMES_PER_SECOND

__all__ = ["Asset", "RenderMode"]

RenderMode = Literal["mesh", "nerf"]
Color = tuple[float, float, float]

RESOLUTION = 128


class Asset:
    """A latent together with the field network that decodes it. Pipelines make them.

    latent: (tokens, channels) fp32 on the CPU, in [-1, 1], however it was drawn; `origin` says how. Surfaces
    are +Z up around the box [-1, 1]^3 and kept for each resolution that was asked for.
    Raises: AssetFileError if the latent has not the shape that the field decodes.
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
        self._studios: dict[int, Studio] = {}

    def __repr__(self) -> str:
        made_of = f"{self.origin.prompt!r}, seed {self.origin.seed}"
        return f"Asset({made_of}, latent {tuple(self.latent.shape)}, model {self.origin.model!r})"

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
        """
        if resolution not in self._surfaces:
            self._surfaces[resolution] = extract_mesh_fast(self._field, self._weights, resolution=resolution)
        return self._surfaces[resolution]

    def mesh(self, resolution: int = RESOLUTION):  # the type is trimesh.Trimesh, known to mesh_files only
        """The surface as a trimesh.Trimesh, +Z up, with vertex colours (8 bits, sRGB).

        Raises: EmptySurfaceError.
        """
        return mesh_files.to_trimesh(self.surface(resolution))

    def export(self, path: str | Path, *, resolution: int = RESOLUTION) -> None:
        """Write the surface: .glb (+Y up, vertex colours, a material that shows them), .ply, .obj or .stl.

        Raises: OutputError for another suffix or a place that cannot be written; EmptySurfaceError.
        """
        mesh_files.save(self.surface(resolution), Path(path))

    def save(self, path: str | Path) -> None:
        """Write the latent with prompt, seed, settings and the model's hash.

        Raises: OutputError for a suffix other than .safetensors or a place that cannot be written.
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

        Under the light of training and evaluation; `view` is for looking at.
        camera: see `geometry.cameras`; its pixels are the picture's. background: sRGB in [0, 1].
        mode: 'mesh' ray casts the surface; 'nerf' integrates the density along every ray (slower).
        Raises: EmptySurfaceError in mode 'mesh'.
        """
        if mode == "nerf":
            if self._field.config.signed_distance_truncation is not None:
                return self._fast_nerf.render(camera, background=background)
            # few samples are enough for the fields that we train; of others that is not known
            return render_nerf_image(self._field, self._weights, camera, background=background)
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
        """As `render`, for looking at: antialiased and, in mode 'mesh', in the light of a studio.

        A NeRF has learnt its light; it keeps it.
        Raises: EmptySurfaceError in mode 'mesh'.
        """
        if mode == "nerf":
            if self._field.config.signed_distance_truncation is not None:
                return self._fast_nerf.picture(camera, background=background)
            return self.render(camera, mode=mode, background=background)
        if resolution not in self._studios:
            self._studios[resolution] = Studio(self.surface(resolution))
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
        """Write a PNG of `views` from all around, side by side. Raises: OutputError; EmptySurfaceError."""
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
        """Write a PNG of one view. Raises: OutputError; EmptySurfaceError."""
        save_png([self.view(camera, mode=mode, background=background, resolution=resolution)], Path(path))

    @cached_property
    def _fast_nerf(self) -> FastNerf:
        return FastNerf(self._field, self._weights)

    @cached_property
    def _weights(self) -> FieldWeights:
        device = next(self._field.parameters()).device
        with torch.no_grad():
            return self._field.weights(self.latent[None].to(device))
