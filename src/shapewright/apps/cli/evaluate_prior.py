"""`shapewright evaluate prior`: samples of a model, judged, in one report."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from tyro.conf import arg

from shapewright.apps.cli.command import AnyPath, Command, Device
from shapewright.apps.cli.evaluate_encoder import check_report_folder
from shapewright.apps.cli.terminal import Terminal, duration
from shapewright.errors import ConfigError, ModelError, PromptError

if TYPE_CHECKING:
    import torch

    from shapewright.evaluation.prompts import Prompt
    from shapewright.evaluation.report import Section
    from shapewright.evaluation.text_image import TextImageModel

__all__ = ["Prior", "PriorOptions", "PriorPart", "prior_part"]

# Measured on 2 CPU cores with the homeware model: drawn, meshed, seen and judged.
SECONDS_PER_SAMPLE = 2.5

Names = Annotated[tuple[str, ...], arg(metavar="NAME ...", help_behavior_hint="")]


@dataclass(frozen=True, kw_only=True)
class PriorOptions(Command):
    """What is measured of samples."""

    prompts: str = "hundred"
    """household (24 prompts), hundred, or a text file with a prompt on each line."""
    seeds: int = 2
    """Samples of each prompt."""
    described: int = 64
    """Compare so many held-out assets with samples of what is said of them (coverage, 1-NN); 0: do not."""
    clip: Names = ()
    """CLIPs that judge, by folder or hub name; the paper's: openai/clip-vit-base-patch32, -large-patch14."""
    judge: AnyPath = None
    """An in-domain judge's file, from `evaluate judge`; the one that ships if not given."""


@dataclass(frozen=True, kw_only=True)
class Prior(PriorOptions):
    """Measure what a model makes of prompts: R-Precision, kind, colour, coverage, diversity, novelty.

    Writes results.json, tables.md and report.html, a page with samples, failures and nearest training assets.
    Samples are kept in the folder: the same command goes on where it was stopped, and judges without drawing.
    """

    data: Path
    """Folder of the data set that the model learnt from."""
    out: Path
    """Folder for the report and the samples."""
    model: str = "homeware"
    """A name from `shapewright models list`, or a model folder."""
    device: Device = "auto"
    """Where to compute."""

    def run(self, terminal: Terminal) -> None:
        """Draw, judge, write."""
        check_report_folder(self.out)

        from shapewright.evaluation.report import finite, write_report

        part = prior_part(self, self.model, self.data, self.out, self.device, terminal)
        title = f"Samples of {self.model}"
        write_report(self.out, part.figures, part.sections, title=title, headline=part.headline)
        report = self.out / "report.html"
        terminal.result(finite({**part.figures, "report": str(report)}), f"{part.text}\n\n{report}")


@dataclass(frozen=True, kw_only=True)
class PriorPart:
    """What the suite contributes to a report; text: for the terminal."""

    figures: dict[str, Any]
    sections: list[Section]
    headline: list[tuple[str, str]]
    text: str


def prior_part(
    options: PriorOptions, model: str, data: Path, out: Path, device: Device, terminal: Terminal
) -> PriorPart:
    """Draw and judge. Raises: UserError."""
    from shapewright.evaluation.generation import GenerationConfig, evaluate_generation
    from shapewright.evaluation.generation_report import generation_headline, generation_sections
    from shapewright.evaluation.report import table_as_markdown
    from shapewright.pipeline import Pipeline
    from shapewright.pipeline.device import describe_device

    prompts = read_prompts(options.prompts)
    config = GenerationConfig(prompts=prompts, seeds=options.seeds, described=options.described)
    pipeline = Pipeline.from_pretrained(model, device=device)
    judges = found_judges(options, pipeline.device)
    samples = len(prompts) * options.seeds + options.described
    terminal.say(
        f"Drawing and judging {samples} samples of '{pipeline.model.config.name}' on "
        f"{describe_device(pipeline.device)}: about {duration(samples * SECONDS_PER_SAMPLE)}."
    )
    with terminal.progress("Evaluating") as advance:
        run = evaluate_generation(pipeline, data, config, judges, out, advance)
    sections = generation_sections(run, config)
    tables = sections[0].tables
    return PriorPart(
        figures=run.figures,
        sections=sections,
        headline=generation_headline(run),
        text="\n\n".join(f"{table.title}\n{table_as_markdown(table)}" for table in tables),
    )


def read_prompts(named: str) -> tuple[Prompt, ...]:
    """A set by name, or a file's lines; of these the last word says the kind. Raises: PromptError."""
    from shapewright.dataset.colors import COLOR_NAMES
    from shapewright.evaluation.prompts import HOUSEHOLD_PROMPTS, HUNDRED_PROMPTS, Prompt

    if named in ("household", "hundred"):
        return HOUSEHOLD_PROMPTS if named == "household" else HUNDRED_PROMPTS
    try:
        lines = Path(named).read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise PromptError(
            f"--prompts is 'household', 'hundred' or a text file; '{named}' cannot be read as one."
        ) from error
    texts = list(dict.fromkeys(line.strip() for line in lines if line.strip()))
    if len(texts) < 2:
        raise PromptError(
            f"'{named}' holds {len(texts)} prompts; R-Precision needs at least 2 different ones."
        )
    words = {text: text.lower().split() for text in texts}
    return tuple(
        Prompt(
            text=text,
            nouns=(words[text][-1],),
            color=next((name for name in COLOR_NAMES if name in words[text]), None),
        )
        for text in texts
    )


def found_judges(options: PriorOptions, device: torch.device) -> list[tuple[TextImageModel, float | None]]:
    """Each with its ceiling on held-out assets, which only the in-domain judge brings. Raises: ModelError."""
    from shapewright.evaluation.judge import JUDGE_FILE, load_judge
    from shapewright.evaluation.text_image import Clip

    if len(set(options.clip)) < len(options.clip):
        raise ConfigError(f"--clip wants different CLIPs, got {', '.join(options.clip)}.")
    judges: list[tuple[TextImageModel, float | None]] = []
    path = options.judge or JUDGE_FILE
    if not path.is_file():
        raise ModelError(f"There is no judge at '{path}': train one with 'shapewright evaluate judge'.")
    judge = load_judge(path)
    # of other prompts than the hundred the ceiling is another one, which was not measured
    known = options.prompts == "hundred"
    judges.append((judge, judge.figures["val"]["r_precision"] if known else None))
    return [*judges, *((Clip(name, device=device), None) for name in options.clip)]
