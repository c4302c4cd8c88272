"""Shap-E's latent prior against Point-E's base: quality of samples by cost of training, for the page beside.

    OMP_NUM_THREADS=1 python benchmarks/point_e_against_shap_e.py tune --data D --encoder RUN --out OUT
    OMP_NUM_THREADS=1 python benchmarks/point_e_against_shap_e.py all  --data D --encoder RUN --out OUT

RUN is a refinement's run: a model and the latents of its training draws. Whatever is in OUT already is not
done again, and a training goes on from its last mark. `tune` compares forms of the baseline for less time.
"""

import argparse
import json
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from drawn_clouds import (
    Real,
    Wish,
    clouds_of_latents,
    clouds_of_records,
    drawn_clouds_of_points,
    drawn_latents,
    household_wishes,
    obedience,
    reference_wishes,
    scores,
)
from rivals import (
    CLOUD,
    Contest,
    PointForm,
    SharedDraws,
    check_same_draws,
    flops_of_example,
    latent_objective,
    point_objective,
)
from spans import load_mark, marks_between, read_marks, seconds_a_step, train_to_marks

from shapewright.atomic_file import replacing
from shapewright.conditioning import TextFeatures
from shapewright.conditioning.minilm import MiniLM
from shapewright.dataset.loader import AssetRecord, load_dataset
from shapewright.evaluation.samples import is_called
from shapewright.pipeline import Pipeline
from shapewright.pointe import PointPrior
from shapewright.prior import Condition, LatentStatistics, SamplerConfig
from shapewright.training.conditions import CaptionConditions, CaptionFeatures
from shapewright.training.latents import LatentSet, load_latents, statistics_of
from shapewright.training.objectives.denoising import Denoising
from shapewright.training.objectives.point_denoising import PointDenoising
from shapewright.training.recipes.prior import MINILM_WIDTH, SAMPLER

SHARING = 0.5  # of captions, as in the recipe `homeware`
SEEDS, REFERENCES = 2, 32  # samples of a household prompt; assets of each split whose captions are asked for
POINT_SAMPLER = SamplerConfig(
    steps=24, guidance=3.0, sigma_min=0.02, sigma_max=80.0, method="unipc", clip=1.0
)
FORMS = {
    "as published: eps, learned variance": PointForm(prediction="eps", variance=True),
    "eps": PointForm(prediction="eps"),
    "x0": PointForm(),
    "x0, learned variance": PointForm(variance=True),
    "x0, own scales": PointForm(own_scales=True),
    "x0, AdamW 1e-3": PointForm(optimizer="adamw", learning_rate=1e-3),
}
GUIDANCES = (1.0, 2.0, 4.0, 6.0)
LATENTS, POINTS = "Shap-E: latents", "Point-E: points"


@dataclass(frozen=True, kw_only=True)
class Bench:
    """What is given on the command line, and what follows from it once it is asked for."""

    data: Path
    encoder: Path
    out: Path
    contest: Contest
    cpu_s: float
    marks: int

    @cached_property
    def training(self) -> list[AssetRecord]:
        return load_dataset(self.data, "train")

    @cached_property
    def latents(self) -> LatentSet:
        return load_latents(self.encoder / "latents")

    @cached_property
    def statistics(self) -> LatentStatistics:
        return statistics_of(self.encoder / "latents", clip=4.0)

    @cached_property
    def conditions(self) -> CaptionConditions:
        captions = self.latents.captions
        texts = list(dict.fromkeys(text for own in captions for text in own))
        reader = KeptTexts(self.out.parent / "captions.npz", texts)
        return CaptionConditions(captions, CaptionFeatures(texts, reader, tokens=False), sharing=SHARING)

    @cached_property
    def draws(self) -> SharedDraws:
        draws = SharedDraws(records=self.training, points=CLOUD, latents=self.latents)
        check_same_draws(draws)
        return draws

    def objective(self, rival: str, form: PointForm) -> Denoising | PointDenoising:
        if rival == LATENTS:
            return latent_objective(self.contest, self.latents, self.statistics, self.conditions)
        return point_objective(self.contest, self.draws, self.conditions, form)

    @cached_property
    def held_out(self) -> list[AssetRecord]:
        return load_dataset(self.data, "val")

    @cached_property
    def wishes(self) -> list[Wish]:
        """Household prompts, then captions of as many assets of each split."""
        captions = [reference_wishes(part, REFERENCES) for part in (self.held_out, self.training)]
        return [*household_wishes(SEEDS), *captions[0], *captions[1]]

    @cached_property
    def asked(self) -> list[AssetRecord]:
        """Assets whose captions are asked for."""
        by_name = {record.id: record for record in [*self.held_out, *self.training]}
        return [by_name[wish.asset] for wish in self.wishes if wish.asset is not None]

    @cached_property
    def told(self) -> Condition:
        """Of every wish."""
        return told_of([wish.text for wish in self.wishes])

    @cached_property
    def household(self) -> Condition:
        """Of every household prompt once."""
        return told_of([wish.text for wish in household_wishes(1)])

    @cached_property
    def real(self) -> Real:
        return Real.of(self.training, self.asked, self.contest.points)

    @cached_property
    def pipeline(self) -> Pipeline:
        return Pipeline.from_pretrained(self.encoder / "model", device="cpu")

    def clouds(self, rival: str, model: Any, condition: Condition, guidance: float | None) -> np.ndarray:
        """One for every row of the condition; the rival's own guidance if None."""
        own = SAMPLER if rival == LATENTS else POINT_SAMPLER
        sampler = own if guidance is None else replace(own, guidance=guidance)
        if isinstance(model, PointPrior):
            wide = replace(sampler, clip=1.0 if model.stage.scaling == POINT_SCALING else 4.0)
            return drawn_clouds_of_points(model, condition, wide)
        latents = drawn_latents(model, self.statistics, condition, sampler)
        return clouds_of_latents(self.pipeline, latents, self.contest.points)

    def plan(self) -> dict[str, Any]:
        """Steps of both within the same seconds of the processor, and what a step takes; measured once."""
        return kept(self.out / "plan.json", self.measured_plan)

    def measured_plan(self) -> dict[str, Any]:
        found: dict[str, Any] = {}
        for rival in (LATENTS, POINTS):
            objective = self.objective(rival, PointForm())
            operations = flops_of_example(objective) * self.contest.batch_size
            parameters = sum(p.numel() for p in objective.model.parameters())
            seconds = self.seconds_a_step(rival, PointForm())
            found[rival] = {
                "parameters": parameters,
                "gigaflops_a_step": operations / 1e9,
                "seconds_a_step": seconds,
                "steps": round(self.cpu_s / seconds),
            }
        return found

    def seconds_a_step(self, rival: str, form: PointForm) -> float:
        """Of the processor."""
        return seconds_a_step(self.objective(rival, form), self.contest.loop(1000, form))


class KeptTexts:
    """What MiniLM says of texts, as one vector each: read once for all stages, which takes a minute."""

    width_pooled, width_tokens, max_tokens = MINILM_WIDTH, MINILM_WIDTH, 1

    def __init__(self, path: Path, texts: Sequence[str]) -> None:
        if not path.is_file():
            parts = [MiniLM().encode(texts[i : i + 256]).pooled for i in range(0, len(texts), 256)]
            with replacing(path) as temporary:
                np.savez(temporary, texts=np.array(texts), pooled=torch.cat(parts).numpy())
        with np.load(path) as file:
            self.rows = {str(text): row for row, text in enumerate(file["texts"])}
            self.pooled = torch.from_numpy(file["pooled"])

    def encode(self, prompts: Sequence[str]) -> TextFeatures:
        pooled = self.pooled[[self.rows[text] for text in prompts]]
        nothing = torch.zeros(len(pooled), 1)
        return TextFeatures(
            pooled=pooled, tokens=nothing[..., None].expand(-1, -1, MINILM_WIDTH), mask=nothing > 0
        )


def told_of(texts: Sequence[str]) -> Condition:
    return Condition(text_pooled=MiniLM().encode(list(texts)).pooled)


def kept(path: Path, make: Callable[[], Any]) -> Any:
    """What the JSON file holds; made and written if there is none."""
    if not path.is_file():
        made = make()
        with replacing(path) as temporary:
            temporary.write_text(json.dumps(made, indent=1) + "\n", encoding="utf-8")
    return json.loads(path.read_text(encoding="utf-8"))


def folder_of(rival: str) -> str:
    return "latents" if rival == LATENTS else "points"


def train(bench: Bench) -> None:
    for rival, planned in bench.plan().items():
        loop = bench.contest.loop(planned["steps"], PointForm())
        run = bench.out / folder_of(rival)
        if any(mark.step == loop.steps for mark in read_marks(run)):
            continue
        train_to_marks(bench.objective(rival, PointForm()), loop, run, marks_between(loop.steps, bench.marks))


def draw(bench: Bench) -> None:
    """Clouds of every mark, and of other guidances of the last one."""
    for rival in bench.plan():
        run = bench.out / folder_of(rival)
        model = bench.objective(rival, PointForm()).model
        for mark in read_marks(run):
            load_mark(model, run, mark.step)
            keep_clouds(
                run / f"clouds-{mark.step:06d}.npy",
                lambda rival=rival, model=model: bench.clouds(rival, model, bench.told, None),
            )
        for guidance in GUIDANCES:
            keep_clouds(
                run / f"guidance-{guidance:g}.npy",
                lambda rival=rival, model=model, g=guidance: bench.clouds(rival, model, bench.household, g),
            )


def keep_clouds(path: Path, make: Callable[[], np.ndarray]) -> None:
    if not path.is_file():
        clouds = make()
        with replacing(path) as temporary:
            np.save(temporary, clouds)
        print(path, flush=True)


def measure(bench: Bench) -> None:
    kept(bench.out / "bounds.json", lambda: bounds(bench))
    for rival in bench.plan():
        run = bench.out / folder_of(rival)
        for mark in read_marks(run):
            clouds = np.load(run / f"clouds-{mark.step:06d}.npy")
            found = kept(
                run / f"scores-{mark.step:06d}.json",
                lambda clouds=clouds: scores(bench.real, bench.wishes, clouds),
            )
            print(rival, asdict(mark), found, flush=True)


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
    """Every form of the baseline for the same seconds, judged by one sample of each household prompt."""
    for number, (name, form) in enumerate(FORMS.items()):
        run = bench.out / f"form-{number}"
        found = kept(run / "scores.json", lambda run=run, form=form: tried(bench, run, form))
        print(name, found, flush=True)


def tried(bench: Bench, run: Path, form: PointForm) -> dict[str, Any]:
    seconds = kept(run / "seconds.json", lambda: bench.seconds_a_step(POINTS, form))
    steps = round(bench.cpu_s / seconds)
    objective = bench.objective(POINTS, form)
    train_to_marks(objective, bench.contest.loop(steps, form), run, [steps])
    load_mark(objective.model, run, steps)
    keep_clouds(run / "clouds.npy", lambda: bench.clouds(POINTS, objective.model, bench.household, None))
    found = household_scores(bench, np.load(run / "clouds.npy"))
    return {"steps": steps, "seconds_a_step": seconds, **found}


def household_scores(bench: Bench, clouds: np.ndarray) -> dict[str, float]:
    """Of one sample of each household prompt."""
    found = obedience(bench.real, household_wishes(1), clouds)
    figures = {"kind": found.right, "color": found.colored, "nearest": found.nearest[found.there]}
    return {name: float(values.mean()) for name, values in figures.items()}


def guidances(bench: Bench) -> None:
    for rival in bench.plan():
        for path in sorted((bench.out / folder_of(rival)).glob("guidance-*.npy")):
            print(rival, path.stem, household_scores(bench, np.load(path)), flush=True)


STAGES = {
    "tune": (tune,),
    "train": (train,),
    "draw": (draw,),
    "measure": (measure, guidances),
    "all": (train, draw, measure, guidances),
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("what", choices=list(STAGES))
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--encoder", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--cpu-seconds", type=float, default=360.0, help="of training, for each")
    parser.add_argument("--marks", type=int, default=5)
    given = parser.parse_args()
    contest = Contest(told=MINILM_WIDTH)
    bench = Bench(
        data=given.data,
        encoder=given.encoder,
        out=given.out,
        contest=contest,
        cpu_s=given.cpu_seconds,
        marks=given.marks,
    )
    for stage in STAGES[given.what]:
        stage(bench)


if __name__ == "__main__":
    main()
