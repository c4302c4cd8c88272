"""`shapewright interpolate`: what lies between two latents."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated

from tyro.conf import OmitArgPrefixes, Positional, arg

from shapewright.apps.cli.command import AnyText, Command, Device
from shapewright.apps.cli.mesh_facts import MeshFacts, mesh_facts
from shapewright.apps.cli.mesh_flags import MeshFlags
from shapewright.apps.cli.outputs import Job, plan_outputs
from shapewright.apps.cli.terminal import Terminal
from shapewright.errors import ConfigError

__all__ = ["Interpolate"]


@dataclass(frozen=True, kw_only=True)
class Interpolate(Command):
    """Write meshes on the way from one latent to another, both ends included."""

    first: Annotated[Positional[Path], arg(metavar="LATENT")]
    """Where the way starts."""
    second: Annotated[Positional[Path], arg(metavar="LATENT")]
    """Where it ends."""
    count: int = 5
    """How many meshes, evenly spaced."""
    output: str = "between_{index}.glb"
    """A folder, or a pattern with {index}; suffix .glb, .obj, .usdz, .ply, .3mf or .stl."""
    model: AnyText = None
    """The model that made the latents; the one the first file names if not given."""
    device: Device = "auto"
    """Where to compute."""
    surface: Annotated[MeshFlags, OmitArgPrefixes] = field(default_factory=MeshFlags)

    def __post_init__(self) -> None:
        if self.count < 2:
            raise ConfigError(f"--count must be at least 2, not {self.count}.")

    def run(self, terminal: Terminal) -> None:
        """Open both, and write one mesh after the other."""
        from shapewright.apps.cli.assets import open_latents
        from shapewright.geometry.mesh_files import WRITERS
        from shapewright.pipeline.device import describe_device

        options = self.surface.options()
        jobs = [Job(prompt="between", seed=index, index=index) for index in range(self.count)]
        paths = plan_outputs(self.output, jobs, suffixes=tuple(WRITERS), option="--output")
        pipeline, (first, second) = open_latents(
            [self.first, self.second], model=self.model, device=self.device
        )
        terminal.say(
            f"Writing {self.count} meshes between '{self.first}' and '{self.second}' on "
            f"{describe_device(pipeline.device)}: a second or two each."
        )
        facts: list[MeshFacts] = []
        with terminal.progress("Writing") as advance:
            for index, path in enumerate(paths):
                between = pipeline.interpolate(first, second, index / (self.count - 1))
                between.export(path, options)
                facts.append(mesh_facts(between, options, path))
                advance(index + 1, self.count)
        for path, found in zip(paths, facts, strict=True):
            for sentence in found.sentences:
                terminal.say(f"{path}: {sentence}")
        meshes = [{"output": str(path), **found.values} for path, found in zip(paths, facts, strict=True)]
        terminal.result(
            {"outputs": [str(path) for path in paths], "meshes": meshes}, "\n".join(map(str, paths))
        )
