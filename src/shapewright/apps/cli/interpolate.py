"""`shapewright interpolate`: what lies between two latents or prompts."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

from tyro.conf import OmitArgPrefixes, Positional, arg

from shapewright.apps.cli.command import AnyText, Command, Device
from shapewright.apps.cli.mesh_facts import MeshFacts, mesh_facts
from shapewright.apps.cli.mesh_flags import MeshFlags
from shapewright.apps.cli.outputs import Job, plan_outputs
from shapewright.apps.cli.terminal import Advance, Terminal
from shapewright.atomic_file import check_writable
from shapewright.errors import ConfigError

if TYPE_CHECKING:
    from shapewright.pipeline import Asset, Pipeline

__all__ = ["Interpolate"]

LATENT_SUFFIX = ".safetensors"
# render.turntable.MOVIE_WRITERS again: its module imports NumPy, which help must not wait for
FILM_SUFFIXES = (".gif", ".webp", ".mp4")


@dataclass(frozen=True, kw_only=True)
class Interpolate(Command):
    """Go from one object to another, both ends included: as meshes, or as a film that goes there and back."""

    first: Annotated[Positional[str], arg(metavar="LATENT|PROMPT")]
    """Where the way starts: a latent file (.safetensors), or a prompt, which is drawn."""
    second: Annotated[Positional[str], arg(metavar="LATENT|PROMPT")]
    """Where it ends."""
    frames: Annotated[int, arg(aliases=["--count"])] = 5
    """How many objects, evenly spaced."""
    path: Literal["latent", "prompts"] = "latent"
    """latent: the straight line, smooth. prompts: each drawn for a mixture; cleaner, but with jumps."""
    seed: int = 0
    """Of the noise that prompts are drawn from, the same for all."""
    output: str = "between_{index}.glb"
    """A film (.gif, .webp, .mp4); or for meshes a folder, or a pattern with {index} (.glb, .obj, ...)."""
    size_px: int = 256
    """Width and height of a film."""
    model: AnyText = None
    """The model that made the latents; the one the first file names, or homeware, if not given."""
    device: Device = "auto"
    """Where to compute."""
    surface: Annotated[MeshFlags, OmitArgPrefixes] = field(default_factory=MeshFlags)

    def __post_init__(self) -> None:
        if self.frames < 2:
            raise ConfigError(f"--frames must be at least 2, not {self.frames}.")
        if self.seed < 0:
            raise ConfigError(f"--seed must not be negative, but is {self.seed}.")
        if not 8 <= self.size_px <= 8192:
            raise ConfigError(f"--size-px must be in 8..8192, not {self.size_px}.")
        if self.path == "prompts" and self._latents():
            raise ConfigError(f"--path prompts is between two prompts, '{self._latents()[0]}' is a latent.")

    def run(self, terminal: Terminal) -> None:
        """Open or draw both, and write what lies between."""
        from shapewright.pipeline.device import describe_device

        self.surface.options()
        is_film = Path(self.output).suffix.lower() in FILM_SUFFIXES and "{" not in self.output
        if is_film:
            check_writable(Path(self.output))
        paths = [] if is_film else self._mesh_paths()
        pipeline = self._pipeline()
        terminal.say(
            f"Making {self.frames} objects between '{self.first}' and '{self.second}' on "
            f"{describe_device(pipeline.device)}: a second or two each."
        )
        assets = self._assets(pipeline, terminal)
        if is_film:
            self._write_film(assets, terminal)
        else:
            self._write_meshes(assets, paths, terminal)

    def _latents(self) -> list[str]:
        return [end for end in (self.first, self.second) if end.endswith(LATENT_SUFFIX)]

    def _mesh_paths(self) -> list[Path]:
        from shapewright.geometry.mesh_files import WRITERS

        jobs = [Job(prompt="between", seed=index, index=index) for index in range(self.frames)]
        return plan_outputs(self.output, jobs, suffixes=tuple(WRITERS), option="--output")

    def _pipeline(self) -> "Pipeline":
        """Raises: AssetFileError; ModelError."""
        from shapewright.apps.cli.assets import open_latents
        from shapewright.pipeline import Pipeline

        if latents := self._latents():
            return open_latents([Path(latents[0])], model=self.model, device=self.device)[0]
        return Pipeline.from_pretrained(self.model or "homeware", device=self.device, with_encoder=False)

    def _assets(self, pipeline: "Pipeline", terminal: Terminal) -> "list[Asset]":
        fractions = [index / (self.frames - 1) for index in range(self.frames)]
        if self.path == "latent":
            first, second = (self._end(pipeline, end) for end in (self.first, self.second))
            return [pipeline.interpolate(first, second, fraction) for fraction in fractions]
        assets: list[Asset] = []
        with terminal.progress("Drawing") as advance:
            for fraction in fractions:
                mix = [(self.first, 1 - fraction), (self.second, fraction)]
                assets += pipeline.generate(mix=mix, seed=self.seed)
                advance(len(assets), self.frames)
        return assets

    def _end(self, pipeline: "Pipeline", end: str) -> "Asset":
        if end.endswith(LATENT_SUFFIX):
            return pipeline.load(end)
        return pipeline.generate(end, seed=self.seed)[0]

    def _write_film(self, assets: "Sequence[Asset]", terminal: Terminal) -> None:
        from shapewright.render.turntable import save_movie

        with terminal.progress("Rendering") as advance:
            pictures = [self._picture(asset, number, advance) for number, asset in enumerate(assets)]
        save_movie([*pictures, *pictures[-2:0:-1]], Path(self.output))
        terminal.result({"output": self.output, "frames": self.frames}, self.output)

    def _picture(self, asset: "Asset", number: int, advance: Advance):  # NumPy: help does not wait for it
        from shapewright.geometry.cameras import turntable

        camera = turntable(8, size_px=self.size_px)[1]
        picture = asset.view(camera, resolution=self.surface.resolution)
        advance(number + 1, self.frames)
        return picture

    def _write_meshes(self, assets: "Sequence[Asset]", paths: Sequence[Path], terminal: Terminal) -> None:
        options = self.surface.options()
        facts: list[MeshFacts] = []
        with terminal.progress("Writing") as advance:
            for number, (asset, path) in enumerate(zip(assets, paths, strict=True)):
                asset.export(path, options)
                facts.append(mesh_facts(asset, options, path))
                advance(number + 1, self.frames)
        for path, found in zip(paths, facts, strict=True):
            for sentence in found.sentences:
                terminal.say(f"{path}: {sentence}")
        meshes = [{"output": str(path), **found.values} for path, found in zip(paths, facts, strict=True)]
        outputs = [str(path) for path in paths]
        terminal.result({"outputs": outputs, "meshes": meshes}, "\n".join(outputs))
