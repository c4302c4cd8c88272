"""The shipped model's figures, sheet and card, made anew from its weights: one command for all of them.

    python benchmarks/homeware.py                 # measure (15 minutes on two cores), draw, write
    python benchmarks/homeware.py --only write    # the texts again, from docs/results/homeware.json

Figures stand in docs/results/homeware.json and, between the marks, in README.md and the model card; the sheet
is docs/homeware_sheet.png. `tests/benchmarks/test_homeware.py` checks that they belong together.
"""

import json
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import tyro

from shapewright.atomic_file import replacing

ROOT = Path(__file__).parents[1]
RESULTS = ROOT / "docs" / "results" / "homeware.json"
SHEET = ROOT / "docs" / "homeware_sheet.png"
CARD = ROOT / "src" / "shapewright" / "weights" / "homeware" / "README.md"
TEXTS = (ROOT / "README.md", CARD)
BEGIN, END = "<!-- figures: benchmarks/homeware.py -->", "<!-- end of figures -->"

# Figures of a split by the start of their names.
PARTS = {
    "": "the encoder alone",
    "encoded_": "as `encode` has it (60 steps)",
    "refined_": "refined (200 steps)",
}
SHORT_STEPS = 60
ROWS = (
    ("mesh views, PSNR (dB)", "mesh_psnr_db", 1),
    ("NeRF views, PSNR (dB)", "nerf_psnr_db", 1),
    ("chamfer distance (the box is 2 wide)", "chamfer", 3),
    ("F-score at 0.02", "fscore", 2),
)


@dataclass(frozen=True, kw_only=True)
class Homeware:
    """Measure the shipped model, draw its sheet, and write both into the texts."""

    data: Path = Path("data/homeware")
    """Folder of the data set that it learnt from."""
    assets: int = 24
    """Assets of each split to reconstruct."""
    seeds: int = 4
    """Samples of each prompt."""
    refine: int = 200
    """Steps of refinement."""
    only: Literal["measure", "draw", "write"] | None = None
    """Do one part only."""

    def run(self) -> None:
        """Every part, or the one asked for."""
        parts = {"measure": self.measure, "draw": self.draw, "write": write}
        for name, part in parts.items():
            if self.only in (None, name):
                part()

    def measure(self) -> None:
        """Reconstructions and the household prompts; then the hundred prompts, and what a judge says."""
        data, counts = ("--data", str(self.data)), ("--assets", str(self.assets), "--refine")
        with tempfile.TemporaryDirectory() as temporary:
            quick, short, prior = (Path(temporary) / name for name in ("quick.json", "short.json", "prior"))
            seeds = ("--seeds", str(self.seeds))
            evaluate("quick", *data, *counts, str(self.refine), *seeds, "--output", str(quick))
            evaluate("quick", *data, *counts, str(SHORT_STEPS), "--seeds", "0", "--output", str(short))
            evaluate(
                "prior", "--data", str(self.data), "--seeds", "1", "--described", "0", "--out", str(prior)
            )
            told = joined(read(quick), read(short), read(prior / "results.json"))
        with replacing(RESULTS) as path:
            path.write_text(json.dumps(told, indent=2) + "\n", encoding="utf-8")

    def draw(self) -> None:
        evaluate("sheet", "--seeds", str(self.seeds), "--output", str(SHEET))


def read(path: Path) -> dict[str, Any]:
    return json.loads(path.read_text(encoding="utf-8"))


def joined(quick: dict[str, Any], short: dict[str, Any], prior: dict[str, Any]) -> dict[str, Any]:
    """The figures of `evaluate quick`, those of its shorter refinement as `encoded_`, and among those of
    samples the judge's of the hundred prompts."""
    samples = {**quick["samples"], "category_chance": quick["samples"]["chance"]}
    judge = prior["judges"]["in-domain judge"]
    hundred = {
        f"hundred_{name}": prior["samples"][name] for name in ("samples", "category", "color", "empty")
    }
    splits = {split: {**quick[split], **as_encoded(short[split])} for split in ("train", "val")}
    return {**quick, **splits, "samples": {**samples, **judge, **hundred}}


def as_encoded(figures: dict[str, Any]) -> dict[str, Any]:
    start = "refined_"
    return {
        f"encoded_{name.removeprefix(start)}": value
        for name, value in figures.items()
        if name.startswith(start)
    }


def evaluate(*arguments: str) -> None:
    subprocess.run([sys.executable, "-m", "shapewright", "evaluate", *arguments], check=True)


def write() -> None:
    """Put the figures into the texts."""
    figures = json.loads(RESULTS.read_text(encoding="utf-8"))
    for path in TEXTS:
        text = with_figures(path.read_text(encoding="utf-8"), figures)
        with replacing(path) as temporary:
            temporary.write_text(text, encoding="utf-8")


def with_figures(text: str, figures: dict[str, Any]) -> str:
    """The text with what stands between the marks replaced. Raises: ValueError if it has no marks."""
    before, found, rest = text.partition(BEGIN)
    _, closed, after = rest.partition(END)
    if not found or not closed:
        raise ValueError(f"The text has no marks '{BEGIN}' and '{END}'.")
    return f"{before}{BEGIN}\n{block(figures)}\n{END}{after}"


def block(figures: dict[str, Any]) -> str:
    """The figures as Markdown: a table of reconstructions, a sentence about samples."""
    splits = [figures[split] for split in ("train", "val")]
    lines = ["| | training assets | held-out assets |", "|---|---|---|"]
    for prefix, when in PARTS.items():
        for title, key, digits in ROWS:
            shown = " | ".join(f"{split[prefix + key]:.{digits}f}" for split in splits)
            lines.append(f"| {title}: {when} | {shown} |")
    return "\n".join([*lines, "", samples_sentence(figures["samples"])])


def samples_sentence(samples: dict[str, Any]) -> str:
    poor = [prompt for prompt, share in samples["by_prompt"].items() if share < 0.75]
    return (
        f"100 prompts, one seed each: R-Precision {samples['r_precision']:.0%} by the in-domain judge, which "
        f"is right about {samples['r_precision_ceiling']:.0%} of real held-out assets (chance "
        f"{samples['chance']:.0%}).\n\n"
        f"{samples['samples']} samples of {len(samples['by_prompt'])} prompts: the nearest training asset by "
        f"chamfer distance is of the prompted kind in {samples['category']:.0%} (chance "
        f"{samples['category_chance']:.1%}; below three of four: {', '.join(poor) or 'none'}); the colour "
        f"asked for covers 30% of the surface in {samples['color']:.0%}; {samples['empty']:.0%} are empty."
    )


if __name__ == "__main__":
    tyro.cli(Homeware).run()
