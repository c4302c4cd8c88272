"""What a base draws of itself before it is fine-tuned."""

from pathlib import Path

import pytest
import torch

from shapewright.pipeline import Model, Pipeline
from shapewright.training import rehearsal as module
from shapewright.training.latents import LatentSet
from shapewright.training.rehearsal import REHEARSED, rehearsed
from tiny_models import FakeText, random_model, saved

OWN = LatentSet(latents=torch.zeros(2, 8, 8), assets=["one", "two"], captions=[["a zorbix"], ["a quindle"]])


@pytest.fixture
def base(tmp_path: Path) -> Model:
    return saved(random_model(), tmp_path / "model")


def test_own_models_are_half_of_what_is_learnt(base: Model, tmp_path: Path) -> None:
    told: list[str] = []
    found = rehearsed(base, OWN, tmp_path, 6, FakeText(), lambda stage, done, total: told.append(stage))
    assert found.latents.shape == (12, 8, 8)
    assert found.assets[:6] == ["one", "two"] * 3
    assert found.captions[6:] == [[prompt] for prompt in REHEARSED[:6]]
    assert set(told) == {"rehearse"}
    (asset,) = Pipeline(base, text_encoder=FakeText()).generate(REHEARSED[3], guidance=1.0)
    # samples do not depend on their batch, up to rounding on some processors
    torch.testing.assert_close(found.latents[9], asset.latent, rtol=1e-4, atol=1e-5)


def test_they_are_drawn_once(base: Model, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first = rehearsed(base, OWN, tmp_path, 3, FakeText(), None)
    monkeypatch.setattr(module, "drawn", None)
    assert torch.equal(rehearsed(base, OWN, tmp_path, 3, FakeText(), None).latents, first.latents)
    with pytest.raises(TypeError):
        rehearsed(base, OWN, tmp_path, 4, FakeText(), None)
    assert rehearsed(base, OWN, tmp_path, 0, FakeText(), None) is OWN


def test_more_samples_than_prompts_are_others(
    base: Model, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "REHEARSED", ("a chair", "a bed"))
    samples = rehearsed(base, OWN, tmp_path, 4, FakeText(), None).latents[4:]
    assert not torch.allclose(samples[0], samples[2])
