"""The prior's batches, conditions and losses."""

from collections.abc import Sequence

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from shapewright.conditioning import TextFeatures
from shapewright.errors import ConfigError
from shapewright.nn.draws import Share
from shapewright.prior import Condition, LatentStatistics, Prior
from shapewright.training.latents import LatentSet
from shapewright.training.objectives.denoising import (
    CaptionFeatures,
    Denoising,
    DenoisingConfig,
    caption_bounds,
    errors_by_noise,
)
from shapewright.training.recipes.prior import tiny
from tiny_models import FakeText

CAPTIONS = [["a chair", "a wooden chair"], ["a red lamp"], ["chair", "a chair"]]


class CountingText(FakeText):
    def __init__(self) -> None:
        super().__init__(max_tokens=6)
        self.asked: list[str] = []

    def encode(self, prompts: Sequence[str]) -> TextFeatures:
        self.asked += prompts
        return super().encode(prompts)


def test_features_of_captions_are_the_text_encoders() -> None:
    text = CountingText()
    features = CaptionFeatures([caption for captions in CAPTIONS for caption in captions], text)
    assert text.asked == ["a chair", "a wooden chair", "a red lamp", "chair"], "each once"
    wanted = ["chair", "a wooden chair", "chair"]
    condition = features.condition(wanted)
    told = Condition.from_text(FakeText(max_tokens=6).encode(wanted))
    assert told.text_tokens is not None
    assert condition.text_tokens is not None
    assert condition.text_mask is not None
    # kept in half precision: 11 bits
    torch.testing.assert_close(condition.text_pooled, told.text_pooled, rtol=1e-3, atol=1e-3)
    torch.testing.assert_close(condition.text_tokens, told.text_tokens[:, :3], rtol=1e-3, atol=1e-3)
    assert condition.text_mask.tolist() == [[True, False, False], [True] * 3, [True, False, False]]
    assert condition.text_pooled is not None
    assert condition.text_pooled.dtype == torch.float32


def test_captions_are_encoded_in_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    captions = [f"chair number {i}" for i in range(7)]
    whole = CaptionFeatures(captions, FakeText())
    monkeypatch.setattr("shapewright.training.objectives.denoising.ENCODE_BATCH", 3)
    parts = CaptionFeatures(captions, FakeText())
    assert torch.equal(parts.tokens, whole.tokens)
    assert torch.equal(parts.mask, whole.mask)


class Oracle(nn.Module):
    """Predicts what it was told to, or zeros, and keeps what it was asked."""

    def __init__(self, answer: Tensor | None = None) -> None:
        super().__init__()
        self.answer, self.asked = answer, list[tuple[Tensor, Tensor, Condition]]()

    def forward(self, x: Tensor, t: Tensor, condition: Condition) -> Tensor:
        self.asked.append((x, t, condition))
        return (torch.zeros_like(x) if self.answer is None else self.answer)[:, None]


def objective_of(batch_size: int = 8, drop: float = 0.0) -> Denoising:
    torch.manual_seed(0)
    latents = LatentSet(latents=torch.randn(3, 8, 8) * 0.1 + 0.5, assets=["a", "b", "c"], captions=CAPTIONS)
    statistics = LatentStatistics.measure([latents.latents])
    features = CaptionFeatures([text for texts in CAPTIONS for text in texts], FakeText(max_tokens=6))
    config = DenoisingConfig(condition_drop=drop)
    return Denoising(Prior(tiny().model), latents, statistics, features, config, batch_size=batch_size)


def test_a_batch_is_latents_with_captions_of_their_own() -> None:
    objective = objective_of(batch_size=3)
    told: list[list[str]] = []
    own = objective.features.condition
    objective.features.condition = lambda texts: (told.append(texts), own(texts))[1]
    for step in range(20):
        batch = objective.batch(step)
        for name, text, latent in zip(batch.names, told[-1], batch.latents, strict=True):
            row = objective.set.assets.index(name)
            assert text in CAPTIONS[row]
            assert torch.equal(latent, objective.standardised[row])
    assert {text for texts in told for text in texts} == {text for texts in CAPTIONS for text in texts}
    assert objective.batch(5).names == objective.batch(5).names
    # three latents in one dimension each: standardised to mean 0 and spread 1
    torch.testing.assert_close(objective.standardised.mean(dim=0), torch.zeros(8, 8), rtol=0, atol=1e-4)


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


def test_captions_that_many_samples_share_are_told_more_often() -> None:
    captions = [["ficus", "tree"], ["maple", "tree"], ["pine", "tree"], ["tree"]]
    alike, shared = caption_bounds(captions, 0.0), caption_bounds(captions, 1.0)
    np.testing.assert_allclose(alike[0], [0.5, 1.0])
    np.testing.assert_allclose(shared[0], [0.2, 1.0], err_msg="one sample is a ficus, four are trees")
    np.testing.assert_allclose(shared[3], [1.0])


def test_shares_put_together_are_the_batch() -> None:
    objective = objective_of(batch_size=4)
    told: list[list[str]] = []
    own = objective.features.condition
    objective.features.condition = lambda texts: (told.append(texts), own(texts))[1]
    whole = objective.batch(3)
    parts = [objective.batch_share(3, Share(i, 2)) for i in range(2)]
    assert [name for part in parts for name in part.names] == whole.names
    assert told[1] + told[2] == told[0]
    assert torch.equal(torch.cat([part.latents for part in parts]), whole.latents)
