"""The prior's judge: fixed noise on held-out latents, and samples of fixed prompts."""

from dataclasses import replace
from pathlib import Path

import pytest
import torch
from torch import Tensor

from seen_assets import cubes, look_briefly
from shapewright.pipeline import Model
from shapewright.prior import Condition, Prior
from shapewright.training import validation
from shapewright.training.loop import LoopConfig
from shapewright.training.prior_validation import LEVELS, HeldOutLatents, PriorJudge, prior_judge
from shapewright.training.watcher import Judge
from tiny_models import FakeText, random_model

LOOP = LoopConfig(steps=4, batch_size=2, learning_rate=1e-3, validate_every=2)


def held_out(count: int = 5) -> HeldOutLatents:
    latents = torch.randn(count, 8, 8, generator=torch.Generator().manual_seed(0))
    texts = [f"a chair of {i} legs" for i in range(count)]
    return HeldOutLatents(latents=latents, condition=Condition.from_text(FakeText().encode(texts)))


class Oracle(Prior):
    """Knows the held-out latents."""

    def __init__(self, whole: Prior, answers: Tensor) -> None:
        super().__init__(whole.config)
        self.answers, self.asked = answers, list[tuple[Tensor, Tensor]]()

    def forward(self, x: Tensor, t: Tensor, condition: Condition) -> Tensor:
        start = sum(len(t) for _, t in self.asked) % len(self.answers)
        self.asked.append((x, t))
        return self.answers[start : start + len(x), None]


@pytest.fixture
def prior() -> Prior:
    found = random_model().prior
    assert found is not None
    return found.eval()


def test_the_same_noise_at_every_validation(prior: Prior) -> None:
    judge = PriorJudge(held_out())
    assert isinstance(judge, Judge)
    with torch.no_grad():
        figures = judge.validate(prior)
        torch.rand(3)
        assert judge.validate(prior) == figures
    assert figures.keys() == {"loss", *(f"squared_error_{level}" for level in LEVELS)}
    assert judge.pictures(prior) == []


def test_a_prior_that_knows_the_answers_has_no_loss(prior: Prior, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("shapewright.training.prior_validation.BATCH", 2)
    latents = held_out()
    oracle = Oracle(prior, latents.latents)
    assert set(PriorJudge(latents).validate(oracle).values()) == {0.0}
    asked = torch.cat([t for _, t in oracle.asked]).reshape(len(LEVELS), -1)
    assert (asked == asked[:, :1]).all()
    assert asked[:, 0].tolist() == [round(level * 1023) for level in LEVELS]
    noisiest, cleanest = oracle.asked[-1][0], oracle.asked[0][0]
    # of standard normal latents and noise; what is hardly noised is still the latent
    assert (cleanest - latents.latents[:2]).abs().mean() < (noisiest - latents.latents[-1:]).abs().mean()


def test_the_judge_of_a_whole_model(monkeypatch: pytest.MonkeyPatch) -> None:
    records = cubes()
    look_briefly(monkeypatch)
    monkeypatch.setattr(validation, "load_dataset", lambda data, split: records)
    first = random_model()
    assert first.statistics is not None

    def whole(prior: Prior) -> Model:
        return replace(first, prior=prior)

    def judge_of(loop: LoopConfig) -> PriorJudge | None:
        return prior_judge(Path("data"), first, first.statistics, FakeText(), loop, whole=whole)

    assert judge_of(replace(LOOP, validate_every=0)) is None
    judge = judge_of(LOOP)
    assert judge is not None
    assert judge.held_out.latents.shape == (3, 8, 8)
    assert len(judge.prompts) == 2
    assert set(judge.prompts) < {record.texts()[0] for record in records}
    assert first.prior is not None
    with torch.no_grad():
        assert judge.validate(first.prior.eval())["loss"] > 0
        strips = judge.pictures(first.prior)
        again = judge.pictures(first.prior)
    assert [strip.caption for strip in strips] == judge.prompts
    assert all(len(strip.pictures) == 1 for strip in strips)
    assert all((a == b).all() for a, b in zip(strips[0].pictures, again[0].pictures, strict=True))
