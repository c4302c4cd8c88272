"""What the page of a contest shows: tables, curves, a sheet of samples."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from charts import Chart, save_charts
from cloud_pictures import cloud_picture
from contest import LATENTS, POINTS, SEEDS
from spans import Mark, read_marks
from torch import Tensor

from shapewright.atomic_file import replacing
from shapewright.errors import EmptySurfaceError
from shapewright.evaluation.prompts import HOUSEHOLD_PROMPTS
from shapewright.geometry.cameras import turntable
from shapewright.pipeline import Pipeline
from shapewright.render.contact_sheet import Strip, contact_sheet

__all__ = ["curves", "save_sheet", "tables"]

SHOWN = {
    "kind": "kind",
    "kind_of_captions": "kind of captions",
    "color": "colour",
    "coverage": "coverage",
    "minimum_matching": "MMD",
    "nearest_neighbour": "1-NN",
    "nearest": "to nearest",
    "empty": "empty",
}
SHEET_PROMPTS = (0, 2, 5, 6, 8, 11, 12, 16, 18, 21, 22, 23)  # of the household prompts
CELL_PX = 112


def scores_at(run: Path, step: int) -> dict[str, Any]:
    return json.loads((run / f"scores-{step:06d}.json").read_text(encoding="utf-8"))


def tables(runs: Mapping[str, Path], bounds: Mapping[str, Any], plan: Mapping[str, Any]) -> str:
    """Every mark of both rivals, and what bounds them, as Markdown."""
    columns = ["", "steps", "CPU s", "TFLOP", *SHOWN.values()]
    rows = [columns, ["---"] * len(columns)]
    for rival, run in runs.items():
        for mark in read_marks(run):
            teraflops = mark.step * plan[rival]["gigaflops_a_step"] / 1000
            spent = [f"{mark.step:,}", f"{mark.cpu_s:.0f}", f"{teraflops:.1f}"]
            rows.append([rival, *spent, *cells(scores_at(run, mark.step))])
    rows += [[name, "", "", "", *cells(found)] for name, found in bounds.items()]
    return "\n".join(f"| {' | '.join(row)} |" for row in rows)


def cells(found: Mapping[str, Any]) -> list[str]:
    values = [found[name] for name in SHOWN]
    digits = {"minimum_matching": 3, "nearest": 3}
    return [
        "–" if value is None or not np.isfinite(value) else f"{value:.{digits.get(name, 2)}f}"
        for name, value in zip(SHOWN, values, strict=True)
    ]


def curves(runs: Mapping[str, Path], bounds: Mapping[str, Any], path: Path) -> None:
    """Quality by seconds of the processor in the upper row, by steps in the lower one."""
    marks = {rival: read_marks(run) for rival, run in runs.items()}
    found = {rival: [scores_at(runs[rival], mark.step) for mark in there] for rival, there in marks.items()}
    floor = bounds["points of all assets mixed"]
    charts: list[Chart] = []
    for x_label, of in (("seconds of one core", seconds_of), ("steps of 16 assets", steps_of)):
        for name, title in (
            ("kind", "kind obeyed"),
            ("nearest_neighbour", "1-NN accuracy (0.5 is best)"),
            ("minimum_matching", "MMD, chamfer"),
        ):
            lines = {
                rival: [(of(mark), scored[name]) for mark, scored in zip(there, found[rival], strict=True)]
                for rival, there in marks.items()
            }
            levels = {"mixed points": floor[name]} if name == "minimum_matching" else {}
            charts.append(
                Chart(
                    title=title,
                    x_label=x_label,
                    lines=lines,
                    log_x=True,
                    y_range=(0.0, 1.0) if name != "minimum_matching" else None,
                    levels=levels,
                )
            )
    save_charts(charts, path)


def seconds_of(mark: Mark) -> float:
    return mark.cpu_s


def steps_of(mark: Mark) -> float:
    return mark.step


def save_sheet(pipeline: Pipeline, runs: Mapping[str, Path], path: Path) -> None:
    """Of some prompts, two seeds each: Point-E's points, Shap-E's points and Shap-E's mesh."""
    last = {rival: f"{read_marks(run)[-1].step:06d}" for rival, run in runs.items()}
    clouds = {rival: np.load(run / f"clouds-{last[rival]}.npy") for rival, run in runs.items()}
    latents = torch.from_numpy(np.load(runs[LATENTS] / f"drawn-{last[LATENTS]}.npy"))
    strips: list[Strip] = []
    for number in SHEET_PROMPTS:
        rows = range(number * SEEDS, (number + 1) * SEEDS)
        pictures = [
            cloud_picture(clouds[rival][row], size_px=CELL_PX) for rival in (POINTS, LATENTS) for row in rows
        ]
        pictures += [mesh_picture(pipeline, latents[row]) for row in rows]
        strips.append(Strip(caption=HOUSEHOLD_PROMPTS[number].text, pictures=pictures))
    sheet = contact_sheet(strips, columns=2, cell_px=CELL_PX)
    with replacing(path) as temporary:
        sheet.quantize(128).save(temporary, optimize=True)


def mesh_picture(pipeline: Pipeline, latent: Tensor) -> np.ndarray:
    """From where clouds are seen too; white if there is no surface."""
    asset = pipeline.asset(latent, prompt="", seed=None, settings={})
    try:
        return asset.view(turntable(8, size_px=CELL_PX)[1], background=None)
    except EmptySurfaceError:
        return np.ones((CELL_PX, CELL_PX, 4), dtype=np.float32)
