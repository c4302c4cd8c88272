"""Samples are drawn together, kept, and drawn again only where they are missing."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from shapewright.evaluation import sample_set
from shapewright.evaluation.prompts import Prompt
from shapewright.evaluation.sample_set import Sample, draw_samples, seconds_a_sample
from shapewright.pipeline import Asset, Pipeline
from tiny_models import FakeText, random_model
from unit.evaluation.solids import Known, coarse_surfaces, confetti

PROMPTS = [Prompt(text=f"a {word}", nouns=(word,)) for word in ("ball", "box", "nut")]


class Counting(Pipeline):
    """Remembers what it was asked for."""

    def __init__(self) -> None:
        super().__init__(random_model(empty=True), text_encoder=FakeText(), device="cpu")
        self.asked: list[Any] = []

    def generate(self, prompt: Any = None, **settings: Any) -> list[Asset]:
        self.asked.append((prompt, settings))
        return super().generate(prompt, **settings)


@pytest.fixture(autouse=True)
def _coarse(monkeypatch: pytest.MonkeyPatch) -> None:
    coarse_surfaces(monkeypatch)


def test_only_what_is_missing_is_drawn(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sample_set, "DRAWN_AT_ONCE", 4)
    pipeline, told = Counting(), list[str]()
    samples = draw_samples(pipeline, PROMPTS, 2, tmp_path, lambda done, total, said: told.append(said))
    assert [sample.prompt.text for sample in samples] == [p.text for p in PROMPTS for _ in range(2)]
    assert [prompt for prompt, _ in pipeline.asked] == [["a ball", "a box"], ["a nut"]]
    assert set(told) == {"drawing", "looking at samples"}
    kept = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    assert len(kept) == 6

    (tmp_path / "001-1.safetensors").write_bytes(b"torn")
    pipeline.asked.clear()
    draw_samples(pipeline, PROMPTS, 2, tmp_path)
    assert pipeline.asked == [(["a box"], {"n": 2})]
    latent = pipeline.load(tmp_path / "001-1.safetensors").latent
    assert {path.name for path in tmp_path.iterdir()} == set(kept)
    alone = Pipeline.generate(pipeline, "a box", n=1, seed=1)[0]
    assert torch.allclose(latent, alone.latent, atol=1e-5), "whatever it was drawn with"

    pipeline.asked.clear()
    draw_samples(pipeline, PROMPTS, 2, tmp_path)
    assert pipeline.asked == []
    draw_samples(pipeline, PROMPTS[1:], 1, tmp_path)
    assert pipeline.asked == [(["a box", "a nut"], {"n": 1})], "other prompts in these places"


def test_clouds_cover_the_surface_evenly(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sample_set, "CLOUD_POINTS", 32)
    monkeypatch.setattr(sample_set, "pictures_of", lambda asset: [])
    points = np.random.default_rng(0).uniform(-1, 1, (500, 6))
    points[:, 3:] = 0.5
    sample = Sample.of_asset(PROMPTS[0], Known(confetti(points)))
    assert sample.cloud is not None
    assert sample.cloud.shape == (32, 6)
    apart = np.linalg.norm(sample.cloud[:, None, :3] - sample.cloud[None, :, :3], axis=-1)
    assert apart[~np.eye(32, dtype=bool)].min() > 0.3  # random ones come as near as 0.1
    assert Sample.of_asset(PROMPTS[0], Known(None)).cloud is None


def test_latency_is_measured_after_a_first_draw() -> None:
    pipeline = Counting()
    assert 0 < seconds_a_sample(pipeline, "a box") < 60
    assert [settings for _, settings in pipeline.asked] == [
        {"steps": 2},
        {"seed": 0},
        {"seed": 1},
        {"seed": 2},
    ]
