"""`shapewright encode`: a 3D file to its latent."""

from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from tyro.conf import Positional, arg

from shapewright.apps.cli.command import AnyPath, Command, Device
from shapewright.apps.cli.outputs import check_suffix
from shapewright.apps.cli.terminal import Terminal, duration, memory
from shapewright.atomic_file import check_writable
from shapewright.errors import ConfigError

if TYPE_CHECKING:
    from shapewright.pipeline import Asset

__all__ = ["Encode"]

# What the latent file says of a refinement.
REFINEMENT = ("refine_steps", "iou_before", "iou_after")


@dataclass(frozen=True, kw_only=True)
class Encode(Command):
    """Turn a 3D file into a latent, which `export`, `render` and `interpolate` take."""

    file: Annotated[Positional[Path], arg(metavar="FILE")]
    """GLB, GLTF, OBJ, PLY, STL, OFF or 3MF."""
    output: AnyPath = None
    """Where to write the latent; FILE's name with the suffix .latent.safetensors if not given."""
    model: str = "homeware"
    """A name from `shapewright models list`, or a model folder."""
    refine: Annotated[int | None, arg(metavar="STEPS", help_behavior_hint="")] = None
    """Improve the latent in so many gradient steps on FILE's own surface and views: 60 if not given (none
    for the published models), 200 for the best, 0 for the encoder's answer as it is."""
    compare: AnyPath = None
    """Also write a PNG there: FILE above, what its latent stands for below, from the same four sides."""
    compare_size: int = 256
    """Width and height of each view in it."""
    device: Device = "auto"
    """Where to compute."""

    def run(self, terminal: Terminal) -> None:
        """Read, encode, write."""
        output = self.output or Path(f"{self.file.stem}.latent.safetensors")
        check_suffix(output, (".safetensors",), "--output")
        check_writable(output)
        if self.compare is not None:
            check_suffix(self.compare, (".png",), "--compare")
            check_writable(self.compare)
        if not 8 <= self.compare_size <= 2048:
            raise ConfigError(f"--compare-size must be in 8..2048, not {self.compare_size}.")
        if self.refine is not None and self.refine < 0:
            raise ConfigError(f"--refine takes a number of steps, 0 or more; got {self.refine}.")

        from shapewright.apps.cli.estimate import encoding_memory, refinement_seconds
        from shapewright.pipeline import Pipeline
        from shapewright.pipeline.device import choose_device, describe_device
        from shapewright.pipeline.latent_refinement import steps_of_encoding
        from shapewright.pipeline.named_model import config_of

        config, device = config_of(self.model), choose_device(self.device)
        encoder = config.autoencoder.encoder
        sees_views = encoder is not None and encoder.views is not None
        # measured on 2 CPU cores, the latter with the published sizes: 52 s
        time = "about a minute" if sees_views else "a few seconds for most files"
        steps = steps_of_encoding(config.autoencoder.field) if self.refine is None else self.refine
        if steps:
            seconds = refinement_seconds(config, device, steps)
            time += f", then about {duration(seconds)} for {steps} steps of refinement"
        terminal.say(
            f"Encoding '{self.file}' with '{config.name}' on {describe_device(device)}: "
            f"{time}, and {memory(encoding_memory(config))} of memory."
        )
        pipeline = Pipeline.from_pretrained(self.model, device=self.device)
        with terminal.progress("Refining") if steps else nullcontext() as advance:
            asset = pipeline.encode(self.file, refine=steps, progress=advance)
        asset.save(output)
        pictures = {}
        if self.compare is not None:
            self._compare(asset, self.compare, steps)
            pictures = {"compare": str(self.compare)}
        refined = {name: asset.origin.settings[name] for name in REFINEMENT if steps}
        if refined:
            terminal.say(
                f"Refined: overlap with the file's solid (IoU) {refined['iou_before']:.2f} before, "
                f"{refined['iou_after']:.2f} after."
            )
        terminal.result(
            {"latent": str(output), "shape": list(asset.latent.shape), **refined, **pictures},
            "\n".join([str(output), *pictures.values()]),
        )

    def _compare(self, asset: "Asset", path: Path, steps: int) -> None:
        """Both seen by the same cameras, in the same light. Raises: OutputError; EmptySurfaceError."""
        from shapewright.apps.cli.subjects import source_view
        from shapewright.pipeline.pictures import save_sheet, views_around
        from shapewright.render.background import WHITE
        from shapewright.render.contact_sheet import Strip

        cameras = views_around(4, size_px=self.compare_size)
        source = source_view(self.file, WHITE)
        made = f"its latent of '{self.model}'"
        if steps:
            made += f", refined in {steps} steps"
        strips = [
            Strip(caption=self.file.name, pictures=[source(camera) for camera in cameras]),
            Strip(caption=made, pictures=[asset.view(camera) for camera in cameras]),
        ]
        save_sheet(strips, path, cell_px=self.compare_size, columns=1)
