"""The prior's judge: fixed noise on held-out latents, and samples of fixed prompts."""

from dataclasses import replace

import pytest
import torch
from torch import Tensor

from seen_assets import look_briefly
from shapewright.errors import DatasetError
from shapewright.prior import Condition, Prior
from shapewright.training.conditions import CaptionFeatures
from shapewright.training.latents import LatentSet
from shapewright.training.objectives.denoising import Denoising, DenoisingConfig
from shapewright.training.prior_validation import LEVELS, HeldOutLatents, PriorJudge, prior_judge
from shapewright.training.watcher import Judge
from tiny_models import FakeText, random_model


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
    look_briefly(monkeypatch)
    monkeypatch.setattr("shapewright.conditioning.minilm.MiniLM", FakeText)
    first = random_model()
    assert first.prior is not None
    assert first.statistics is not None
    captions = [["a bed", "bed"], ["a lamp"], ["a red bed"], ["a bed", "bed"]]
    latents = LatentSet(latents=torch.randn(4, 8, 8), assets=["a", "b", "a", "c"], captions=captions)
    features = CaptionFeatures([text for texts in captions for text in texts], FakeText())
    objective = Denoising(first.prior, latents, first.statistics, features, DenoisingConfig(), batch_size=2)
    judge = prior_judge(objective, whole=lambda prior: replace(first, prior=prior))
    wanted = first.statistics.standardise(latents.latents[[0, 1, 3]])
    assert torch.equal(judge.held_out.latents, wanted), "each asset once"
    assert judge.prompts == ["a bed", "a lamp"]
    with torch.no_grad():
        assert judge.validate(first.prior.eval())["loss"] > 0
        strips = judge.pictures(first.prior)
        again = judge.pictures(first.prior)
    assert [strip.caption for strip in strips] == judge.prompts
    assert all(len(strip.pictures) == 1 for strip in strips)
    assert all((a == b).all() for a, b in zip(strips[0].pictures, again[0].pictures, strict=True))


def test_nothing_to_judge_by_is_said() -> None:
    first = random_model()
    with pytest.raises(DatasetError, match="no assets of the split 'val'"):
        prior_judge(None, whole=lambda prior: replace(first, prior=prior))
