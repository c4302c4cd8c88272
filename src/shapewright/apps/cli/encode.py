"""`shapewright encode`: a 3D file to its latent."""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from tyro.conf import Positional, arg

from shapewright.apps.cli.command import AnyPath, Command, Device
from shapewright.apps.cli.outputs import check_suffix
from shapewright.apps.cli.terminal import Terminal, memory
from shapewright.atomic_file import check_writable

__all__ = ["Encode"]


@dataclass(frozen=True, kw_only=True)
class Encode(Command):
    """Turn a 3D file into a latent, which `export`, `render` and `interpolate` take."""

    file: Annotated[Positional[Path], arg(metavar="FILE")]
    """GLB, GLTF, OBJ, PLY, STL, OFF or 3MF."""
    output: AnyPath = None
    """Where to write the latent; FILE's name with the suffix .latent.safetensors if not given."""
    model: str = "homeware"
    """A name from `shapewright models list`, or a model folder."""
    device: Device = "auto"
    """Where to compute."""

    def run(self, terminal: Terminal) -> None:
        """Read, encode, write."""
        output = self.output or Path(f"{self.file.stem}.latent.safetensors")
        check_suffix(output, (".safetensors",), "--output")
        check_writable(output)

        from shapewright.apps.cli.estimate import encoding_memory
        from shapewright.pipeline import Pipeline
        from shapewright.pipeline.device import choose_device, describe_device
        from shapewright.pipeline.named_model import config_of

        config = config_of(self.model)
        encoder = config.autoencoder.encoder
        sees_views = encoder is not None and encoder.views is not None
        # measured on 2 CPU cores, the latter with the published sizes: 52 s
        time = "about a minute" if sees_views else "a few seconds for most files"
        terminal.say(
            f"Encoding '{self.file}' with '{config.name}' on {describe_device(choose_device(self.device))}: "
            f"{time}, and {memory(encoding_memory(config))} of memory."
        )
        pipeline = Pipeline.from_pretrained(self.model, device=self.device)
        asset = pipeline.encode(self.file)
        asset.save(output)
        terminal.result({"latent": str(output), "shape": list(asset.latent.shape)}, str(output))
