"""The prior's batches, conditions and losses."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from shapewright.diffusion import DiffusionConfig, ScheduleConfig
from shapewright.diffusion.discrete import Prediction
from shapewright.errors import ConfigError
from shapewright.nn.draws import Share
from shapewright.prior import Condition, LatentStatistics, Prior, PriorConfig
from shapewright.training.conditions import CaptionConditions, CaptionFeatures
from shapewright.training.latents import LatentSet
from shapewright.training.objectives.denoising import Denoising, DenoisingConfig, errors_by_noise
from shapewright.training.recipes.prior import tiny
from tiny_models import FakeText

CAPTIONS = [["a chair", "a wooden chair"], ["a red lamp"], ["chair", "a chair"]]


class Oracle(nn.Module):
    """Predicts what it was told to, or zeros, and keeps what it was asked."""

    def __init__(self, answer: Tensor | None = None) -> None:
        super().__init__()
        self.answer, self.asked = answer, list[tuple[Tensor, Tensor, Condition]]()

    def forward(self, x: Tensor, t: Tensor, condition: Condition) -> Tensor:
        self.asked.append((x, t, condition))
        return (torch.zeros_like(x) if self.answer is None else self.answer)[:, None]


def objective_of(
    batch_size: int = 8, drop: float = 0.0, prior: PriorConfig | None = None, standardise: bool = True
) -> Denoising:
    torch.manual_seed(0)
    latents = LatentSet(latents=torch.randn(3, 8, 8) * 0.1 + 0.5, assets=["a", "b", "c"], captions=CAPTIONS)
    statistics = LatentStatistics.measure([latents.latents]) if standardise else None
    features = CaptionFeatures([text for texts in CAPTIONS for text in texts], FakeText(max_tokens=6))
    conditions = CaptionConditions(CAPTIONS, features)
    config = DenoisingConfig(condition_drop=drop)
    model = Prior(prior or tiny().model)
    return Denoising(model, latents, statistics, conditions, config, batch_size=batch_size)


def test_a_batch_is_latents_with_captions_of_their_own() -> None:
    objective = objective_of(batch_size=3)
    told: list[list[str]] = []
    assert isinstance(objective.conditions, CaptionConditions)
    features = objective.conditions.features
    own = features.condition
    features.condition = lambda texts: (told.append(texts), own(texts))[1]
    assert objective.statistics is not None
    standardised = objective.statistics.standardise(objective.set.latents)
    for step in range(20):
        batch = objective.batch(step)
        for name, text, latent in zip(batch.names, told[-1], batch.latents, strict=True):
            row = objective.set.assets.index(name)
            assert text in CAPTIONS[row]
            assert torch.equal(latent, standardised[row])
    assert {text for texts in told for text in texts} == {text for texts in CAPTIONS for text in texts}
    assert objective.batch(5).names == objective.batch(5).names
    # three latents in one dimension each: standardised to mean 0 and spread 1
    torch.testing.assert_close(standardised.mean(dim=0), torch.zeros(8, 8), rtol=0, atol=1e-4)


def test_a_prior_that_knows_the_answer_has_no_loss() -> None:
    objective = objective_of()
    batch, generator = objective.batch(0), torch.Generator().manual_seed(0)
    # the tiny recipe's diffusion predicts the latent itself
    losses = objective.losses(Oracle(batch.latents), batch, generator)
    assert losses["loss"].item() == 0
    ignorant = objective.losses(Oracle(), batch, torch.Generator().manual_seed(0))
    assert ignorant["loss"].item() == pytest.approx(batch.latents.square().mean().item())


def test_what_the_prior_is_asked_follows_from_the_generator() -> None:
    objective, oracle = objective_of(batch_size=64, drop=0.5), Oracle()
    batch = objective.batch(0)
    for seed in (0, 0, 1):
        objective.losses(oracle, batch, torch.Generator().manual_seed(seed))
    (x, t, condition), (x_again, t_again, again), (x_other, _, _) = oracle.asked
    assert torch.equal(x, x_again)
    assert torch.equal(t, t_again)
    assert not torch.equal(x, x_other)
    assert torch.equal(condition.text_mask, again.text_mask)
    assert int(t.min()) < 200 < 800 < int(t.max()) < 1024
    dropped = ~condition.text_mask.any(dim=1)
    assert float(dropped.float().mean()) == pytest.approx(0.5, abs=0.25)  # 4 sigma of 64
    assert not condition.text_pooled[dropped].any()
    assert bool(condition.text_pooled[~dropped].any(dim=1).all())


def test_latents_may_be_learnt_as_they_are() -> None:
    objective = objective_of(batch_size=3, standardise=False)
    batch = objective.batch(0)
    rows = [objective.set.assets.index(name) for name in batch.names]
    assert torch.equal(batch.latents, objective.set.latents[rows])


@pytest.mark.parametrize("prediction", ["x0", "eps"])
def test_the_variance_is_learnt_beside_the_prediction(prediction: Prediction) -> None:
    """By the schedules that the published families learn it with: exp for latents, cosine for eps."""
    schedule = ScheduleConfig(name="exp" if prediction == "x0" else "cosine")
    diffusion = DiffusionConfig(schedule=schedule, prediction=prediction)
    config = replace(tiny().model, predict_variance=True, diffusion=diffusion)
    objective = objective_of(prior=config, batch_size=32)
    optimizer = torch.optim.Adam(objective.model.parameters(), lr=2e-3)
    bounds: list[float] = []
    for step in range(40):
        batch = objective.batch(step)
        losses = objective.losses(objective.model, batch, torch.Generator().manual_seed(step))
        torch.testing.assert_close(losses["loss"], losses["squared_error"] + losses["bound_bits"])
        optimizer.zero_grad()
        losses["loss"].backward()
        optimizer.step()
        bounds.append(losses["bound_bits"].item())
    assert sum(bounds[-8:]) < 0.9 * sum(bounds[:8])


def test_the_prior_itself_learns_which_latent_belongs_to_which_text() -> None:
    objective = objective_of()
    optimizer = torch.optim.Adam(objective.model.parameters(), lr=2e-3)
    history: list[float] = []
    for step in range(60):
        batch = objective.batch(step)
        loss = objective.losses(objective.model, batch, torch.Generator().manual_seed(step))["loss"]
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        history.append(loss.item())
    assert sum(history[-5:]) < 0.6 * sum(history[:5])


def test_errors_by_noise() -> None:
    error, t = torch.tensor([1.0, 3.0, 5.0, 7.0]), torch.tensor([0, 299, 899, 600])
    found = errors_by_noise(error, t, 900)
    assert {name: value.item() for name, value in found.items()} == {
        "squared_error_low_noise": 2,
        "squared_error_high_noise": 6,
    }


@pytest.mark.parametrize("drop", [-0.1, 1.0])
def test_a_prior_that_never_hears_its_text_is_refused(drop: float) -> None:
    with pytest.raises(ConfigError, match=r"condition_drop must be in 0..1"):
        DenoisingConfig(condition_drop=drop)


def test_shares_put_together_are_the_batch(monkeypatch: pytest.MonkeyPatch) -> None:
    objective = objective_of(batch_size=4)
    told: list[tuple[list[int], list[float]]] = []
    own = objective.conditions.draw

    def draw(rows: np.ndarray, marks: np.ndarray) -> Condition:
        told.append((rows.tolist(), marks.tolist()))
        return own(rows, marks)

    monkeypatch.setattr(objective.conditions, "draw", draw)
    whole = objective.batch(3)
    parts = [objective.batch_share(3, Share(i, 2)) for i in range(2)]
    assert [name for part in parts for name in part.names] == whole.names
    assert tuple(a + b for a, b in zip(told[1], told[2], strict=True)) == told[0]
    assert torch.equal(torch.cat([part.latents for part in parts]), whole.latents)
