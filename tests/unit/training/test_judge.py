"""Training of the judge, on a handful of prisms."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from shapewright.dataset.loader import load_dataset
from shapewright.errors import ConfigError
from shapewright.evaluation.judge import JudgeHeads
from shapewright.training.judge import JudgeConfig, matching_loss, real_pictures, train_judge

CONFIG = JudgeConfig(draws=1, views=2, steps=250, batch_size=8, blur=0.5)


def test_it_learns_to_tell_its_assets(prisms: Path) -> None:
    judge = train_judge(prisms, CONFIG)
    records = load_dataset(prisms, "train")
    texts = [record.texts("en")[0] for record in records]
    said = judge.embed_texts(texts)
    seen = np.stack([judge.embed_pictures(real_pictures(record)).mean(axis=0) for record in records])
    assert ((seen @ said.T).argmax(axis=1) == np.arange(len(records))).mean() >= 0.6, (
        "a guess is right once in six"
    )
    assert judge.figures["train"]["captions"] >= 0.6
    assert judge.figures["val"]["r_precision"] is None, "none of the hundred prompts is said of prisms"


def test_what_is_true_is_no_mistake() -> None:
    """Two pictures of chairs, both told "a chair": either caption may be nearest to either picture."""
    pictures = torch.nn.functional.normalize(torch.tensor([[1.0, 0.1], [1.0, -0.1]]), dim=1)
    texts = torch.tensor([[1.0, 0.0], [1.0, 0.0]])
    heads = JudgeHeads().requires_grad_(False)
    shared = matching_loss(pictures, texts, torch.ones(2, 2, dtype=torch.bool), heads)
    alone = matching_loss(pictures, texts, torch.eye(2, dtype=torch.bool), heads)
    assert float(shared) == pytest.approx(float(np.log(2)), abs=1e-3)
    assert float(alone) == pytest.approx(float(np.log(2)), abs=1e-3)
    apart = matching_loss(
        pictures, torch.tensor([[1.0, 0.0], [-1.0, 0.0]]), torch.eye(2, dtype=torch.bool), heads
    )
    assert float(apart) > float(shared), "the second picture is far from its only caption"


def test_settings_outside_their_range() -> None:
    with pytest.raises(ConfigError, match="at least 1"):
        replace(CONFIG, views=0)
