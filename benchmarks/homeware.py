"""The shipped model's figures, sheet and card, made anew from its weights: one command for all of them.

    python benchmarks/homeware.py                 # measure (half an hour on two cores), draw, write
    python benchmarks/homeware.py --only sample   # of a new prior; reconstruct, draw and write likewise

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
from shapewright.models import locate
from shapewright.pipeline import load_model

Part = Literal["reconstruct", "sample", "draw", "write"]

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
    only: Part | None = None
    """Do one part only: of the figures, `sample` keeps the reconstructions, if they are of the same encoder
    and field, and `reconstruct` the samples, if they are of the same weights."""

    def run(self) -> None:
        """Every part, or the one asked for."""
        parts = {"reconstruct": self.reconstruct, "sample": self.sample, "draw": self.draw, "write": write}
        for name, part in parts.items():
            if self.only in (None, name):
                part()

    def reconstruct(self) -> None:
        """By the encoder alone, as `encode` has it, and refined for longer."""
        with tempfile.TemporaryDirectory() as temporary:
            long, short = (self.reconstructed(steps, Path(temporary)) for steps in (self.refine, SHORT_STEPS))
        keep(reconstructions=with_encoded(long, short))

    def reconstructed(self, steps: int, folder: Path) -> dict[str, Any]:
        output, data = folder / f"{steps}.json", ("--data", str(self.data), "--assets", str(self.assets))
        evaluate("quick", *data, "--refine", str(steps), "--seeds", "0", "--output", str(output))
        return read(output)

    def sample(self) -> None:
        """Of the household prompts and of the hundred, and what a judge says of these; of pictures."""
        with tempfile.TemporaryDirectory() as temporary:
            household, hundred = (self.sampled(name, Path(temporary)) for name in ("household", "hundred"))
        keep(samples={**of_samples(household, hundred), **self.of_pictures()})

    def sampled(self, prompts: str, folder: Path) -> dict[str, Any]:
        out = folder / prompts
        wanted = ("--prompts", prompts, "--seeds", str(self.seeds), "--described", "0")
        evaluate("prior", "--data", str(self.data), *wanted, "--out", str(out))
        return read(out / "results.json")

    def of_pictures(self) -> dict[str, Any]:
        """Of held-out assets: see benchmarks/pictures.py."""
        asked = [sys.executable, str(Path(__file__).with_name("pictures.py")), "--data", str(self.data)]
        told = subprocess.run(asked, check=True, stdout=subprocess.PIPE, text=True).stdout
        return {f"pictures_{name}": value for name, value in json.loads(told).items()}

    def draw(self) -> None:
        evaluate("sheet", "--seeds", str(self.seeds), "--output", str(SHEET))


def read(path: Path) -> dict[str, Any]:
    return json.loads(path.read_text(encoding="utf-8"))


def keep(*, reconstructions: dict[str, Any] | None = None, samples: dict[str, Any] | None = None) -> None:
    """Put one part's figures into the results, beside those of the other that are still true.

    Samples are of all the weights, reconstructions of the encoder's and the field's.
    """
    model = load_model(locate("homeware"))
    autoencoder = {"encoder": model.encoder_sha256, "field": model.field_sha256}
    known = read(RESULTS) if RESULTS.is_file() else {}
    if known.get("autoencoder") != autoencoder:
        known = {}
    if known.get("sha256") != model.sha256:
        known.pop("samples", None)
    told = {"model": "homeware", "sha256": model.sha256, "autoencoder": autoencoder}
    told = {**known, **told, **(reconstructions or {}), **({"samples": samples} if samples else {})}
    with replacing(RESULTS) as path:
        path.write_text(json.dumps(told, indent=2) + "\n", encoding="utf-8")


def with_encoded(long: dict[str, Any], short: dict[str, Any]) -> dict[str, Any]:
    """Both splits' figures of `evaluate quick`, those of its shorter refinement as `encoded_`."""
    return {split: {**long[split], **as_encoded(short[split])} for split in ("train", "val")}


def of_samples(household: dict[str, Any], hundred: dict[str, Any]) -> dict[str, Any]:
    """The household prompts' figures, and those of the hundred: the judge's, and the others as `hundred_`."""
    samples = {**household["samples"], "category_chance": household["samples"]["chance"]}
    names = ("samples", "category", "color", "empty", "new", "new_obeyed")
    told = {f"hundred_{name}": hundred["samples"][name] for name in names}
    return {**samples, **hundred["judges"]["in-domain judge"], **told}


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
        f"{samples['hundred_samples']} samples of 100 prompts: R-Precision {samples['r_precision']:.0%} by "
        f"the in-domain judge, which is right about {samples['r_precision_ceiling']:.0%} of real held-out "
        f"assets (chance {samples['chance']:.0%}); of {samples['hundred_new']} samples asked for in a colour "
        f"that no training asset of the kind has, {samples['hundred_new_obeyed']:.0%} are of the kind and "
        "the colour.\n\n"
        f"{samples['samples']} samples of {len(samples['by_prompt'])} prompts: the nearest training asset by "
        f"chamfer distance is of the prompted kind in {samples['category']:.0%} (chance "
        f"{samples['category_chance']:.1%}; below three of four: {', '.join(poor) or 'none'}); the colour "
        f"asked for covers 30% of the surface in {samples['color']:.0%}; {samples['empty']:.0%} are empty."
        f"\n\n{pictures_sentence(samples)}"
    )


def pictures_sentence(samples: dict[str, Any]) -> str:
    above = samples["pictures_share_above_90_percent"]
    return (
        f"Pictures of {samples['pictures_assets']} held-out objects: the sample is nearer to its own than to "
        f"90% of the others in {above:.0%}; the median is {samples['pictures_nearer_than_median']:.0%}."
    )


if __name__ == "__main__":
    tyro.cli(Homeware).run()
