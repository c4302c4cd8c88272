"""`shapewright export`: a latent to a mesh file."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated

from tyro.conf import OmitArgPrefixes, Positional, arg

from shapewright.apps.cli.command import AnyInt, AnyText, Command, Device
from shapewright.apps.cli.mesh_facts import mesh_facts
from shapewright.apps.cli.mesh_flags import MeshFlags
from shapewright.apps.cli.outputs import Job, plan_outputs
from shapewright.apps.cli.terminal import Terminal
from shapewright.errors import ConfigError

__all__ = ["Export"]


@dataclass(frozen=True, kw_only=True)
class Export(Command):
    """Write the mesh of a latent as textured GLB, OBJ or USDZ (+Y up), as coloured PLY or 3MF, or as STL."""

    latent: Annotated[Positional[Path], arg(metavar="LATENT")]
    """A latent file, from `generate --latent` or `encode`."""
    output: str = "{prompt}.glb"
    """A file, a folder, or a pattern with {prompt}, {seed}; suffix .glb, .obj, .usdz, .ply, .3mf or .stl."""
    points: AnyInt = None
    """Write so many coloured points of the surface instead of a mesh, as .ply or .glb."""
    model: AnyText = None
    """The model that made the latent; the one its file names if not given."""
    device: Device = "auto"
    """Where to compute."""
    surface: Annotated[MeshFlags, OmitArgPrefixes] = field(default_factory=MeshFlags)

    def __post_init__(self) -> None:
        if self.points is not None and self.points < 1:
            raise ConfigError(f"--points must be at least 1, not {self.points}.")

    def run(self, terminal: Terminal) -> None:
        """Open, take the surface, write."""
        from shapewright.apps.cli.assets import open_latents
        from shapewright.geometry.mesh_files import WRITERS
        from shapewright.geometry.point_cloud import POINT_WRITERS, save_points
        from shapewright.pipeline.device import describe_device
        from shapewright.pipeline.latent_file import load_latent

        options = self.surface.options()
        _, origin = load_latent(self.latent)
        job = Job(prompt=origin.prompt or self.latent.stem, seed=origin.seed or 0, index=0)
        suffixes = tuple(WRITERS if self.points is None else POINT_WRITERS)
        (path,) = plan_outputs(self.output, [job], suffixes=suffixes, option="--output")
        pipeline, (asset,) = open_latents([self.latent], model=self.model, device=self.device)
        terminal.say(
            f"Taking the surface of '{self.latent}' on a grid of {options.resolution}^3 on "
            f"{describe_device(pipeline.device)}: a few seconds."
        )
        if self.points is not None:
            save_points(asset.points(self.points, options), path)
            terminal.result({"output": str(path), "points": self.points}, str(path))
            return
        asset.export(path, options)
        facts = mesh_facts(asset, options, path)
        for sentence in facts.sentences:
            terminal.say(sentence)
        terminal.result({"output": str(path), **facts.values}, str(path))
