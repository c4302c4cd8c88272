"""Which validation was best, how long ago, and which models must still be there."""

import math
from pathlib import Path

import pytest
import torch
from torch import nn

from shapewright.training.early_stopping import (
    BestModels,
    Judgement,
    best_step,
    read_judgements,
    restore_best,
    validations_without_gain,
)


def judged(*losses: float) -> list[Judgement]:
    return [Judgement(step=10 * (i + 1), loss=loss) for i, loss in enumerate(losses)]


@pytest.mark.parametrize(
    ("losses", "best", "waited"),
    [
        ((), None, 0),
        ((3.0,), 10, 0),
        ((3.0, 2.0, 2.0), 20, 1),
        ((3.0, math.nan, 4.0), 10, 2),
        ((math.nan, 1.0), 20, 0),
        ((math.nan, math.nan), None, 2),
        ((math.inf, 5.0, math.inf), 20, 1),
    ],
)
def test_the_best_and_the_wait(losses: tuple[float, ...], best: int | None, waited: int) -> None:
    assert best_step(judged(*losses)) == best
    assert validations_without_gain(judged(*losses)) == waited


def test_judgements_come_back_from_the_file(tmp_path: Path) -> None:
    assert read_judgements(tmp_path) == []
    (tmp_path / "validation.jsonl").write_text('{"step": 10, "loss": 3.0, "iou": 0.1}\n{"step": 20, "lo')
    assert read_judgements(tmp_path) == judged(3.0)


def line(weight: float) -> nn.Linear:
    model = nn.Linear(1, 1, bias=False)
    nn.init.constant_(model.weight, weight)
    return model


def test_the_best_as_of_every_checkpoint_is_kept(tmp_path: Path) -> None:
    best = BestModels(tmp_path, 0)
    for step in (10, 20, 40, 60):
        if step == 60:  # resuming from either of these must find what was best then
            for checkpoint in (35, 50):
                (tmp_path / "checkpoints" / f"step-{checkpoint:07d}").mkdir(parents=True)
        best.keep(step, line(step))
        if step == 20:
            assert list(best.kept()) == [20], "no checkpoint asks for the first"
            best.keep(30, line(30))
    assert list(best.kept()) == [40, 60]
    model = restore_best(tmp_path, 40, line(0.0))
    assert model.weight.item() == 40
    assert restore_best(tmp_path, None, line(7.0)).weight.item() == 7


def test_models_of_steps_that_will_come_again_are_removed(tmp_path: Path) -> None:
    best = BestModels(tmp_path, 0)
    (tmp_path / "checkpoints" / "step-0000015").mkdir(parents=True)
    for step in (10, 20):
        best.keep(step, line(step))
    assert list(BestModels(tmp_path, 15).kept()) == [10]


def test_a_failed_write_leaves_the_best_before(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    best = BestModels(tmp_path, 0)
    best.keep(10, line(10))

    def full(tensors: dict[str, torch.Tensor], path: Path) -> None:
        path.write_bytes(b"half")
        raise RuntimeError("torn")

    monkeypatch.setattr("shapewright.training.early_stopping.save_file", full)
    with pytest.raises(RuntimeError, match="torn"):
        best.keep(20, line(20))
    assert [path.name for path in (tmp_path / "best").iterdir()] == ["step-0000010.safetensors"]
