"""Shap-E's latent prior against Point-E's base: quality of samples by cost of training, for the page beside.

    OMP_NUM_THREADS=1 python benchmarks/point_e_against_shap_e.py tune --data D --latents L --out OUT
    OMP_NUM_THREADS=1 python benchmarks/point_e_against_shap_e.py all  --data D --latents L --out OUT

L is a folder of latents that tells their model (RUN/latents of a refinement). Whatever is in OUT already is
not done again, and a training goes on from its last mark. `tune` compares forms of the baseline for less
time.
"""

import argparse
from collections.abc import Callable
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from contest import LATENTS, POINTS, Bench, kept, kept_array
from contest_page import (
    curves,
    save_sheet,
    strips_of_pictures,
    strips_of_prompts,
    strips_of_tries,
    tables,
)
from contest_told import PICTURE_WIDTH
from drawn_clouds import (
    clouds_of_latents,
    clouds_of_records,
    extent,
    obedience,
    scores,
    share,
)
from rivals import (
    Contest,
    PointForm,
)
from spans import Mark, load_mark, marks_between, read_marks, train_to_marks

from shapewright.dataset.loader import AssetRecord
from shapewright.evaluation.samples import is_called
from shapewright.prior import Condition
from shapewright.training.recipes.prior import MINILM_WIDTH

# Of the baseline, by the name that is given on the command line.
FORMS = {
    "published": PointForm(prediction="eps", variance=True),
    "eps": PointForm(prediction="eps"),
    "eps-own-scales": PointForm(prediction="eps", own_scales=True),
    "x0": PointForm(),
    "x0-own-scales": PointForm(own_scales=True),
    "x0-adamw": PointForm(optimizer="adamw", learning_rate=1e-3),
}
SHAP_E = "shap-e"
GUIDANCES = (1.0, 2.0, 6.0)


def folder_of(rival: str) -> str:
    return "latents" if rival == LATENTS else "points"


def train(bench: Bench) -> None:
    for rival, planned in bench.plan().items():
        loop = bench.loop(rival, planned["steps"])
        run = bench.out / folder_of(rival)
        if any(mark.step == loop.steps for mark in read_marks(run)):
            continue
        train_to_marks(bench.objective(rival), loop, run, marks_between(loop.steps, bench.marks))


def draw(bench: Bench) -> None:
    """Samples of every mark, as clouds too; those of the last marks first."""
    for rival in bench.plan():
        run = bench.out / folder_of(rival)
        model = bench.objective(rival).model
        for mark in reversed(read_marks(run)):
            load_mark(model, run, mark.step)
            keep_samples(bench, run, f"{mark.step:06d}", lambda model=model: bench.drawn(model, bench.told))


def few_told(bench: Bench) -> Condition:
    return bench.told.select(torch.tensor(bench.few))


def keep_samples(bench: Bench, run: Path, name: str, make: Callable[[], np.ndarray]) -> None:
    drawn = kept_array(run / f"drawn-{name}.npy", make)
    kept_array(run / f"clouds-{name}.npy", lambda: bench.clouds(drawn))


def measure(bench: Bench) -> None:
    kept(bench.out / "bounds.json", lambda: bounds(bench))
    for rival in bench.plan():
        run = bench.out / folder_of(rival)
        for mark in drawn_marks(run):
            clouds = np.load(run / f"clouds-{mark.step:06d}.npy")
            found = kept(
                run / f"scores-{mark.step:06d}.json",
                lambda clouds=clouds: scores(bench.real, bench.wishes, clouds),
            )
            print(rival, asdict(mark), found, flush=True)


def drawn_marks(run: Path) -> list[Mark]:
    return [mark for mark in read_marks(run) if (run / f"clouds-{mark.step:06d}.npy").is_file()]


def bounds(bench: Bench) -> dict[str, Any]:
    """Scores of clouds that no rival drew: of real assets, of those through the latents, and of noise."""
    rng = np.random.default_rng(2)
    chosen = chosen_assets(bench, rng)
    entries = [bench.latents.assets.index(record.id) for record in chosen]
    names = [record.id for record in chosen]
    latents = bench.latents.rows(np.array(entries))
    pooled = bench.real.clouds.reshape(-1, 6)
    count = (len(chosen), bench.contest.points)
    found = {
        "real assets": clouds_of_records(chosen, bench.contest.points, seed=3),
        "real assets through Shap-E's latents": clouds_of_latents(
            bench.pipeline, latents, bench.contest.points
        ),
        "points of all assets mixed": pooled[rng.integers(len(pooled), size=count)],
    }
    return {name: scores(bench.real, bench.wishes, clouds, leave_out=names) for name, clouds in found.items()}


def chosen_assets(bench: Bench, rng: np.random.Generator) -> list[AssetRecord]:
    """A training asset for every wish: one that is called what is asked for, other than the one asked for."""
    found: list[AssetRecord] = []
    for wish in bench.wishes:
        fitting = [r for r in bench.training if is_called(r, wish.nouns) and r.id != wish.asset]
        pool = fitting or bench.training
        found.append(pool[int(rng.integers(len(pool)))])
    return found


def tune(bench: Bench) -> None:
    """Every form of the baseline, and Shap-E, for the same seconds, judged by a few samples."""
    tries = {SHAP_E: (LATENTS, PointForm()), **{name: (POINTS, form) for name, form in FORMS.items()}}
    for name, (rival, form) in tries.items():
        run, formed = bench.out / name, replace(bench, form=form)
        found = kept(
            run / "scores.json", lambda run=run, formed=formed, rival=rival: tried(formed, rival, run)
        )
        print(name, found, flush=True)
    save_sheet(strips_of_tries(bench, list(tries)), beside("tries"), columns=1)


def beside(what: str) -> Path:
    """A picture next to this script."""
    here = Path(__file__)
    return here.with_name(f"{here.stem}_{what}.png")


def tried(bench: Bench, rival: str, run: Path) -> dict[str, Any]:
    seconds = kept(run / "seconds.json", lambda: bench.seconds_a_step(rival))
    steps = round(bench.cpu_s / seconds)
    objective = bench.objective(rival)
    train_to_marks(objective, bench.loop(rival, steps), run, [steps])
    load_mark(objective.model, run, steps)
    keep_samples(bench, run, "few", lambda: bench.drawn(objective.model, few_told(bench)))
    return {"steps": steps, "seconds_a_step": seconds, **few_scores(bench, np.load(run / "clouds-few.npy"))}


def few_scores(bench: Bench, clouds: np.ndarray) -> dict[str, float | None]:
    """Of what is drawn for `few_told`."""
    found = obedience(bench.real, [bench.wishes[number] for number in bench.few], clouds)
    figures = {"kind": found.right, "color": found.colored, "nearest": found.nearest[found.there]}
    return {name: share(values) for name, values in figures.items()} | {"extent": extent(bench.real, clouds)}


def guidances(bench: Bench) -> None:
    """What other guidances give with the last weights, by some samples."""
    for rival in bench.plan():
        run = bench.out / folder_of(rival)
        model = bench.objective(rival).model
        load_mark(model, run, read_marks(run)[-1].step)
        for guidance in GUIDANCES:
            name = f"guidance-{guidance:g}"
            keep_samples(
                bench,
                run,
                name,
                lambda model=model, guidance=guidance: bench.drawn(model, few_told(bench), guidance),
            )
            found = few_scores(bench, np.load(run / f"clouds-{name}.npy"))
            print(rival, f"guidance {guidance:g}", found, flush=True)


def page(bench: Bench) -> None:
    """Print the table; write curves and the sheet beside this script."""
    runs = {rival: bench.out / folder_of(rival) for rival in bench.plan()}
    found = kept(bench.out / "bounds.json", lambda: bounds(bench))
    kind = bench.contest.kind
    print(tables(runs, found, bench.plan(), kind))
    curves(runs, found, beside(kind), kind)
    strips = strips_of_prompts if kind == "text" else strips_of_pictures
    save_sheet(strips(bench, runs), beside(f"{kind}_samples"))


STAGES = {
    "tune": (tune,),
    "train": (train,),
    "draw": (draw,),
    "measure": (measure,),
    "page": (page,),
    "guidances": (guidances,),
    "all": (train, draw, measure, page, guidances),
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("what", choices=list(STAGES))
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--latents", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--encoder", type=Path, help="of the latents, if it is not where they say")
    parser.add_argument("--condition", choices=["text", "image"], default="text")
    parser.add_argument("--form", choices=list(FORMS), default="x0", help="of Point-E")
    parser.add_argument("--handicap", type=float, default=1.0, help="Point-E has so many times the seconds")
    parser.add_argument("--cpu-seconds", type=float, default=240.0, help="of training, for each")
    parser.add_argument("--marks", type=int, default=4)
    given = parser.parse_args()
    told = MINILM_WIDTH if given.condition == "text" else PICTURE_WIDTH
    contest = Contest(kind=given.condition, told=told)
    bench = Bench(
        data=given.data,
        latents_folder=given.latents,
        out=given.out,
        contest=contest,
        cpu_s=given.cpu_seconds,
        marks=given.marks,
        form=FORMS[given.form],
        handicap=given.handicap,
        encoder=given.encoder,
    )
    for stage in STAGES[given.what]:
        stage(bench)


if __name__ == "__main__":
    main()
