"""What the page of a contest shows: tables, curves, a sheet of samples."""

import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from charts import Chart, save_charts
from cloud_pictures import cloud_picture
from contest import LATENTS, POINTS, SEEDS, Bench
from contest_told import SHOWN as SHOWN_VIEW
from spans import Mark, read_marks
from torch import Tensor

from shapewright.atomic_file import replacing
from shapewright.errors import EmptySurfaceError
from shapewright.evaluation.prompts import HOUSEHOLD_PROMPTS
from shapewright.geometry.cameras import turntable
from shapewright.pipeline import Pipeline
from shapewright.render.contact_sheet import Strip, contact_sheet

__all__ = ["curves", "save_sheet", "strips_of_pictures", "strips_of_prompts", "strips_of_tries", "tables"]

# Figures of the table by their names in the scores: of texts, and of pictures.
SHOWN: dict[str, dict[str, str]] = {
    "text": {
        "kind": "kind",
        "kind_of_captions": "kind of captions",
        "color": "colour",
        "coverage": "coverage",
        "minimum_matching": "MMD",
        "nearest_neighbour": "1-NN",
        "nearest": "to nearest",
        "extent": "extent",
    },
    "image": {
        "own": "to own",
        "own_rank": "rank of own",
        "kind_of_captions": "kind",
        "coverage": "coverage",
        "minimum_matching": "MMD",
        "nearest_neighbour": "1-NN",
        "nearest": "to nearest",
        "extent": "extent",
    },
}
# Those of the curves, with titles; distances have a frame of their own.
DRAWN = {
    "text": {
        "kind": "kind obeyed",
        "nearest_neighbour": "1-NN accuracy (0.5 is best)",
        "minimum_matching": "MMD by chamfer",
    },
    "image": {
        "own_rank": "rank of the asset shown",
        "nearest_neighbour": "1-NN accuracy (0.5 is best)",
        "own": "chamfer to the asset shown",
    },
}
DISTANCES = ("minimum_matching", "nearest", "own")
SHEET_PROMPTS = (0, 2, 5, 6, 8, 11, 12, 16, 18, 21, 22, 23)  # of the household prompts
SHEET_PICTURES, SHEET_TRIES = 12, 10
CELL_PX = 112


def scores_at(run: Path, step: int) -> dict[str, Any]:
    return json.loads((run / f"scores-{step:06d}.json").read_text(encoding="utf-8"))


def tables(runs: Mapping[str, Path], bounds: Mapping[str, Any], plan: Mapping[str, Any], kind: str) -> str:
    """Every mark of both rivals, and what bounds them, as Markdown."""
    columns = ["", "steps", "CPU s", "TFLOP", *SHOWN[kind].values()]
    rows = [columns, ["---"] * len(columns)]
    for rival, run in runs.items():
        for mark in read_marks(run):
            teraflops = mark.step * plan[rival]["gigaflops_a_step"] / 1000
            spent = [f"{mark.step:,}", f"{mark.cpu_s:.0f}", f"{teraflops:.1f}"]
            rows.append([rival, *spent, *cells(scores_at(run, mark.step), kind)])
    rows += [[name, "", "", "", *cells(found, kind)] for name, found in bounds.items()]
    return "\n".join(f"| {' | '.join(row)} |" for row in rows)


def cells(found: Mapping[str, Any], kind: str) -> list[str]:
    values = [found[name] for name in SHOWN[kind]]
    return [
        "–" if value is None else f"{value:.{3 if name in DISTANCES else 2}f}"
        for name, value in zip(SHOWN[kind], values, strict=True)
    ]


def curves(runs: Mapping[str, Path], bounds: Mapping[str, Any], path: Path, kind: str) -> None:
    """Quality by seconds of the processor in the upper row, by steps in the lower one."""
    floor = bounds["points of all assets mixed"]
    charts = [
        Chart(
            title=title,
            x_label=x_label,
            lines={rival: line(run, name, of) for rival, run in runs.items()},
            log_x=True,
            y_range=None if name in DISTANCES else (0.0, 1.0),
            levels={"mixed points": floor[name]} if name in DISTANCES else {},
        )
        for x_label, of in (("seconds of one core", seconds_of), ("steps of 16 assets", steps_of))
        for name, title in DRAWN[kind].items()
    ]
    save_charts(charts, path)


def line(run: Path, name: str, of: Callable[[Mark], float]) -> list[tuple[float, float]]:
    return [(of(mark), scores_at(run, mark.step)[name]) for mark in read_marks(run)]


def seconds_of(mark: Mark) -> float:
    return mark.cpu_s


def steps_of(mark: Mark) -> float:
    return mark.step


def strips_of_prompts(bench: Bench, runs: Mapping[str, Path]) -> list[Strip]:
    """Some prompts, two seeds each: Point-E's points, Shap-E's points, Shap-E's mesh."""
    last = Last(bench, runs)
    strips: list[Strip] = []
    for number in SHEET_PROMPTS:
        rows = range(number * SEEDS, (number + 1) * SEEDS)
        strips.append(Strip(caption=HOUSEHOLD_PROMPTS[number].text, pictures=last.pictures(rows)))
    return strips


def strips_of_pictures(bench: Bench, runs: Mapping[str, Path]) -> list[Strip]:
    """Some held-out assets: the picture shown, then as `strips_of_prompts`."""
    last = Last(bench, runs)
    return [
        Strip(
            caption=record.name,
            pictures=[record.views().images[SHOWN_VIEW].astype(np.float32) / 255, *last.pictures([row])],
        )
        for row, record in enumerate(bench.asked[:SHEET_PICTURES])
    ]


def strips_of_tries(bench: Bench, names: Sequence[str]) -> list[Strip]:
    """What each draws for some prompts, under its name, and some real assets."""
    clouds = {name: np.load(bench.out / name / "clouds-few.npy") for name in names}
    clouds["real"] = bench.real.references[:SHEET_TRIES]
    return [
        Strip(
            caption=name,
            pictures=[cloud_picture(cloud, size_px=CELL_PX) for cloud in drawn[:SHEET_TRIES]],
        )
        for name, drawn in clouds.items()
    ]


class Last:
    """What was drawn with the weights of the last marks."""

    def __init__(self, bench: Bench, runs: Mapping[str, Path]) -> None:
        step = {rival: f"{read_marks(run)[-1].step:06d}" for rival, run in runs.items()}
        self.clouds = {rival: np.load(run / f"clouds-{step[rival]}.npy") for rival, run in runs.items()}
        self.latents = torch.from_numpy(np.load(runs[LATENTS] / f"drawn-{step[LATENTS]}.npy"))
        self.pipeline = bench.pipeline

    def pictures(self, rows: Sequence[int]) -> list[np.ndarray]:
        """Of these samples: Point-E's points, Shap-E's points, Shap-E's meshes."""
        clouds = [self.clouds[rival][row] for rival in (POINTS, LATENTS) for row in rows]
        meshes = [mesh_picture(self.pipeline, self.latents[row]) for row in rows]
        return [*(cloud_picture(cloud, size_px=CELL_PX) for cloud in clouds), *meshes]


def save_sheet(strips: Sequence[Strip], path: Path, *, columns: int = 2) -> None:
    """As a PNG of few colours. Raises: OutputError."""
    sheet = contact_sheet(strips, columns=columns, cell_px=CELL_PX)
    with replacing(path) as temporary:
        sheet.quantize(128).save(temporary, optimize=True)


def mesh_picture(pipeline: Pipeline, latent: Tensor) -> np.ndarray:
    """From where clouds are seen too; white if there is no surface."""
    asset = pipeline.asset(latent, prompt="", seed=None, settings={})
    try:
        return asset.view(turntable(8, size_px=CELL_PX)[1], background=None)
    except EmptySurfaceError:
        return np.ones((CELL_PX, CELL_PX, 4), dtype=np.float32)
