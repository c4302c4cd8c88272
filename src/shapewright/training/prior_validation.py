"""The judge of priors: their loss on latents of held-out assets, and samples of what is said of these."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor, nn

from shapewright.diffusion.losses import denoising_loss
from shapewright.errors import DatasetError
from shapewright.pipeline import Model, Pipeline
from shapewright.prior import Condition, Prior
from shapewright.render.contact_sheet import Strip
from shapewright.training.conditions import CaptionConditions, CaptionsOrViews
from shapewright.training.objectives.denoising import Denoising
from shapewright.training.pictures import sample_strips
from shapewright.training.validation import ASSETS

__all__ = ["HeldOutLatents", "PriorJudge", "prior_judge"]

BATCH = 32
PROMPTS, SEEDS = 6, 3
# Shares of the diffusion's steps: from hardly any noise to hardly anything else.
LEVELS = (0.1, 0.3, 0.5, 0.7, 0.9)


@dataclass(frozen=True, kw_only=True)
class HeldOutLatents:
    """Standardised latents of assets that are not trained on, and what is said of each."""

    latents: Float[Tensor, "m t c"]
    condition: Condition


class PriorJudge:
    """A prior's loss at a few fixed noise levels on held-out latents; samples of prompts.

    whole: the model that `pictures` samples from, made of the prior that is judged.
    """

    def __init__(
        self,
        held_out: HeldOutLatents,
        *,
        prompts: Sequence[str] = (),
        whole: Callable[[Prior], Pipeline] | None = None,
    ) -> None:
        assert whole is not None or not prompts, "prompts need a model to be asked"
        self.held_out, self.prompts, self.whole = held_out, list(prompts), whole

    def validate(self, model: nn.Module) -> dict[str, float]:
        """`loss`, the mean over the levels, and the squared error at each, such as `squared_error_0.5`."""
        assert isinstance(model, Prior), "this judge judges priors"
        loss, figures = 0.0, dict[str, float]()
        for level in LEVELS:
            total, squared_error = losses_at(model, self.held_out, level)
            loss += total / len(LEVELS)
            figures[f"squared_error_{level}"] = squared_error
        return {"loss": loss, **figures}

    def pictures(self, model: nn.Module) -> list[Strip]:
        """A few samples of each prompt."""
        assert isinstance(model, Prior), "this judge judges priors"
        return [] if self.whole is None else sample_strips(self.whole(model), self.prompts, seeds=SEEDS)


def losses_at(model: Prior, held_out: HeldOutLatents, level: float) -> tuple[float, float]:
    """(loss, squared error) of all latents at that share of the diffusion's steps, with the same noise."""
    device, diffusion = next(model.parameters()).device, model.diffusion
    generator = torch.Generator().manual_seed(round(1000 * level))
    noise = torch.randn(held_out.latents.shape, generator=generator)
    step = round(level * (diffusion.timesteps - 1))
    totals: list[Tensor] = []
    errors: list[Tensor] = []
    for rows in torch.arange(len(noise)).split(BATCH):
        x0, epsilon = held_out.latents[rows].to(device), noise[rows].to(device)
        t = torch.full((len(rows),), step, device=device)
        condition = held_out.condition.select(rows).trimmed().to(device)
        output = model(diffusion.noised(x0, t, epsilon), t, condition)
        variance = output[:, 1] if output.shape[1] > 1 else None
        found = denoising_loss(diffusion, output[:, 0], variance, x0=x0, t=t, noise=epsilon)
        totals.append(found.total)
        errors.append(found.squared_error)
    return float(torch.cat(totals).mean()), float(torch.cat(errors).mean())


def prior_judge(held_out: Denoising | None, *, whole: Callable[[Prior], Model]) -> PriorJudge:
    """The judge of a prior by the objective on the validation assets; of a prior of text, also by samples.

    The first latent of each of at most ASSETS assets is told its first caption, or view where there are none.
    whole: the model with a prior.
    Raises: DatasetError if there are no held-out assets.
    """
    if held_out is None:
        raise DatasetError(
            "The data set holds no assets of the split 'val' to judge by: set loop.validate_every and "
            "loop.pictures_every to 0, or build the data with more assets."
        )
    first_of = {asset: row for row, asset in reversed(list(enumerate(held_out.set.assets)))}
    rows = np.array(sorted(first_of.values())[:ASSETS])
    latents = held_out.set.rows(rows)
    told = held_out.conditions
    told = told.captions if isinstance(told, CaptionsOrViews) else told
    texts = [held_out.set.captions[row][0] for row in rows] if isinstance(told, CaptionConditions) else []
    return PriorJudge(
        HeldOutLatents(
            latents=latents if held_out.statistics is None else held_out.statistics.standardise(latents),
            condition=told.draw(rows, np.zeros(len(rows))),
        ),
        prompts=list(dict.fromkeys(texts))[:PROMPTS],
        whole=lambda prior: Pipeline(whole(prior), device=str(next(prior.parameters()).device)),
    )
