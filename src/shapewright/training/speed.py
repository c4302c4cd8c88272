"""How fast a prior learns: steps of a recipe on made-up latents and conditions."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import torch

from shapewright.evaluation.speed import Job
from shapewright.evaluation.speed_jobs import made_up_condition
from shapewright.prior import Condition, Prior, PriorConfig
from shapewright.training.latents import LatentSet
from shapewright.training.learner import Learner
from shapewright.training.loop_config import LoopConfig
from shapewright.training.objectives.denoising import Denoising
from shapewright.training.processes import accelerator
from shapewright.training.recipes.prior import PriorRecipe

__all__ = ["training_job"]


class MadeUpConditions:
    """The same number of tokens for every latent, drawn anew in every step."""

    def __init__(self, config: PriorConfig) -> None:
        self.config = config

    def draw(self, rows: np.ndarray, marks: np.ndarray) -> Condition:
        return made_up_condition(self.config, len(rows))


def training_job(recipe: PriorRecipe, *, compare: bool) -> Job:
    """One optimisation step of the recipe's batch; the plain twin is the same in fp32, not compiled."""
    plain = replace(recipe.loop, precision="fp32", compile=False)
    return Job(ours=steps_of(recipe, recipe.loop), plain=steps_of(recipe, plain) if compare else None)


def steps_of(recipe: PriorRecipe, config: LoopConfig) -> Callable[[], object]:
    """Each call takes the next step of a training of its own."""
    sizes = recipe.model
    latents = torch.randn(1, sizes.latent_tokens, sizes.latent_channels).expand(config.batch_size, -1, -1)
    names = [f"made-up-{row}" for row in range(config.batch_size)]
    data = LatentSet(latents=latents, assets=names, captions=[[name] for name in names])
    objective = Denoising(
        Prior(sizes),
        data,
        None,
        MadeUpConditions(sizes),
        recipe.objective,
        batch_size=config.batch_size,
        seed=config.seed,
    )
    learner, taken = Learner(objective, config, accelerator()), 0

    def step() -> object:
        nonlocal taken
        taken += 1
        return learner.step(taken, learner.pieces(taken))

    return step
