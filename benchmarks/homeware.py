"""The shipped model's figures, sheet and card, made anew from its weights: one command for all of them.

    python benchmarks/homeware.py                 # measure (10 minutes on two cores), draw, write
    python benchmarks/homeware.py --only write    # the texts again, from docs/results/homeware.json

Figures stand in docs/results/homeware.json and, between the marks, in README.md and the model card; the sheet
is docs/homeware_sheet.png. `tests/benchmarks/test_homeware.py` checks that they belong together.
"""

import json
import subprocess
import sys
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
        counts = ("--assets", str(self.assets), "--seeds", str(self.seeds), "--refine", str(self.refine))
        evaluate("quick", "--data", str(self.data), *counts, "--output", str(RESULTS))

    def draw(self) -> None:
        evaluate("sheet", "--seeds", str(self.seeds), "--output", str(SHEET))


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
    for prefix, when in (("", ""), ("refined_", ", latents refined")):
        for title, key, digits in ROWS:
            shown = " | ".join(f"{split[prefix + key]:.{digits}f}" for split in splits)
            lines.append(f"| {title}{when} | {shown} |")
    return "\n".join([*lines, "", samples_sentence(figures["samples"])])


def samples_sentence(samples: dict[str, Any]) -> str:
    poor = [prompt for prompt, share in samples["by_prompt"].items() if share < 0.75]
    return (
        f"{samples['samples']} samples of {len(samples['by_prompt'])} prompts: the nearest training asset by "
        f"chamfer distance is of the prompted kind in {samples['category']:.0%} (chance "
        f"{samples['chance']:.1%}; below three of four: {', '.join(poor) or 'none'}); the colour asked for "
        f"covers at least 30% of the surface in {samples['color']:.0%}; {samples['empty']:.0%} are empty."
    )


if __name__ == "__main__":
    tyro.cli(Homeware).run()
