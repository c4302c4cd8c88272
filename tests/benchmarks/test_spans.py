"""Trainings with marks: what is kept, and that a stopped one goes on as if it had not been."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from benchmarks.scripts import script
from shapewright.training.loop import LoopConfig

SPANS = script("spans")


@dataclass
class Line:
    """A straight line, learnt from noisy points on it."""

    model: nn.Module

    def batch(self, step: int) -> dict[str, Tensor]:
        x = torch.randn(8, 1, generator=torch.Generator().manual_seed(step))
        return {"x": x, "y": 2 * x - 1}

    def losses(self, model: nn.Module, batch: Any, generator: torch.Generator) -> dict[str, Tensor]:
        return {"loss": (model(batch["x"]) - batch["y"]).square().mean()}

    def asset_names(self, batch: Any) -> list[str]:
        return []


def line() -> Line:
    torch.manual_seed(0)
    return Line(nn.Linear(1, 1))


def loop(steps: int) -> LoopConfig:
    return LoopConfig(
        steps=steps, batch_size=8, learning_rate=0.1, warmup_steps=2, ema_decay=0.5, precision="fp32"
    )


@pytest.mark.parametrize(
    ("steps", "count", "expected"), [(800, 4, [100, 200, 400, 800]), (7, 2, [4, 7]), (1, 1, [1])]
)
def test_each_mark_is_twice_as_far_as_the_one_before(steps: int, count: int, expected: list[int]) -> None:
    assert SPANS.marks_between(steps, count) == expected


def test_marks_tell_costs_that_grow_and_losses_that_fall(tmp_path: Path) -> None:
    found = SPANS.train_to_marks(line(), loop(40), tmp_path, [10, 20, 40])
    assert [mark.step for mark in found] == [10, 20, 40]
    assert 0 < found[0].cpu_s < found[1].cpu_s < found[2].cpu_s
    assert found[2].loss < found[0].loss
    assert SPANS.read_marks(tmp_path) == found


def test_the_weights_of_a_mark_are_those_that_it_had(tmp_path: Path) -> None:
    SPANS.train_to_marks(line(), loop(40), tmp_path, [10, 40])
    early, late = line().model, line().model
    SPANS.load_mark(early, tmp_path, 10)
    SPANS.load_mark(late, tmp_path, 40)
    x = torch.tensor([[1.0]])
    assert abs(float(late(x)) - 1) < abs(float(early(x)) - 1)
    assert not any(parameter.requires_grad for parameter in late.parameters())


def test_a_stopped_training_goes_on_from_its_last_mark(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = SPANS.train_to_marks(line(), loop(20), tmp_path / "whole", [10, 20])

    class Stopped(Line):
        def batch(self, step: int) -> dict[str, Tensor]:
            if step == 15:
                raise KeyboardInterrupt
            return super().batch(step)

    with pytest.raises(KeyboardInterrupt):
        SPANS.train_to_marks(Stopped(line().model), loop(20), tmp_path / "parts", [10, 20])
    assert [mark.step for mark in SPANS.read_marks(tmp_path / "parts")] == [10]
    rest = SPANS.train_to_marks(line(), loop(20), tmp_path / "parts", [10, 20])
    assert [mark.loss for mark in rest] == [mark.loss for mark in whole]
    assert rest[1].cpu_s > rest[0].cpu_s


def test_a_step_takes_some_time() -> None:
    assert SPANS.seconds_a_step(line(), loop(40), steps=3) > 0
