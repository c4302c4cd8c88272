"""`shapewright evaluate`: how good a model is, in numbers and to the eye."""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import tyro

from shapewright.apps.cli.command import AnyPath, Command, Device
from shapewright.apps.cli.evaluate_all import All
from shapewright.apps.cli.evaluate_encoder import Encoder
from shapewright.apps.cli.evaluate_judge import TrainJudge
from shapewright.apps.cli.evaluate_prior import Prior
from shapewright.apps.cli.outputs import check_suffix
from shapewright.apps.cli.terminal import Terminal, duration
from shapewright.atomic_file import check_writable, replacing

__all__ = ["Evaluate"]

# Measured on 2 CPU cores with the homeware model.
SECONDS_PER_ASSET = 4.0
SECONDS_PER_SAMPLE = 2.0


@dataclass(frozen=True, kw_only=True)
class Quick(Command):
    """Measure reconstructions of training and validation assets, and samples of the household prompts."""

    data: Path
    """Folder of a data set, from `shapewright data build`."""
    model: str = "homeware"
    """A name from `shapewright models list`, or a model folder."""
    assets: int = 40
    """Assets of each split to reconstruct."""
    views: int = 3
    """Pictures of each to compare; no more than the data set has."""
    seeds: int = 4
    """Samples of each prompt; 0 leaves them out."""
    refine: int = 0
    """Measure reconstructions also with latents refined in so many steps, as by `encode --refine`."""
    output: AnyPath = None
    """Also write the figures there, as JSON."""
    device: Device = "auto"
    """Where to compute."""

    def run(self, terminal: Terminal) -> None:
        """Measure, print, write."""
        if self.output is not None:
            check_suffix(self.output, (".json",), "--output")
            check_writable(self.output)

        from shapewright.apps.cli.estimate import refinement_seconds
        from shapewright.evaluation.prompts import HOUSEHOLD_PROMPTS
        from shapewright.evaluation.quick import QuickConfig, evaluate_quick
        from shapewright.pipeline import Pipeline
        from shapewright.pipeline.device import describe_device

        config = QuickConfig(assets=self.assets, views=self.views, seeds=self.seeds, refine=self.refine)
        pipeline = Pipeline.from_pretrained(self.model, device=self.device)
        samples = len(HOUSEHOLD_PROMPTS) * self.seeds if pipeline.model.prior is not None else 0
        refining = refinement_seconds(pipeline.model.config, pipeline.device, self.refine)
        each = SECONDS_PER_ASSET + (SECONDS_PER_ASSET + refining if self.refine else 0)
        seconds = 2 * self.assets * each + samples * SECONDS_PER_SAMPLE
        terminal.say(
            f"Evaluating '{pipeline.model.config.name}' on 2 x {self.assets} assets of '{self.data}' and "
            f"{samples} samples on {describe_device(pipeline.device)}: about {duration(seconds)}."
        )
        with terminal.progress("Evaluating") as advance:
            figures = evaluate_quick(pipeline, self.data, config, advance)
        if self.output is not None:
            import json

            with replacing(self.output) as temporary:
                temporary.write_text(json.dumps(figures, indent=2) + "\n", encoding="utf-8")
        terminal.result(figures, "\n".join(_lines(figures)))


@dataclass(frozen=True, kw_only=True)
class Sheet(Command):
    """Draw the household prompts, several seeds each, on one contact sheet."""

    model: str = "homeware"
    """A name from `shapewright models list`, or a model folder."""
    seeds: int = 4
    """Samples of each prompt."""
    size_px: int = 128
    """Width and height of each picture."""
    output: Path = Path("sheet.png")
    """The sheet, a .png."""
    device: Device = "auto"
    """Where to compute."""

    def run(self, terminal: Terminal) -> None:
        """Draw, render, write."""
        check_suffix(self.output, (".png",), "--output")
        check_writable(self.output)

        from shapewright.evaluation.prompts import HOUSEHOLD_PROMPTS
        from shapewright.evaluation.sheet import household_sheet
        from shapewright.pipeline import Pipeline
        from shapewright.pipeline.device import describe_device

        pipeline = Pipeline.from_pretrained(self.model, device=self.device)
        seconds = len(HOUSEHOLD_PROMPTS) * self.seeds * SECONDS_PER_SAMPLE
        device = describe_device(pipeline.device)
        terminal.say(
            f"Drawing {len(HOUSEHOLD_PROMPTS)} prompts x {self.seeds} seeds with "
            f"'{pipeline.model.config.name}' on {device}: about {duration(seconds)}."
        )
        with terminal.progress("Drawing") as advance:
            household_sheet(pipeline, self.output, seeds=self.seeds, size_px=self.size_px, progress=advance)
        terminal.result({"output": str(self.output)}, str(self.output))


@dataclass(frozen=True, kw_only=True)
class Evaluate(Command):
    """Measure a model, or look at what it makes."""

    command: (
        Annotated[Encoder, tyro.conf.subcommand("encoder")]
        | Annotated[Prior, tyro.conf.subcommand("prior")]
        | Annotated[All, tyro.conf.subcommand("all")]
        | Annotated[Quick, tyro.conf.subcommand("quick")]
        | Annotated[Sheet, tyro.conf.subcommand("sheet")]
        | Annotated[TrainJudge, tyro.conf.subcommand("judge")]
    )

    json: tyro.conf.Suppress[bool] = False

    def run(self, terminal: Terminal) -> None:
        """Hand over to the subcommand."""
        self.command.run(Terminal(as_json=self.command.json))


def _lines(figures: dict[str, Any], prefix: str = "") -> list[str]:
    """Figures by dotted name, one a line."""
    lines: list[str] = []
    for name, value in figures.items():
        if isinstance(value, dict):
            lines += _lines(value, f"{prefix}{name}.")  # pyright: ignore[reportUnknownArgumentType]  # of Any
        else:
            shown = f"{value:.4g}" if isinstance(value, float) else str(value)
            lines.append(f"{prefix}{name:<{max(1, 40 - len(prefix))}}{shown}")
    return lines
