"""`shapewright generate`: prompts or pictures to 3D files."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from tyro.conf import OmitArgPrefixes, Positional, arg

from shapewright.apps.cli.command import (
    AnyFloat,
    AnyInt,
    AnyPath,
    AnySolver,
    AnyText,
    Command,
    Device,
    Engine,
    Numbers,
    Precision,
)
from shapewright.apps.cli.generate_points import generate_points
from shapewright.apps.cli.generation import Part, Written, drawn_again, joined, make_elsewhere, one_again
from shapewright.apps.cli.mesh_facts import MeshFacts, mesh_facts
from shapewright.apps.cli.mesh_flags import MeshFlags
from shapewright.apps.cli.outputs import Job, check_suffix, plan_outputs
from shapewright.apps.cli.terminal import Terminal, duration, memory
from shapewright.apps.cli.wishes import Wishes, read_wishes
from shapewright.atomic_file import check_writable
from shapewright.errors import ConfigError, EmptySurfaceError
from shapewright.models import POINTS_FORMAT, folder_format

if TYPE_CHECKING:
    import numpy as np

    from shapewright.pipeline import Asset, Pipeline

__all__ = ["Generate"]


@dataclass(frozen=True, kw_only=True)
class Generate(Command):
    """Make 3D objects from sentences, or from pictures with a model that takes those.

    Object k of a prompt or picture is drawn with seed + k and depends on that alone, not on what else is made
    with it.
    """

    prompts: Annotated[Positional[tuple[str, ...]], arg(metavar="PROMPT ...")] = ()
    """What to make, for example "a wooden chair"; several prompts make several objects."""
    prompts_file: AnyPath = None
    """A text file with one prompt a line, added to those given."""
    image: Annotated[tuple[Path, ...], arg(metavar="PICTURE ...", help_behavior_hint="")] = ()
    """Pictures of objects, in place of prompts: PNG, JPEG or WebP, best on a transparent background."""
    foreground_ratio: AnyFloat = None
    """Share of the side that the object is given, 0.1 to 1; 0.8 if cut out by alpha, else as it is."""
    remove_background: bool = False
    """Cut the object out of a photograph first, with rembg (pip install 'rembg[cpu]')."""
    model: str = "homeware"
    """A name from `shapewright models list`, or a model folder."""
    adapter: AnyPath = None
    """An adapter that `shapewright finetune` made for this model."""
    seed: int = 0
    """Seed of the first object of each prompt or picture."""
    n: int = 1
    """How many objects for each prompt or picture."""
    steps: AnyInt = None
    """Sampling steps; more is slower and a little better. The model's own number if not given."""
    guidance: Numbers = None
    """How strictly to follow it: 1 plainly, more exaggerates; with commas, one for each prompt."""
    negative: AnyText = None
    """A prompt to keep away from."""
    mix: Annotated[tuple[str, ...], arg(metavar="PROMPT:WEIGHT ...", help_behavior_hint="")] = ()
    """Make one object of several prompts, in place of others: "a sofa:0.6" "a bathtub:0.4"."""
    init: AnyPath = None
    """A latent file to begin with, from `--latent` or `encode`."""
    strength: AnyFloat = None
    """With --init: how far to go from it, above 0, at most 1 (nothing is left); 0.6 if not given."""
    retry: int = 0
    """So many times, draw an object without a surface again: with its seed + 1000000, + 2000000, ..."""
    solver: AnySolver = None
    """How steps are taken: heun and dpm evaluate the prior twice in each. The model's own if not given."""
    output: str = "{prompt}_{seed}.glb"
    """A file, folder or pattern with {prompt} (a picture's name), {seed}, {index}; .glb, .obj, .usdz, .ply,
    .3mf or .stl."""
    preview: AnyText = None
    """Also write a PNG of four views there (a file, a folder or a pattern)."""
    turntable: AnyText = None
    """Also write a .gif, .webp or .mp4 that turns once there (a file, a folder or a pattern)."""
    sheet: AnyPath = None
    """Also write one PNG there with a view of every object, captioned with what was asked for."""
    preview_size: int = 256
    """Width and height in pixels of each view in previews, turntables and the sheet."""
    frames: int = 24
    """Pictures in a turntable."""
    fps: float = 12.0
    """Pictures a second in a turntable."""
    background: str = "white"
    """Of pictures: white, black, transparent (not in .mp4) or a colour as #rrggbb."""
    latent: AnyText = None
    """Also write the latent, with prompt, seed and settings, there (.safetensors)."""
    device: Device = "auto"
    """Where to compute: CUDA, Apple's MPS or the CPU, the first there is, unless named."""
    precision: Precision = "auto"
    """Of the prior's large matrices: auto takes bf16 for large models where the device computes it fast."""
    mesh: bool = False
    """Of a model that draws point clouds: write the mesh of the points, not the points."""

    engine: Engine = "local"
    """local: this process. ray: parts of the work on a Ray cluster (pip install 'shapewright[ray]')."""
    address: AnyText = None
    """A running Ray cluster, HOST:PORT or auto. Models and outputs must be on storage its machines share."""
    workers: int = 1
    """With --engine ray and no --address: CPUs of this machine that Ray may use."""

    surface: Annotated[MeshFlags, OmitArgPrefixes] = field(default_factory=MeshFlags)

    def __post_init__(self) -> None:
        if self.engine != "ray" and self.address is not None:
            raise ConfigError("--address is where a Ray cluster is: add --engine ray.")
        if self.engine == "ray" and self.sheet is not None:
            raise ConfigError("--sheet is made where all objects are: leave out --engine ray.")
        if not 8 <= self.preview_size <= 8192:
            raise ConfigError(f"--preview-size must be in 8..8192, not {self.preview_size}.")
        if self.frames < 2:
            raise ConfigError(f"--frames must be at least 2, not {self.frames}.")
        if self.n < 1:
            raise ConfigError(f"--n must be at least 1, not {self.n}.")
        if self.retry < 0:
            raise ConfigError(f"--retry must not be negative, but is {self.retry}.")
        if self.strength is not None and self.init is None:
            raise ConfigError("--strength is about what to begin with: add --init LATENT.")
        if self.strength is not None and not 0 < self.strength <= 1:
            raise ConfigError(f"--strength must be above 0 and at most 1, not {self.strength:g}.")
        if self.seed < 0:
            raise ConfigError(f"--seed must not be negative, but is {self.seed}.")

    @property
    def guidances(self) -> tuple[float, ...]:
        """None, one for all, or one for each prompt. Raises: ConfigError."""
        try:
            return tuple(float(part) for part in self.guidance.split(",")) if self.guidance else ()
        except ValueError:
            raise ConfigError(
                f"--guidance takes a number, or several with commas between, not '{self.guidance}'."
            ) from None

    def run(self, terminal: Terminal) -> None:
        """Check everything that can be checked, then draw, then write."""
        wishes = read_wishes(
            self.prompts,
            self.prompts_file,
            self.image,
            foreground_ratio=self.foreground_ratio,
            remove_background=self.remove_background,
            mix=self.mix,
            guidance=self.guidances,
        )
        self.surface.options()  # checked before time is spent
        jobs = wishes.jobs(self.seed, self.n)
        if folder_format(self.model) == POINTS_FORMAT:
            if self.engine == "ray":
                raise ConfigError("--engine ray is for models of latents; point clouds are drawn here.")
            if self.adapter is not None:
                raise ConfigError(f"--adapter does not go with '{self.model}', which draws point clouds.")
            if self.precision == "bf16":
                raise ConfigError(f"'{self.model}' draws point clouds, which is done in fp32 only.")
            return generate_points(self, wishes, jobs, terminal)
        whole = Part(wishes=wishes, seed=self.seed, n=self.n, jobs=jobs, places=self._places(jobs))
        self._announce(wishes, len(jobs), terminal)
        if self.engine == "ray":
            written = make_elsewhere(self, whole, terminal)
        else:
            written = self.make(whole, self._pipeline(), terminal)
        if self.sheet is not None:
            terminal.say(f"All of them on one sheet: '{self.sheet}'.")
        if empty := written.empty:
            named = ", ".join(f"'{job.prompt}' with seed {job.seed}" for job in empty)
            raise EmptySurfaceError(
                f"{len(empty)} of {_counted(len(jobs))} came out without a surface: {named}; "
                "try --retry, another --seed, more --steps or another --guidance."
            )
        places = whole.places
        files = [{kind: str(paths[job.index]) for kind, paths in places.items()} for job in jobs]
        results = [
            {**wishes.asked(job.index // self.n), "seed": job.seed, **files[job.index], **facts.values}
            for job, facts in ((job, written.facts[job.index]) for job in jobs)
        ]
        for job in jobs:
            for sentence in written.facts[job.index].sentences:
                terminal.say(f"{files[job.index]['output']}: {sentence}")
        terminal.result({"objects": results}, "\n".join(path for row in files for path in row.values()))

    def _places(self, jobs: Sequence[Job]) -> dict[str, list[Path]]:
        """Paths of each kind of file, one per job. Raises: OutputError before any time is spent."""
        from shapewright.geometry.mesh_files import WRITERS
        from shapewright.render.background import read_background
        from shapewright.render.turntable import MOVIE_WRITERS, check_movie

        background = read_background(self.background)
        if self.sheet is not None:
            check_suffix(self.sheet, (".png",), "--sheet")
            check_writable(self.sheet)
        wanted: dict[str, tuple[str | None, Sequence[str]]] = {
            "output": (self.output, tuple(WRITERS)),
            "preview": (self.preview, (".png",)),
            "turntable": (self.turntable, tuple(MOVIE_WRITERS)),
            "latent": (self.latent, (".safetensors",)),
        }
        places = {
            kind: plan_outputs(place, jobs, suffixes=suffixes, option=f"--{kind}")
            for kind, (place, suffixes) in wanted.items()
            if place is not None
        }
        for path in places.get("turntable", []):
            check_movie(path, fps=self.fps, transparent=background is None)
        return places

    def _announce(self, wishes: Wishes, objects: int, terminal: Terminal) -> None:
        """Say what it will take. Raises: ModelError if the model does not take what is wished for."""
        from shapewright.apps.cli.estimate import estimate_generation
        from shapewright.pipeline.conditioners import require_kind, understood_prompt
        from shapewright.pipeline.device import choose_device, describe_device
        from shapewright.pipeline.latent_file import load_latent
        from shapewright.pipeline.named_model import config_of
        from shapewright.pipeline.precision import choose_precision

        config = config_of(self.model)
        require_kind(config, wishes.kind)
        if self.negative is not None:
            require_kind(config, "text")
        for prompt in dict.fromkeys([*wishes.prompts, *([self.negative] if self.negative else [])]):
            told = understood_prompt(config, prompt)
            if told.language is not None:
                terminal.say(f"Taking '{prompt}' ({told.language}) for '{told.text}'.")
        if self.init is not None:
            load_latent(self.init)
        device = choose_device(self.device)
        samplers = [
            config.sampling(steps=self.steps, guidance=guidance, solver=self.solver)
            for guidance in wishes.guidance or (None,)
        ]
        sampler = max(samplers, key=lambda sampler: sampler.branch_evaluations)
        guidance = " ".join(f"{sampler.guidance:g}" for sampler in samplers)
        needs = estimate_generation(
            config,
            device,
            count=objects,
            sampler=sampler,
            resolution=self.surface.resolution,
            precision=choose_precision(self.precision, device, config.prior),
        )
        place = "a Ray cluster" if self.engine == "ray" else describe_device(device)
        terminal.say(
            f"Making {_counted(objects)} with '{config.name}' on {place}, "
            f"{sampler.steps} steps ({sampler.method}, {sampler.evaluations} evaluations), "
            f"guidance {guidance}: about {duration(needs.seconds)}"
            f"{' of one machine' if self.engine == 'ray' else ''} and {memory(needs.memory_bytes)} of memory."
        )

    def _pipeline(self) -> "Pipeline":
        from shapewright.pipeline import Pipeline

        return Pipeline.from_pretrained(
            self.model,
            adapter=self.adapter,
            device=self.device,
            precision=self.precision,
            with_encoder=False,
            keep_encoders=False,
        )

    def draw(self, part: Part, pipeline: "Pipeline", terminal: Terminal) -> "list[Asset]":
        """The objects of a part, in the order of its jobs."""
        wishes = part.wishes
        with terminal.progress("Drawing") as advance:
            return pipeline.generate(
                None if wishes.weights else wishes.prompts or None,
                image=wishes.pictures or None,
                foreground_ratio=wishes.foreground_ratio,
                remove_background=wishes.remove_background,
                seed=part.seed,
                n=part.n,
                steps=self.steps,
                guidance=wishes.guidance or None,
                solver=self.solver,
                negative=self.negative,
                mix=wishes.mix,
                init=self.init,
                strength=self.strength,
                progress=advance,
            )

    def make(self, part: Part, pipeline: "Pipeline", terminal: Terminal) -> Written:
        """Draw and write a part, and again those whose fields have no surface, as often as is wished."""
        assets = self.draw(part, pipeline, terminal)
        latest = {job.index: asset for job, asset in zip(part.jobs, assets, strict=True)}
        written = self.write(part, assets, terminal)
        for attempt in range(1, self.retry + 1):
            if not written.empty:
                break
            again = [one_again(part, job, attempt) for job in written.empty]
            drawn = [(one, self.draw(one, pipeline, terminal)) for one in again]
            latest |= {one.jobs[0].index: asset for one, (asset,) in drawn}
            written = joined([written, *(self.write(one, assets, terminal) for one, assets in drawn)])
        if self.sheet is not None:
            self._write_sheet(part.jobs, [latest[job.index] for job in part.jobs], self.sheet)
        return written

    def write(self, part: Part, assets: "Sequence[Asset]", terminal: Terminal) -> Written:
        """Write a part's files, also where some of its fields have no surface, for the others are wanted."""
        empty: list[Job] = []
        facts: dict[int, MeshFacts] = {}
        with terminal.progress("Writing") as advance:
            for row, (job, asset) in enumerate(zip(part.jobs, assets, strict=True)):
                try:
                    paths = {kind: paths[row] for kind, paths in part.places.items()}
                    self._write(asset, paths)
                    found = mesh_facts(asset, self.surface.options(), paths["output"])
                    facts[job.index] = found if asset.seed == job.seed else drawn_again(found, job, asset)
                except EmptySurfaceError:
                    empty.append(job)
                advance(row + 1, len(part.jobs))
        return Written(empty=empty, facts=facts)

    def _write_sheet(self, jobs: Sequence[Job], assets: "Sequence[Asset]", path: Path) -> None:
        """A strip for each prompt or picture, a view for each seed; empty without a surface."""
        from shapewright.pipeline.pictures import save_sheet
        from shapewright.render.contact_sheet import Strip

        pictures = [self._front(asset) for asset in assets]
        strips = [
            Strip(caption=jobs[first].prompt, pictures=pictures[first : first + self.n])
            for first in range(0, len(jobs), self.n)
        ]
        save_sheet(strips, path, cell_px=self.preview_size)

    def _front(self, asset: "Asset") -> "np.ndarray":
        import numpy as np

        from shapewright.pipeline.pictures import views_around
        from shapewright.render.background import read_background

        (camera,) = views_around(1, size_px=self.preview_size)
        try:
            background = read_background(self.background)
            return asset.view(camera, background=background, resolution=self.surface.resolution)
        except EmptySurfaceError:
            return np.zeros((self.preview_size, self.preview_size, 4), dtype=np.float32)

    def _write(self, asset: "Asset", paths: dict[str, Path]) -> None:
        """The latent first: should the surface be empty, what was drawn can still be looked at."""
        from shapewright.render.background import read_background

        options, background = self.surface.options(), read_background(self.background)
        resolution = options.resolution
        write: dict[str, Callable[[Path], None]] = {
            "latent": asset.save,
            "output": lambda path: asset.export(path, options),
            "preview": lambda path: asset.preview(
                path, size_px=self.preview_size, background=background, resolution=resolution
            ),
            "turntable": lambda path: asset.turntable(
                path,
                frames=self.frames,
                size_px=self.preview_size,
                fps=self.fps,
                background=background,
                resolution=resolution,
            ),
        }
        for kind, how in write.items():
            if kind in paths:
                how(paths[kind])


def _counted(count: int) -> str:
    return "1 object" if count == 1 else f"{count} objects"
