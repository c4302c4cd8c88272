"""What a contest is held with: data, latents, what is told, the networks, samples of them; and its plan."""

import json
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import torch
from contest_told import caption_conditions, picture_conditions, told_of, told_of_pictures
from drawn_clouds import (
    Real,
    Wish,
    clouds_of_latents,
    drawn_clouds_of_points,
    drawn_latents,
    household_wishes,
    reference_wishes,
)
from rivals import (
    Contest,
    PointForm,
    SharedDraws,
    flops_of_example,
    latent_objective,
    point_objective,
    shared_draws,
)
from spans import seconds_a_step

from shapewright.atomic_file import replacing
from shapewright.dataset.loader import AssetRecord, load_dataset
from shapewright.pipeline import Pipeline
from shapewright.pointe import POINT_SCALING, PointPrior
from shapewright.prior import Condition, LatentStatistics, Prior, SamplerConfig
from shapewright.training.conditions import Conditions
from shapewright.training.latents import LatentSet, load_latents, statistics_of
from shapewright.training.loop import LoopConfig
from shapewright.training.objectives.denoising import Denoising
from shapewright.training.objectives.point_denoising import PointDenoising
from shapewright.training.prior_sources import given_latents
from shapewright.training.recipes import prior as prior_recipes
from shapewright.training.variation import Variation

__all__ = ["LATENTS", "POINTS", "SEEDS", "Bench", "kept", "kept_array"]

SEEDS, REFERENCES = 2, 16  # samples of a household prompt; assets of each split whose captions are asked for
# The recipe's, at the guidance that it had when the contests of the page ran.
SAMPLER = replace(prior_recipes.SAMPLER, guidance=4.0)
POINT_SAMPLER = SamplerConfig(
    steps=16, guidance=3.0, sigma_min=0.02, sigma_max=80.0, method="unipc", clip=1.0
)
LATENTS, POINTS = "Shap-E: latents", "Point-E: points"


@dataclass(frozen=True, kw_only=True)
class Bench:
    """What is given on the command line, and what follows from it once it is asked for."""

    data: Path
    latents_folder: Path
    out: Path
    contest: Contest
    cpu_s: float
    marks: int
    form: PointForm = field(default_factory=PointForm)
    handicap: float = 1.0  # Point-E has so many times the seconds
    encoder: Path | None = None  # of the latents, if it is not where they say

    @cached_property
    def training(self) -> list[AssetRecord]:
        return load_dataset(self.data, "train")

    @cached_property
    def latents(self) -> LatentSet:
        """Of all draws; for pictures of the assets as they are, which the pictures show."""
        every = load_latents(self.latents_folder)
        return every if self.contest.kind == "text" else unvaried(every)

    @cached_property
    def statistics(self) -> LatentStatistics:
        return statistics_of(self.latents_folder, clip=4.0)

    @cached_property
    def conditions(self) -> Conditions:
        if self.contest.kind == "text":
            return caption_conditions(self.latents, self.out.parent / "captions.npz")
        by_name = {record.id: record for record in self.training}
        records = [by_name[asset] for asset in self.latents.assets]
        return picture_conditions(records, self.out.parent / "features")

    @cached_property
    def draws(self) -> SharedDraws:
        return shared_draws(self.latents, self.training)

    def objective(self, rival: str) -> Denoising | PointDenoising:
        if rival == LATENTS:
            return latent_objective(self.contest, self.latents, self.statistics, self.conditions)
        return point_objective(self.contest, self.draws, self.conditions, self.form)

    @cached_property
    def held_out(self) -> list[AssetRecord]:
        return load_dataset(self.data, "val")

    @cached_property
    def wishes(self) -> list[Wish]:
        """Household prompts, then captions of as many assets of each split; of pictures the latter only."""
        captions = [reference_wishes(part, REFERENCES) for part in (self.held_out, self.training)]
        household = household_wishes(SEEDS) if self.contest.kind == "text" else []
        return [*household, *captions[0], *captions[1]]

    @cached_property
    def asked(self) -> list[AssetRecord]:
        """Assets whose captions are asked for."""
        by_name = {record.id: record for record in [*self.held_out, *self.training]}
        return [by_name[wish.asset] for wish in self.wishes if wish.asset is not None]

    @cached_property
    def told(self) -> Condition:
        """Of every wish: its text, or a picture of its asset that no training sees."""
        if self.contest.kind == "text":
            return told_of([wish.text for wish in self.wishes])
        return told_of_pictures(self.asked)

    @cached_property
    def few(self) -> list[int]:
        """Numbers of some wishes, for what is tried out: household prompts once, or held-out pictures."""
        household = len(household_wishes(SEEDS)) if self.contest.kind == "text" else 0
        return list(range(0, household, SEEDS)) or list(range(REFERENCES))

    @cached_property
    def real(self) -> Real:
        return Real.of(self.training, self.asked, self.contest.points)

    @cached_property
    def pipeline(self) -> Pipeline:
        return Pipeline(given_latents(self.latents_folder, self.data, self.encoder).model, device="cpu")

    def drawn(self, model: Prior, condition: Condition, guidance: float | None = None) -> np.ndarray:
        """A sample for every row of the condition, latents or clouds; guidance: the rival's own if None."""
        points = isinstance(model, PointPrior)
        sampler = POINT_SAMPLER if points else SAMPLER
        sampler = sampler if guidance is None else replace(sampler, guidance=guidance)
        if not points:
            return drawn_latents(model, self.statistics, condition, sampler).numpy()
        own_scales = model.stage.scaling != POINT_SCALING
        return drawn_clouds_of_points(model, condition, replace(sampler, clip=4.0) if own_scales else sampler)

    def clouds(self, drawn: np.ndarray) -> np.ndarray:
        """Of what was drawn: of latents, points on their surfaces."""
        if drawn.shape[1:] == (self.contest.points, 6):
            return drawn
        return clouds_of_latents(self.pipeline, torch.from_numpy(drawn), self.contest.points)

    def plan(self) -> dict[str, Any]:
        """Steps of both within the same seconds of the processor, and what a step takes; measured once."""
        return kept(self.out / "plan.json", self.measured_plan)

    def measured_plan(self) -> dict[str, Any]:
        found: dict[str, Any] = {}
        for rival in (LATENTS, POINTS):
            objective = self.objective(rival)
            operations = flops_of_example(objective, self.contest.batch_size) * self.contest.batch_size
            parameters = sum(p.numel() for p in objective.model.parameters())
            seconds = self.seconds_a_step(rival)
            given = self.cpu_s * (self.handicap if rival == POINTS else 1)
            found[rival] = {
                "parameters": parameters,
                "gigaflops_a_step": operations / 1e9,
                "seconds_a_step": seconds,
                "steps": round(given / seconds),
            }
        return found

    def seconds_a_step(self, rival: str) -> float:
        """Of the processor."""
        return seconds_a_step(self.objective(rival), self.loop(rival, 1000))

    def loop(self, rival: str, steps: int) -> LoopConfig:
        return self.contest.loop(steps, self.form if rival == POINTS else PointForm())


def kept(path: Path, make: Callable[[], Any]) -> Any:
    """What the JSON file holds; made and written if there is none."""
    if not path.is_file():
        made = make()
        with replacing(path) as temporary:
            temporary.write_text(json.dumps(made, indent=1) + "\n", encoding="utf-8")
    return json.loads(path.read_text(encoding="utf-8"))


def kept_array(path: Path, make: Callable[[], np.ndarray]) -> np.ndarray:
    """The same of an array in an .npy file."""
    if not path.is_file():
        made = make()
        with replacing(path) as temporary:
            np.save(temporary, made)
        print(path, flush=True)
    return np.load(path)


def unvaried(latents: LatentSet) -> LatentSet:
    """Those of assets as they are."""
    assert latents.variations is not None, "checked with the draws"
    chosen = [entry for entry, change in enumerate(latents.variations) if change == Variation()]
    return LatentSet(
        latents=latents.rows(np.array(chosen)),
        assets=[latents.assets[entry] for entry in chosen],
        captions=[latents.captions[entry] for entry in chosen],
        variations=[Variation()] * len(chosen),
    )
