"""`shapewright bench JOB`: how long the parts of the system take here, and beside their plain twins."""

from abc import abstractmethod
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Annotated, Any, Literal

import tyro

from shapewright.apps.cli.command import AnyInt, AnyPath, Command, Device, Precision
from shapewright.apps.cli.terminal import Terminal, memory
from shapewright.errors import ConfigError

if TYPE_CHECKING:
    from shapewright.evaluation.speed import Job
    from shapewright.pipeline import Model, Pipeline

__all__ = ["Bench"]


@dataclass(frozen=True, kw_only=True)
class Measurement(Command):
    """What all of them are told."""

    compare_plain: bool = False
    """Also run the plain twin in fp32, by turns, and print both and their ratio."""
    runs: int = 3
    """How often each is run, after a first time that is not counted; medians are printed."""

    def __post_init__(self) -> None:
        if self.runs < 1:
            raise ConfigError(f"--runs must be at least 1, not {self.runs}.")

    @abstractmethod
    def job(self) -> "tuple[Job, dict[str, Any]]":
        """What to measure, and what to say of it."""

    def run(self, terminal: Terminal) -> None:
        """Prepare, measure, print."""
        from shapewright.evaluation.speed import measure
        from shapewright.training.pace import forget_peak, peak_memory

        name = type(self).__name__.lower()
        twin = " and as often its plain twin" if self.compare_plain else ""
        terminal.say(f"Measuring '{name}' {self.runs} times{twin}, after preparing it.")
        forget_peak()
        job, about = self.job()
        with terminal.progress("Measuring") as advance:
            found = measure(job, self.runs, advance)
        figures: dict[str, Any] = {
            "job": name,
            **about,
            "runs": self.runs,
            "ours_s": found.ours_s,
            "plain_fp32_s": found.plain_fp32_s,
            "ratio": found.ratio,
            "peak_memory_bytes": peak_memory()[0],
        }
        if "batch_size" in figures:
            figures["assets_per_s"] = figures["batch_size"] / found.ours_s
        terminal.result(figures, "\n".join(f"{key:<20}{shown(key, v)}" for key, v in figures.items()))


@dataclass(frozen=True, kw_only=True)
class OfModel(Measurement):
    """Something that a model does."""

    model: str = "random-300m"
    """A name from `shapewright models list`, a model folder, or random-300m: the published sizes with
    made-up weights."""
    precision: Precision = "auto"
    """Of the prior's large matrices."""
    device: Device = "auto"
    """Where to compute."""

    def loaded(
        self, precision: Precision, *, with_prior: bool = True, with_encoder: bool = False
    ) -> "Pipeline":
        """The model, or of random-300m only what is needed of it."""
        from shapewright.evaluation.random_300m import RANDOM_300M, random_300m, random_300m_config
        from shapewright.pipeline import Pipeline
        from shapewright.pipeline.device import choose_device
        from shapewright.pipeline.precision import choose_precision

        if self.model != RANDOM_300M:
            return Pipeline.from_pretrained(
                self.model, device=self.device, precision=precision, with_encoder=with_encoder
            )
        dtype = choose_precision(precision, choose_device(self.device), random_300m_config().prior)
        model = random_300m(precision=dtype, with_prior=with_prior, with_encoder=with_encoder)
        return self.opened(model)

    def opened(self, model: "Model") -> "Pipeline":
        """The model as a pipeline, which for random-300m makes up what CLIP would say."""
        from shapewright.evaluation.random_300m import RANDOM_300M, MadeUpText
        from shapewright.pipeline import Pipeline
        from shapewright.pipeline.device import choose_device
        from shapewright.pipeline.precision import choose_encoder_precision

        text = MadeUpText() if self.model == RANDOM_300M else None
        device, encoder = choose_device(self.device), model.config.autoencoder.encoder
        encode_in = choose_encoder_precision(self.precision, device, encoder)
        return Pipeline(model, text_encoder=text, device=self.device, encode_in=encode_in)

    def pair(self) -> "tuple[Pipeline, Pipeline | None]":
        """The model, and with a prior in fp32 if that is asked for; they share all but their priors."""
        from copy import deepcopy

        from shapewright.pipeline.precision import choose_precision
        from shapewright.prior.precision import lower

        if not self.compare_plain:
            return self.loaded(self.precision), None
        plain = self.loaded("fp32")
        dtype = choose_precision(self.precision, plain.device, plain.model.config.prior)
        prior = None if plain.model.prior is None else lower(deepcopy(plain.model.prior), dtype)
        return self.opened(replace(plain.model, prior=prior)), plain

    def about(self, pipeline: "Pipeline") -> dict[str, Any]:
        """Which model, where and how."""
        from shapewright.pipeline.device import describe_device

        return {
            "model": pipeline.model.config.name,
            "device": describe_device(pipeline.device),
            "precision": pipeline.precision,
        }


@dataclass(frozen=True, kw_only=True)
class Prior(OfModel):
    """One guided evaluation of the prior."""

    batch: int = 1
    """Latents at once."""

    def job(self) -> "tuple[Job, dict[str, Any]]":
        from shapewright.evaluation.speed_jobs import prior_job

        check_positive("--batch", self.batch)
        ours, plain = self.pair()
        if ours.model.prior is None:
            raise ConfigError(f"The model '{self.model}' has no prior to measure.")
        twin = None if plain is None else plain.model.prior
        job = prior_job(ours.model.prior, twin, ours.sampler(), batch=self.batch)
        return job, {**self.about(ours), "guidance": ours.sampler().guidance, "batch_size": self.batch}


@dataclass(frozen=True, kw_only=True)
class Generate(OfModel):
    """A prompt to GLB files."""

    model: str = "homeware"
    """A name from `shapewright models list`, a model folder, or random-300m: the published sizes with
    made-up weights, whose published sampling takes many minutes on a CPU: give it fewer --steps."""
    n: int = 1
    """Objects, drawn together."""
    steps: AnyInt = None
    """Sampling steps; the model's own number if not given."""
    resolution: int = 128
    """Grid points along each side of the box; 0 stops at the latents."""

    def job(self) -> "tuple[Job, dict[str, Any]]":
        from shapewright.evaluation.speed_jobs import generate_job

        check_positive("--n", self.n)
        ours, plain = self.pair()
        job = generate_job(ours, plain, n=self.n, steps=self.steps, resolution=self.resolution)
        steps = ours.sampler(steps=self.steps).steps
        about = {"steps": steps, "resolution": self.resolution, "batch_size": self.n}
        return job, {**self.about(ours), **about}


@dataclass(frozen=True, kw_only=True)
class Decode(OfModel):
    """A latent to a coloured mesh; its plain twin asks the field at every point of the grid."""

    resolution: int = 128
    """Grid points along each side of the box."""

    def job(self) -> "tuple[Job, dict[str, Any]]":
        from shapewright.evaluation.speed_jobs import decode_job

        pipeline = self.loaded(self.precision, with_prior=False)  # of random-300m, whose samples are noise
        job = decode_job(pipeline, resolution=self.resolution, compare=self.compare_plain)
        return job, {**self.about(pipeline), "resolution": self.resolution}


@dataclass(frozen=True, kw_only=True)
class Render(OfModel):
    """One view of a latent."""

    mode: Literal["mesh", "nerf"] = "nerf"
    """Of the density, or of the surface, which is extracted before."""
    size_px: int = 128
    """Width and height."""
    resolution: int = 128
    """Grid points along each side of the box that the surface is taken from."""

    def job(self) -> "tuple[Job, dict[str, Any]]":
        from shapewright.evaluation.speed_jobs import render_job

        check_positive("--size-px", self.size_px)
        pipeline = self.loaded(self.precision, with_prior=False)
        job = render_job(
            pipeline,
            mode=self.mode,
            size_px=self.size_px,
            resolution=self.resolution,
            compare=self.compare_plain,
        )
        return job, {**self.about(pipeline), "mode": self.mode, "size_px": self.size_px}


@dataclass(frozen=True, kw_only=True)
class Encode(OfModel):
    """A 3D file to its latent, reading and rendering included."""

    file: AnyPath = None
    """The 3D file; a sphere of 3968 triangles if not given."""

    def job(self) -> "tuple[Job, dict[str, Any]]":
        from shapewright.evaluation.speed_jobs import encode_job

        pipeline = self.loaded(self.precision, with_prior=False, with_encoder=True)
        about = {"precision": "fp32" if pipeline.encode_in.itemsize == 4 else "bf16"}
        job = encode_job(pipeline, self.file, compare=self.compare_plain)
        return job, {**self.about(pipeline), **about}


@dataclass(frozen=True, kw_only=True)
class Train(Measurement):
    """One step of a prior's training, on made-up latents: assets per second of a recipe."""

    recipe: Literal["tiny", "homeware", "single-gpu", "paper"] = "homeware"
    """Sizes, batch and precision."""
    condition: Literal["text", "image"] = "text"
    """What the prior is told."""
    batch: AnyInt = None
    """Assets of a step; the recipe's number if not given."""

    def job(self) -> "tuple[Job, dict[str, Any]]":
        from shapewright.training.recipes.prior import PRIOR_RECIPES
        from shapewright.training.speed import training_job

        recipe = PRIOR_RECIPES[self.recipe](self.condition)
        if self.batch is not None:
            check_positive("--batch", self.batch)
            recipe = replace(recipe, loop=replace(recipe.loop, batch_size=self.batch))
        about = {"recipe": self.recipe, "precision": recipe.loop.precision}
        return training_job(recipe, compare=self.compare_plain), {
            **about,
            "batch_size": recipe.loop.batch_size,
        }


@dataclass(frozen=True, kw_only=True)
class Bench(Command):
    """Measure the speed of a part of the system on this machine."""

    command: (
        Annotated[Prior, tyro.conf.subcommand("prior")]
        | Annotated[Generate, tyro.conf.subcommand("generate")]
        | Annotated[Decode, tyro.conf.subcommand("decode")]
        | Annotated[Render, tyro.conf.subcommand("render")]
        | Annotated[Encode, tyro.conf.subcommand("encode")]
        | Annotated[Train, tyro.conf.subcommand("train")]
    )

    json: tyro.conf.Suppress[bool] = False

    def run(self, terminal: Terminal) -> None:
        """Hand over to the subcommand."""
        self.command.run(Terminal(as_json=self.command.json))


def check_positive(option: str, value: int) -> None:
    """Raises: ConfigError."""
    if value < 1:
        raise ConfigError(f"{option} must be at least 1, not {value}.")


def shown(key: str, value: Any) -> str:
    """A figure for people."""
    if value is None:
        return "-"
    if key.endswith("_bytes"):
        return memory(value)
    return f"{value:.4g}" if isinstance(value, float) else str(value)
