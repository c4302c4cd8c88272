"""`shapewright generate`: prompts to 3D files."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from tyro.conf import Positional, arg

from shapewright.apps.cli.command import AnyFloat, AnyInt, AnyPath, AnyText, Command, Device
from shapewright.apps.cli.generate_points import generate_points
from shapewright.apps.cli.outputs import Job, plan_outputs
from shapewright.apps.cli.terminal import Terminal, duration
from shapewright.errors import ConfigError, EmptySurfaceError, PromptError
from shapewright.models import POINTS_FORMAT, folder_format

if TYPE_CHECKING:
    from shapewright.pipeline import Asset, Pipeline

__all__ = ["Generate"]


@dataclass(frozen=True, kw_only=True)
class Generate(Command):
    """Make 3D objects from sentences.

    Object k of a prompt is drawn with seed + k and depends on that alone, not on what else is made with it.
    """

    prompts: Annotated[Positional[tuple[str, ...]], arg(metavar="PROMPT ...")] = ()
    """What to make, for example "a wooden chair"; several prompts make several objects."""
    prompts_file: AnyPath = None
    """A text file with one prompt a line, added to those given."""
    model: str = "homeware"
    """A name from `shapewright models list`, or a model folder."""
    seed: int = 0
    """Seed of the first object of each prompt."""
    n: int = 1
    """How many objects for each prompt."""
    steps: AnyInt = None
    """Sampling steps; more is slower and a little better. The model's own number if not given."""
    guidance: AnyFloat = None
    """How strictly to follow the prompt: 1 plainly, more exaggerates. The model's own if not given."""
    resolution: int = 128
    """Grid points along each side of the box that the surface is taken from."""
    output: str = "{prompt}_{seed}.glb"
    """A file, a folder, or a pattern with {prompt}, {seed}, {index}; suffix .glb, .ply, .obj or .stl."""
    preview: AnyText = None
    """Also write a PNG of four views there (a file, a folder or a pattern)."""
    turntable: AnyText = None
    """Also write a GIF that turns once there (a file, a folder or a pattern)."""
    latent: AnyText = None
    """Also write the latent, with prompt, seed and settings, there (.safetensors)."""
    device: Device = "auto"
    """Where to compute: CUDA, Apple's MPS or the CPU, the first there is, unless named."""
    mesh: bool = False
    """Of a model that draws point clouds: write the mesh of the points, not the points."""

    def __post_init__(self) -> None:
        if self.n < 1:
            raise ConfigError(f"--n must be at least 1, not {self.n}.")
        if self.seed < 0:
            raise ConfigError(f"--seed must not be negative, but is {self.seed}.")
        if not 8 <= self.resolution <= 1024:
            raise ConfigError(f"--resolution must be in 8..1024, not {self.resolution}.")

    def run(self, terminal: Terminal) -> None:
        """Check everything that can be checked, then draw, then write."""
        jobs = self._jobs()
        if folder_format(self.model) == POINTS_FORMAT:
            return generate_points(self, jobs, terminal)
        places = self._places(jobs)

        from shapewright.apps.cli.estimate import generation_seconds
        from shapewright.pipeline import Pipeline
        from shapewright.pipeline.device import describe_device

        pipeline = Pipeline.from_pretrained(self.model, device=self.device)
        seconds = generation_seconds(pipeline, len(jobs), steps=self.steps, guidance=self.guidance) + len(
            jobs
        )
        sampler = pipeline.sampler(steps=self.steps, guidance=self.guidance)
        terminal.say(
            f"Making {_counted(len(jobs))} with '{pipeline.model.config.name}' on "
            f"{describe_device(pipeline.device)}, {sampler.steps} steps, guidance {sampler.guidance:g}: "
            f"about {duration(seconds)}."
        )
        assets = self._draw(pipeline, [job.prompt for job in jobs[:: self.n]], terminal)
        empty: list[str] = []
        with terminal.progress("Writing") as advance:
            for job, asset in zip(jobs, assets, strict=True):
                try:
                    self._write(asset, {kind: paths[job.index] for kind, paths in places.items()})
                except EmptySurfaceError:  # the others are still wanted
                    empty.append(f"'{job.prompt}' with seed {job.seed}")
                advance(job.index + 1, len(jobs))
        if empty:
            raise EmptySurfaceError(
                f"{len(empty)} of {_counted(len(jobs))} came out without a surface: {', '.join(empty)}; "
                "try another --seed, more --steps or another --guidance."
            )
        files = [{kind: str(paths[job.index]) for kind, paths in places.items()} for job in jobs]
        results = [{"prompt": job.prompt, "seed": job.seed, **files[job.index]} for job in jobs]
        terminal.result({"objects": results}, "\n".join(path for row in files for path in row.values()))

    def _jobs(self) -> list[Job]:
        """Every object to be made. Raises: PromptError if there is no prompt or one that is unusable."""
        from shapewright.conditioning.text import checked_prompts

        prompts = checked_prompts([*self.prompts, *_prompts_in(self.prompts_file)])
        pairs = [(prompt, self.seed + k) for prompt in prompts for k in range(self.n)]
        return [Job(prompt=prompt, seed=seed, index=index) for index, (prompt, seed) in enumerate(pairs)]

    def _places(self, jobs: Sequence[Job]) -> dict[str, list[Path]]:
        """Paths of each kind of file, one per job. Raises: OutputError before any time is spent."""
        from shapewright.geometry.mesh_files import WRITERS

        wanted: dict[str, tuple[str | None, Sequence[str]]] = {
            "output": (self.output, tuple(WRITERS)),
            "preview": (self.preview, (".png",)),
            "turntable": (self.turntable, (".gif",)),
            "latent": (self.latent, (".safetensors",)),
        }
        return {
            kind: plan_outputs(place, jobs, suffixes=suffixes, option=f"--{kind}")
            for kind, (place, suffixes) in wanted.items()
            if place is not None
        }

    def _draw(self, pipeline: "Pipeline", prompts: list[str], terminal: Terminal) -> "list[Asset]":
        with terminal.progress("Drawing") as advance:
            return pipeline.generate(
                prompts,
                seed=self.seed,
                n=self.n,
                steps=self.steps,
                guidance=self.guidance,
                progress=advance,
            )

    def _write(self, asset: "Asset", paths: dict[str, Path]) -> None:
        """The latent first: should the surface be empty, what was drawn can still be looked at."""
        write: dict[str, Callable[[Path], None]] = {
            "latent": asset.save,
            "output": lambda path: asset.export(path, resolution=self.resolution),
            "preview": lambda path: asset.preview(path, resolution=self.resolution),
            "turntable": lambda path: asset.turntable(path, resolution=self.resolution),
        }
        for kind, how in write.items():
            if kind in paths:
                how(paths[kind])


def _prompts_in(file: Path | None) -> list[str]:
    """The lines of a prompts file that are not empty."""
    if file is None:
        return []
    try:
        lines = file.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise PromptError(f"The prompts file '{file}' cannot be read as text ({error}).") from error
    prompts = [line.strip() for line in lines if line.strip()]
    if not prompts:
        raise PromptError(f"The prompts file '{file}' holds no prompt; put one on each line.")
    return prompts


def _counted(count: int) -> str:
    return "1 object" if count == 1 else f"{count} objects"
