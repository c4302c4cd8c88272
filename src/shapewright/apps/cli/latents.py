"""`shapewright latents`: a data set to the latents that a prior is trained on."""

from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import Annotated, Any, Literal

from tyro.conf import UseAppendAction, arg

from shapewright.apps.cli.command import Command, Device
from shapewright.apps.cli.terminal import Terminal, duration, memory
from shapewright.atomic_file import check_writable
from shapewright.errors import ConfigError

__all__ = ["Latents"]

# Measured on 2 CPU cores: the homeware encoder, and the published one, which sees 20 views.
SECONDS_PER_DRAW, SECONDS_PER_DRAW_OF_VIEWS = 0.02, 52.0


@dataclass(frozen=True, kw_only=True)
class Latents(Command):
    """Encode a data set, several varied draws of each asset, as prior training reads it.

    Goes on where it was stopped.
    """

    data: Path
    """Folder of a data set, from `shapewright data build`."""
    model: str = "homeware"
    """The encoder: a run folder, a model folder, or a name from `shapewright models list`."""
    out: Path
    """Folder of the latents: safetensors shards, index.json, statistics."""
    draws: int = 1
    """Latents of every asset: the first of it as it is, the others varied."""
    splits: Annotated[str, arg(metavar="SPLITS")] = "train,val"
    """Which assets: train, val or both, with a comma between."""
    precision: Literal["fp32", "fp16"] = "fp32"
    """Of the latents on disk."""
    seed: int = 0
    """Seed of the variations."""
    set: Annotated[
        tuple[tuple[str, ...], ...],
        arg(metavar="KEY=VALUE ...", help_behavior_hint="(repeatable)"),
        UseAppendAction,
    ] = ()
    """How assets are varied, such as augmentation.recolor=0.65 (also mirror, scale, stretch)."""
    device: Device = "auto"
    """Where to compute."""

    def __post_init__(self) -> None:
        if self.draws < 1:
            raise ConfigError(f"--draws must be at least 1, not {self.draws}.")
        names = self.splits.split(",")
        if not set(names) <= {"train", "val"} or len(set(names)) < len(names):
            raise ConfigError(f"--splits takes train, val or train,val, not '{self.splits}'.")

    def run(self, terminal: Terminal) -> None:
        """Encode what is missing."""
        check_writable(self.out / "index.json")

        from shapewright.apps.cli.estimate import encoding_memory
        from shapewright.dataset.loader import read_index
        from shapewright.pipeline.device import choose_device, describe_device
        from shapewright.pipeline.named_model import model_of
        from shapewright.training.encoding import make_latents
        from shapewright.training.prior_sources import model_place

        config = self.settings()
        place, device = model_place(self.model), choose_device(self.device)
        assets = sum(entry["split"] in config.splits for entry in read_index(self.data)["records"])
        model = model_of(place)
        encoder = model.config.autoencoder.encoder
        views = encoder is not None and encoder.views is not None
        seconds = assets * self.draws * (SECONDS_PER_DRAW_OF_VIEWS if views else SECONDS_PER_DRAW)
        terminal.say(
            f"Encoding {assets} assets of '{self.data}' x {self.draws} draws with '{model.config.name}' on "
            f"{describe_device(device)} into '{self.out}': about {duration(seconds)} on two CPU cores and "
            f"{memory(encoding_memory(model.config))} of memory; it may be stopped and resumed."
        )
        model.autoencoder.to(device)
        with terminal.progress("Encoding") as advance:
            made = make_latents(model, place, self.data, self.out, config, progress=advance)
        counts: dict[str, int] = {}
        for shard in made.shards:
            counts[shard.split] = counts.get(shard.split, 0) + shard.latents
        facts: dict[str, Any] = {"folder": str(self.out), "latents": counts, "model": place}
        told = ", ".join(f"{count} {split}" for split, count in counts.items())
        terminal.result(facts, f"{self.out}: {told}")

    def settings(self) -> Any:
        """A `LatentsConfig` of the options."""
        from shapewright.training.encoding import LatentsConfig
        from shapewright.training.recipes import overridden

        splits = "[" + ", ".join(f'"{name}"' for name in self.splits.split(",")) + "]"
        options = {"draws": self.draws, "splits": splits, "precision": self.precision, "seed": self.seed}
        return overridden(
            LatentsConfig(), [*(f"{key}={value}" for key, value in options.items()), *chain(*self.set)]
        )
