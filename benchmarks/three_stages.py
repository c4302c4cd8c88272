"""The published three stages against direct supervision, for the same seconds of the processor.

    OMP_NUM_THREADS=1 python benchmarks/three_stages.py --data D --out OUT [--cpu-seconds 360 --assets 12]
    OMP_NUM_THREADS=1 python benchmarks/three_stages.py --data D --costs 5 --start MODEL

Direct supervision has all of them; of the stages the first has a half, the others a quarter each. What is in
OUT already is not done again; a training goes on from its last checkpoint. `--costs` keeps no model: it takes
steps of every way in turn, so that all of them meet the same neighbours on the machine, from a model that has
surfaces, and says what a step costs.
"""

import argparse
import json
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from statistics import median
from typing import Any, Literal, get_args

import numpy as np
from contest import kept
from spans import seconds_a_step

from shapewright.autoencoder import Autoencoder
from shapewright.dataset.loader import AssetRecord, load_dataset
from shapewright.evaluation.metrics import psnr_db
from shapewright.evaluation.quick import choose
from shapewright.evaluation.reconstruction import (
    compare,
    mean_of,
    measure_reconstruction,
    on_black,
    reconstruct,
)
from shapewright.pipeline import Pipeline
from shapewright.pipeline.pictures import save_sheet
from shapewright.render.contact_sheet import Strip
from shapewright.training.encoder_stages import train_encoder_stage
from shapewright.training.learner import Learner
from shapewright.training.loop import LoopConfig
from shapewright.training.objectives.field_supervision import FieldSupervision
from shapewright.training.objectives.mixture import Mixture
from shapewright.training.processes import accelerator
from shapewright.training.recipes import encoder, stages
from shapewright.training.runs import train_encoder
from shapewright.training.start import begin_autoencoder
from shapewright.training.variation import Augmentation

Recipe = Literal["homeware", "tiny"]
SHARES: dict[stages.Stage, float] = {"nerf": 0.5, "distill": 0.25, "finetune": 0.25}
# Those of the shipped model, half of what the recipe `homeware` has by now: there is little time.
SIZES = {
    "tokens": 32,
    "channels": 32,
    "width": 256,
    "field_width": 96,
    "octaves": 6,
    "layers": 4,
    "centers": 128,
}
POINTS = 2048
SHOWN_ASSETS, SHOWN_PX = 8, 128
MEASURED_STEPS = 3
EMA_DECAY = 0.99  # of weights; with few steps a longer memory would keep the first ones


@dataclass(frozen=True, kw_only=True)
class Work:
    """Where things are, and how long each way of training may take."""

    data: Path
    out: Path
    cpu_s: float
    assets: int
    recipe: Recipe = "homeware"

    def steps(self, name: str, share: float, measured: Callable[[], float]) -> dict[str, Any]:
        """How many fit into its share of the time, a step taking what it takes; settled once."""

        def settled() -> dict[str, Any]:
            seconds = measured()
            return {"seconds_a_step": seconds, "steps": max(1, round(share * self.cpu_s / seconds))}

        return kept(self.out / f"{name}.json", settled)


class Clock:
    """Seconds of the processor between the steps of a run, kept beside it for when it is gone on with."""

    def __init__(self, path: Path) -> None:
        self.path, self.last = path, time.process_time()
        told = json.loads(path.read_text(encoding="utf-8")) if path.is_file() else []
        self.seconds: list[float] = told

    def __call__(self, done: int, total: int, values: dict[str, float]) -> None:
        now = time.process_time()
        self.seconds = [*self.seconds[: done - 1], now - self.last]
        self.last = now
        if done % 20 == 0 or done == total:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            self.path.write_text(json.dumps([round(s, 3) for s in self.seconds]), encoding="utf-8")
            print(f"{self.path.parent.name}: {done} of {total}, loss {values['loss']:.3f}", flush=True)


def direct_recipe(name: Recipe) -> encoder.EncoderRecipe:
    """The recipe, `homeware` at SIZES, of assets as they are: those of the stages are not varied either."""
    if name == "tiny":
        return encoder.tiny()
    recipe = encoder.homeware()
    objective = replace(recipe.objective, points=POINTS, augmentation=Augmentation.none())
    return replace(recipe, model=encoder.small_autoencoder(**SIZES), objective=objective)


def stage_recipe(stage: stages.Stage, name: Recipe) -> stages.StageRecipe:
    """The recipe of a stage, `homeware` at SIZES."""
    if name == "tiny":
        return stages.tiny(stage)
    recipe = stages.homeware(stage)
    inputs = replace(recipe.objective.inputs, points=POINTS)
    model = stages.trained_on_rays(encoder.small_autoencoder(**SIZES))
    return replace(recipe, model=model, objective=replace(recipe.objective, inputs=inputs))


def train_directly(work: Work, records: list[AssetRecord]) -> dict[str, Any]:
    recipe = direct_recipe(work.recipe)
    batch = recipe.loop.batch_size

    def measured() -> float:
        objective = FieldSupervision(
            Autoencoder(recipe.model), records[:64], recipe.objective, batch_size=batch
        )
        return seconds_a_step(objective, recipe.loop, MEASURED_STEPS)

    planned = work.steps("direct", 1.0, measured)
    loop = shortened(recipe.loop, planned["steps"])
    run = work.out / "direct"
    if not (run / "model").is_dir():
        clock = Clock(run / "seconds.json")
        train_encoder(work.data, run, replace(recipe, loop=loop), name="direct", progress=clock)
    return cost(run, planned, batch)


def train_stage(work: Work, records: list[AssetRecord], stage: stages.Stage) -> dict[str, Any]:
    recipe = stage_recipe(stage, work.recipe)
    batch = recipe.loop.batch_size
    run, before = work.out / stage, {"distill": "nerf", "finetune": "distill"}.get(stage)
    start = None if before is None else work.out / before

    def measured() -> float:
        # of what it begins with: how dear a picture of a surface is depends on the surface
        model, _ = begin_autoencoder(recipe.model, start, seed=0)
        objective = Mixture(model, records[:64], recipe.objective, batch_size=batch)
        return seconds_a_step(objective, recipe.loop, MEASURED_STEPS)

    planned = work.steps(stage, SHARES[stage], measured)
    loop = shortened(recipe.loop, planned["steps"])
    if not (run / "model").is_dir():
        train_encoder_stage(
            work.data,
            run,
            replace(recipe, loop=loop),
            name=stage,
            start=start,
            progress=Clock(run / "seconds.json"),
        )
    return cost(run, planned, batch)


def shortened(loop: LoopConfig, steps: int) -> LoopConfig:
    """The recipe's for fewer steps."""
    warmup = min(loop.warmup_steps, steps // 4)
    return replace(loop, steps=steps, warmup_steps=warmup, ema_decay=EMA_DECAY, checkpoint_every_s=60.0)


def cost(run: Path, planned: dict[str, Any], batch: int) -> dict[str, Any]:
    seconds = json.loads((run / "seconds.json").read_text(encoding="utf-8"))
    steps = planned["steps"]
    return {"steps": steps, "cpu_s": sum(seconds), "assets_seen": steps * batch}


def costs_of_steps(
    learners: Mapping[str, Learner], rounds: int, clock: Callable[[], float] = time.process_time
) -> dict[str, list[float]]:
    """Seconds of every step, the learners taking turns, after a round that warms up."""
    found: dict[str, list[float]] = {name: [] for name in learners}
    for step in range(rounds + 1):
        for name, learner in learners.items():
            began = clock()
            learner.step(step, learner.pieces(step))
            found[name].append(clock() - began)
    return {name: seconds[1:] for name, seconds in found.items()}


def learners_from(start: Path, records: list[AssetRecord], name: Recipe) -> dict[str, Learner]:
    """One of every way of training, all from the same model."""

    def begun() -> Autoencoder:
        return begin_autoencoder(direct_recipe(name).model, start, seed=0)[0]

    recipe = direct_recipe(name)
    direct = FieldSupervision(begun(), records, recipe.objective, batch_size=recipe.loop.batch_size)
    found = {"direct": Learner(direct, recipe.loop, accelerator())}
    for stage in stages.STAGES:
        of_stage = stage_recipe(stage, name)
        objective = Mixture(begun(), records, of_stage.objective, batch_size=of_stage.loop.batch_size)
        found[stage] = Learner(objective, of_stage.loop, accelerator())
    return found


def costs_as_markdown(seconds: Mapping[str, Sequence[float]], batches: Mapping[str, int]) -> str:
    """Medians; the last column says how many assets direct supervision sees in the time of one."""
    each = {name: median(found) / batches[name] for name, found in seconds.items()}
    rows = [
        "| training | batch | CPU s a step: median (least to most) | CPU ms an asset | against direct |",
        "|---|---|---|---|---|",
    ]
    for name, found in seconds.items():
        span = f"{median(found):.2f} ({min(found):.2f} to {max(found):.2f})"
        times = each[name] / each["direct"]
        rows.append(f"| {name} | {batches[name]} | {span} | {1000 * each[name]:.0f} | {times:.1f} |")
    return "\n".join(rows)


def print_costs(records: list[AssetRecord], start: Path, name: Recipe, rounds: int) -> None:
    batches = {"direct": direct_recipe(name).loop.batch_size}
    batches |= {stage: stage_recipe(stage, name).loop.batch_size for stage in stages.STAGES}
    print(costs_as_markdown(costs_of_steps(learners_from(start, records, name), rounds), batches))


def measure(work: Work, run: str) -> dict[str, Any]:
    """Mean figures of reconstructions of some training and some held-out assets."""
    pipeline = Pipeline.from_pretrained(work.out / run / "model", device="cpu")
    found: dict[str, Any] = {}
    for split in ("train", "val"):
        chosen = choose(load_dataset(work.data, split), work.assets, split)
        each = [measure_reconstruction(pipeline, record, views=2, nerf_views=1) for record in chosen]
        found[split] = mean_of(each)
        print(run, split, found[split], flush=True)
    return found


def strips(work: Work, runs: Sequence[str]) -> list[Strip]:
    """Some held-out assets: the asset, then what every run makes of it; of `nerf`, which has no surface yet,
    its NeRF."""
    pipelines = {run: Pipeline.from_pretrained(work.out / run / "model", device="cpu") for run in runs}
    found: list[Strip] = []
    for record in choose(load_dataset(work.data, "val"), SHOWN_ASSETS, "val"):
        seen = [
            compare(reconstruct(of, record), record, of.model.config, views=1, nerf_views=1)
            for of in pipelines.values()
        ]
        made = [it.nerf if run == "nerf" else it.mesh for run, it in zip(runs, seen, strict=True)]
        found.append(Strip(caption=record.name, pictures=[seen[0].truth, *made]))
    return found


def black(work: Work) -> dict[str, Any]:
    """PSNR of a picture of nothing."""
    found: dict[str, Any] = {}
    for split in ("train", "val"):
        chosen = choose(load_dataset(work.data, split), work.assets, split)
        truths = [on_black(record.views(), 0) for record in chosen]
        found[split] = {"nerf_psnr_db": float(np.mean([psnr_db(np.zeros_like(t), t) for t in truths]))}
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--out", type=Path)
    parser.add_argument("--recipe", choices=get_args(Recipe), default="homeware")
    parser.add_argument("--costs", type=int, default=0, help="rounds of steps that are timed")
    parser.add_argument("--start", type=Path, help="a run or model folder, for --costs")
    parser.add_argument("--cpu-seconds", type=float, default=360.0, help="of training, each way")
    parser.add_argument("--assets", type=int, default=12, help="of each split that are reconstructed")
    given = parser.parse_args()
    if given.costs and given.start:
        print_costs(load_dataset(given.data, "train")[:64], given.start, given.recipe, given.costs)
        return
    if given.costs or given.out is None:
        parser.error("--costs wants --start, everything else --out")
    work = Work(
        data=given.data,
        out=given.out,
        cpu_s=given.cpu_seconds,
        assets=given.assets,
        recipe=given.recipe,
    )
    records = load_dataset(work.data, "train")
    costs = {"direct": train_directly(work, records)}
    costs |= {stage: train_stage(work, records, stage) for stage in stages.STAGES}
    nothing = kept(work.out / "black.json", lambda: black(work))
    figures = {
        run: kept(work.out / run / "figures.json", lambda run=run: measure(work, run)) for run in costs
    }
    print(as_markdown(costs, figures, nothing))
    save_sheet(strips(work, list(costs)), Path(__file__).with_suffix(".png"), cell_px=SHOWN_PX, columns=2)


def as_markdown(
    costs: dict[str, dict[str, Any]], figures: dict[str, dict[str, Any]], nothing: dict[str, Any]
) -> str:
    rows = [
        "| after | steps | CPU s | assets seen | NeRF, dB, train / val | mesh, dB | chamfer |",
        "|---|---|---|---|---|---|---|",
        f"| a black picture | | | | {pair(nothing, 'nerf_psnr_db', 1)} | | |",
    ]
    for run, spent in costs.items():
        cells = [run, str(spent["steps"]), f"{spent['cpu_s']:.0f}", f"{spent['assets_seen']:,}"]
        cells += [pair(figures[run], name, digits) for name, digits in SHOWN.items()]
        rows.append(f"| {' | '.join(cells)} |")
    return "\n".join(rows)


SHOWN = {"nerf_psnr_db": 1, "mesh_psnr_db": 1, "chamfer": 3}


def pair(figures: dict[str, Any], name: str, digits: int) -> str:
    return " / ".join(f"{figures[split][name]:.{digits}f}" for split in ("train", "val"))


if __name__ == "__main__":
    main()
