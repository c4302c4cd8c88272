"""`shapewright generate` with a model that draws point clouds (Point-E)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from shapewright.apps.cli.mesh_facts import MeshFacts, mesh_facts
from shapewright.apps.cli.mesh_flags import MeshFlags
from shapewright.apps.cli.outputs import Job, plan_outputs
from shapewright.apps.cli.terminal import Advance, Terminal, duration
from shapewright.apps.cli.wishes import Wishes
from shapewright.errors import ConfigError, EmptySurfaceError, ModelError

if TYPE_CHECKING:
    from shapewright.apps.cli.generate import Generate
    from shapewright.pipeline import PointCloudAsset, PointEPipeline

__all__ = ["generate_points"]

# What is made of a latent, which point clouds do not come from, and the way a latent is drawn.
OF_LATENTS = ("preview", "turntable", "sheet", "latent", "solver", "negative", "mix", "init", "retry")


def generate_points(command: Generate, wishes: Wishes, jobs: Sequence[Job], terminal: Terminal) -> None:
    """Check everything that can be checked, then draw, then write. Jobs of one prompt follow each other.

    Raises: UserError for whatever the user can mend.
    """
    paths = _places(command, jobs)
    options = command.surface.options()

    from shapewright.apps.cli.estimate import points_seconds, surface_seconds
    from shapewright.pipeline import PointEPipeline
    from shapewright.pipeline.device import describe_device

    pipeline = PointEPipeline.from_pretrained(command.model, device=command.device)
    name = pipeline.model.config.name
    if command.mesh and pipeline.model.sdf is None:
        raise ModelError(f"The model '{name}' has no SDF network to find a surface with; leave out --mesh.")
    guidance = next(iter(command.guidances), None)
    seconds = points_seconds(pipeline, len(jobs), steps=command.steps, guidance=guidance)
    first, second = pipeline.samplers(steps=command.steps, guidance=guidance)
    steps = f"{first.steps} steps" if second is None else f"{first.steps} and {second.steps} steps"
    then = ""
    if command.mesh:
        then = f", then {duration(surface_seconds(pipeline, options.resolution))} for each mesh"
    terminal.say(
        f"Drawing {len(jobs)} point cloud{'s' if len(jobs) > 1 else ''} with '{name}' on "
        f"{describe_device(pipeline.device)}, {steps}, guidance {first.guidance:g}: "
        f"about {duration(seconds)}{then}."
    )
    assets = _draw(command, pipeline, wishes, terminal)
    facts = _write(command, jobs, assets, paths, terminal)
    rows: list[dict[str, Any]] = [
        {**wishes.asked(job.index // command.n), "seed": job.seed, "output": str(path)}
        for job, path in zip(jobs, paths, strict=True)
    ]
    for row, found in zip(rows, facts, strict=command.mesh):
        row |= found.values
        for sentence in found.sentences:
            terminal.say(f"{row['output']}: {sentence}")
    terminal.result({"objects": rows}, "\n".join(str(path) for path in paths))


def _places(command: Generate, jobs: Sequence[Job]) -> list[Path]:
    """One path per job. Raises: ConfigError, OutputError before any time is spent."""
    from shapewright.geometry.mesh_files import WRITERS
    from shapewright.geometry.point_cloud import POINT_WRITERS

    for option in OF_LATENTS:
        if getattr(command, option) not in (None, (), 0):
            raise ConfigError(f"--{option} is for models of latents; '{command.model}' draws point clouds.")
    if len(command.guidances) > 1:
        raise ConfigError(f"'{command.model}' draws point clouds, which take one --guidance for all.")
    if not command.mesh and replace(command.surface, resolution=MeshFlags().resolution) != MeshFlags():
        raise ConfigError(f"'{command.model}' draws points, which those options are not about: add --mesh.")
    suffixes = tuple(WRITERS if command.mesh else POINT_WRITERS)
    return plan_outputs(command.output, jobs, suffixes=suffixes, option="--output")


def _draw(
    command: Generate, pipeline: PointEPipeline, wishes: Wishes, terminal: Terminal
) -> list[PointCloudAsset]:
    with terminal.progress("Drawing") as advance:
        return pipeline.generate(
            wishes.prompts or None,
            image=wishes.pictures or None,
            foreground_ratio=wishes.foreground_ratio,
            remove_background=wishes.remove_background,
            seed=command.seed,
            n=command.n,
            steps=command.steps,
            guidance=next(iter(command.guidances), None),
            progress=advance,
        )


def _write(
    command: Generate,
    jobs: Sequence[Job],
    assets: Sequence[PointCloudAsset],
    paths: Sequence[Path],
    terminal: Terminal,
) -> list[MeshFacts]:
    """What is to be said of the meshes. Raises: EmptySurfaceError after all others have been written."""
    options = command.surface.options()
    empty: list[str] = []
    facts: list[MeshFacts] = []
    with terminal.progress("Finding surfaces" if command.mesh else "Writing") as advance:
        for job, asset, path in zip(jobs, assets, paths, strict=True):
            try:
                if command.mesh:
                    asset.surface(options.resolution, progress=_after(advance, job.index, len(jobs)))
                asset.export(path, options, mesh=command.mesh)
                if command.mesh:
                    facts.append(mesh_facts(asset, options, path))
            except EmptySurfaceError:  # the others are still wanted
                empty.append(f"'{job.prompt}' with seed {job.seed}")
            if not command.mesh:
                advance(job.index + 1, len(jobs))
    if empty:
        raise EmptySurfaceError(
            f"{len(empty)} of {len(jobs)} point clouds came out without a surface: {', '.join(empty)}; "
            "try another --seed, or leave out --mesh for the points."
        )
    return facts


def _after(advance: Advance, before: int, objects: int) -> Callable[[int, int], None]:
    """Parts of one object's grid as parts of all of them."""
    return lambda done, total: advance(before * total + done, objects * total)
