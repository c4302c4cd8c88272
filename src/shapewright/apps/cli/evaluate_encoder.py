"""`shapewright evaluate encoder`: reconstructions by one or several models, measured into one report."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

from tyro.conf import arg

from shapewright.apps.cli.command import AnyPath, Command, Device
from shapewright.apps.cli.terminal import Terminal, duration
from shapewright.atomic_file import check_writable
from shapewright.errors import ConfigError

if TYPE_CHECKING:
    from shapewright.evaluation.encoder_report import EncoderRun
    from shapewright.evaluation.encoder_suite import EncoderConfig, EncoderSuite
    from shapewright.evaluation.lpips import Lpips
    from shapewright.evaluation.report import Section

__all__ = ["Encoder", "EncoderOptions", "EncoderPart", "check_report_folder", "encoder_part"]

# Measured on one CPU core with the homeware model: 3 views of the mesh and one of the NeRF.
SECONDS_PER_ASSET = 4.0

Models = Annotated[
    tuple[str, ...], arg(metavar="MODEL [MODEL ...]", help_behavior_hint="(default: homeware)")
]
Splits = Annotated[tuple[Literal["train", "val"], ...], arg(metavar="{train,val} [{train,val}]")]


@dataclass(frozen=True, kw_only=True)
class EncoderOptions(Command):
    """What is measured of reconstructions."""

    data: Path
    """Folder of a data set, from `shapewright data build`."""
    out: Path
    """Folder for the report and the figures of each asset."""
    model: Models = ("homeware",)
    """Names from `shapewright models list`, or model folders; several are compared."""
    assets: int = 40
    """Assets of each split, a fixed random draw."""
    splits: Splits = ("val", "train")
    """Which assets; the report's pictures are of the first split."""
    views: int = 3
    """Pictures of each mesh to compare; no more than the data set has."""
    nerf_views: int = 1
    """Pictures of each NeRF to compare."""
    refine: int = 0
    """Measure also latents refined in so many steps, as by `encode --refine`."""
    lpips: AnyPath = None
    """AlexNet's weights as torchvision publishes them, for LPIPS; those in torch's cache if not given."""
    device: Device = "auto"
    """Where to compute."""


@dataclass(frozen=True, kw_only=True)
class Encoder(EncoderOptions):
    """Measure how well models give back assets: views by PSNR, SSIM and LPIPS, surfaces and volumes.

    Writes results.json, tables.md and report.html, a page with pictures and curves. A run that was stopped
    goes on when it is given the same folder: assets that were measured already are not measured again.
    """

    def run(self, terminal: Terminal) -> None:
        """Measure, write, print."""
        check_report_folder(self.out)

        from shapewright.evaluation.report import finite, write_report

        part = encoder_part(self, terminal)
        title = f"Reconstructions by {', '.join(self.model)}"
        write_report(
            self.out, part.figures, part.sections, title=title, about=part.about, headline=part.headline
        )
        report = self.out / "report.html"
        terminal.result(finite({**part.figures, "report": str(report)}), f"{part.text}\n\n{report}")


@dataclass(frozen=True, kw_only=True)
class EncoderPart:
    """What the suite contributes to a report. about: what was measured; text: for the terminal."""

    figures: dict[str, Any]
    sections: list[Section]
    headline: list[tuple[str, str]]
    about: str
    text: str


def check_report_folder(out: Path) -> None:
    """Raises: OutputError if the report could not be written there."""
    check_writable(out / "report.html")


def encoder_part(options: EncoderOptions, terminal: Terminal) -> EncoderPart:
    """Measure all models, one after the other. Raises: UserError."""
    from shapewright.evaluation.encoder_report import encoder_figures, encoder_headline, encoder_sections
    from shapewright.evaluation.encoder_suite import EncoderConfig
    from shapewright.evaluation.report import table_as_markdown

    config = EncoderConfig(
        assets=options.assets,
        splits=options.splits,
        views=options.views,
        nerf_views=options.nerf_views,
        refine=options.refine,
    )
    if len(set(options.model)) < len(options.model) or not options.model:
        raise ConfigError(f"--model wants different models, got {', '.join(options.model) or 'none'}.")
    lpips, left_out = found_lpips(options.lpips)
    runs = [measured_model(model, options, config, lpips, terminal) for model in options.model]
    figures = {run.label: encoder_figures(run, config) for run in runs}
    sections = encoder_sections(runs, config, options.out, left_out)
    first = figures[runs[0].label]
    counts = ", ".join(f"{first[split]['assets']} {split}" for split in config.splits)
    return EncoderPart(
        figures={"settings": settings_of(config), "models": figures, "left_out": left_out},
        sections=sections,
        headline=encoder_headline(first, config.splits[0]) if len(runs) == 1 else [],
        about=f"Assets of {options.data.resolve().name}: {counts}. Large figures are of {config.splits[0]}.",
        text="\n\n".join(f"{table.title}\n{table_as_markdown(table)}" for table in sections[0].tables),
    )


def settings_of(config: EncoderConfig) -> dict[str, Any]:
    from shapewright.config import to_dict

    return to_dict(config)


def found_lpips(path: Path | None) -> tuple[Lpips | None, list[str]]:
    """LPIPS if there are weights for it; if not, what the report says of that. Raises: ModelError."""
    from shapewright.evaluation.lpips import ALEXNET_FILE, Lpips, find_alexnet

    path = path or find_alexnet()
    if path is not None:
        return Lpips.from_file(path), []
    return None, [
        f"LPIPS was left out: it needs AlexNet's weights, torchvision's file {ALEXNET_FILE}, which are not "
        "in torch's cache. Give them with --lpips FILE and run the command again."
    ]


def measured_model(
    model: str, options: EncoderOptions, config: EncoderConfig, lpips: Lpips | None, terminal: Terminal
) -> EncoderRun:
    """Load a model, say what will be done, and do it."""
    from shapewright.evaluation.encoder_report import EncoderRun
    from shapewright.evaluation.encoder_suite import EncoderSuite
    from shapewright.pipeline import Pipeline
    from shapewright.pipeline.record_input import views_shown

    pipeline = Pipeline.from_pretrained(model, device=options.device)
    suite = EncoderSuite(pipeline, options.data, config, options.out, lpips)
    terminal.say(announcement(suite, model, options))
    with terminal.progress("Evaluating") as advance:
        results = suite.measure(advance)
    shown = views_shown(pipeline.model.config)
    note = f"The encoder of '{model}' is shown each asset's first {shown} views and judged by others, "
    note += "as far as the data set has more."
    sha256 = pipeline.model.sha256
    return EncoderRun(label=model, sha256=sha256, results=results, note=note if shown else "")


def announcement(suite: EncoderSuite, model: str, options: EncoderOptions) -> str:
    """What is about to happen, where, and how long it will take."""
    from shapewright.apps.cli.estimate import refinement_seconds
    from shapewright.pipeline.device import describe_device

    pipeline, left, all_assets = suite.pipeline, len(suite.missing), len(suite.chosen)
    each = SECONDS_PER_ASSET
    if options.refine:
        refining = refinement_seconds(pipeline.model.config, pipeline.device, options.refine)
        each += SECONDS_PER_ASSET + refining
    number = f" ({options.model.index(model) + 1} of {len(options.model)})" if options.model[1:] else ""
    done = f", {all_assets - left} of which were measured before" if left < all_assets else ""
    time = f"about {duration(left * each)}" if left else "nothing is left to do but the report"
    return (
        f"Evaluating the encoder of '{model}'{number} on {all_assets} assets of '{options.data}'{done}, on "
        f"{describe_device(pipeline.device)}: {time}."
    )
