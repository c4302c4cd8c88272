"""The loop with a model of one weight: what it does with losses, settings, precision and interruptions."""

import json
import threading
from dataclasses import dataclass, replace
from pathlib import Path

import pytest
import torch
from torch import Tensor, nn

from shapewright.errors import CheckpointError, ConfigError
from shapewright.training.checkpoint import latest_checkpoint
from shapewright.training.loop import LoopConfig, Objective, train

LOOP = LoopConfig(steps=30, batch_size=4, learning_rate=0.3, warmup_steps=3, precision="fp32", ema_decay=0.8)


@dataclass(frozen=True, kw_only=True)
class Recipe:
    model: str = "line"
    loop: LoopConfig = LOOP


class Line:
    """y = 3 x, to be learnt by one weight. `spoil` is a step whose loss is not a number."""

    def __init__(self, *, spoil: int | None = None) -> None:
        self.model = nn.Linear(1, 1, bias=False)
        nn.init.zeros_(self.model.weight)
        self.spoil, self.dtypes, self.draws = spoil, set[torch.dtype](), list[float]()

    def batch(self, step: int) -> tuple[int, Tensor]:
        return step, torch.linspace(-1, 1, 4)[:, None] * (1 + 0.01 * step)

    def losses(
        self, model: nn.Module, batch: tuple[int, Tensor], generator: torch.Generator
    ) -> dict[str, Tensor]:
        step, x = batch
        assert model.training
        self.draws.append(float(torch.rand((), generator=generator)))
        y = model(x)
        self.dtypes.add(y.dtype)
        loss = (y.float() - 3 * x).square().mean()
        return {"loss": loss * (float("nan") if step == self.spoil else 1), "twice": 2 * loss}

    def asset_names(self, batch: tuple[int, Tensor]) -> list[str]:
        return [f"chair-{batch[0]}", "lamp"]


def go(objective: Line, run: Path, loop: LoopConfig = LOOP, **more: object) -> nn.Module:
    settings = replace(Recipe(), loop=loop)
    return train(objective, loop, run, settings=settings, tensorboard=False, **more)


def metrics(run: Path) -> list[dict[str, float]]:
    return [json.loads(line) for line in (run / "metrics.jsonl").read_text().splitlines()]


def test_it_learns_and_returns_the_average(tmp_path: Path) -> None:
    line = Line()
    assert isinstance(line, Objective)
    told: list[tuple[int, int, float]] = []
    average = go(
        line, tmp_path, progress=lambda done, total, values: told.append((done, total, values["loss"]))
    )
    lines = metrics(tmp_path)
    assert lines[-1]["loss"] < 0.3 * lines[0]["loss"]
    assert lines[0].keys() == {"step", "loss", "twice", "gradient_norm", "learning_rate", "seconds"}
    assert lines[0]["learning_rate"] == pytest.approx(0.3 / 3)
    assert told == [(i + 1, 30, line["loss"]) for i, line in enumerate(lines)]
    assert 2 < average.weight.item() < 4
    assert average.weight.item() != line.model.weight.item()
    assert json.loads((tmp_path / "config.json").read_text())["loop"]["learning_rate"] == 0.3
    assert len(set(line.draws)) == 30, "every step has random numbers of its own"


def test_precisions_can_change_within_one_process(tmp_path: Path) -> None:
    dtypes = {"fp32": torch.float32, "bf16": torch.bfloat16}
    for run, (precision, dtype) in enumerate([*dtypes.items(), *dtypes.items()]):
        line = Line()
        go(line, tmp_path / str(run), replace(LOOP, precision=precision))
        assert line.dtypes == {dtype}
        assert line.model.weight.dtype == torch.float32


def test_gradients_are_clipped(tmp_path: Path) -> None:
    plain = replace(LOOP, optimizer="adamw", steps=1, gradient_clip=1e-12)
    line = Line()
    go(line, tmp_path, plain)
    # Adam would make a step of the learning rate of any gradient that is not tiny beside its eps of 1e-8
    assert abs(line.model.weight.item()) < 1e-4
    assert metrics(tmp_path)[0]["gradient_norm"] > 1


def test_a_loss_that_is_not_finite_names_the_assets_and_spares_the_weights(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"loss of step 5 is not finite .*chair-5, lamp"):
        go(Line(spoil=5), tmp_path)
    assert [line["step"] for line in metrics(tmp_path)] == list(range(5))
    found = latest_checkpoint(tmp_path)
    assert found is not None
    assert found.name == "step-0000005"
    mended = Line()
    go(mended, tmp_path)
    assert len(metrics(tmp_path)) == 30
    assert torch.isfinite(mended.model.weight).all()


def test_another_recipe_in_the_same_folder_is_refused(tmp_path: Path) -> None:
    go(Line(), tmp_path, replace(LOOP, steps=2))
    with pytest.raises(CheckpointError, match=r"other settings \(loop\); choose another folder for --out"):
        go(Line(), tmp_path, replace(LOOP, learning_rate=0.2))
    with pytest.raises(CheckpointError, match=r"other settings \(model\)"):
        train(Line(), LOOP, tmp_path, settings=Recipe(model="curve"), tensorboard=False)
    assert json.loads((tmp_path / "config.json").read_text())["model"] == "line"


def test_a_run_may_be_prolonged(tmp_path: Path) -> None:
    go(Line(), tmp_path, replace(LOOP, steps=2))
    go(Line(), tmp_path, replace(LOOP, steps=4))
    assert [line["step"] for line in metrics(tmp_path)] == [0, 1, 2, 3]
    assert json.loads((tmp_path / "config.json").read_text())["loop"]["steps"] == 4


def test_a_folder_with_another_config_json_is_refused(tmp_path: Path) -> None:
    for text in ("editor: vim\n", "[1]\n"):
        (tmp_path / "config.json").write_text(text)
        with pytest.raises(CheckpointError, match=r"config.json' does not hold a run's settings"):
            go(Line(), tmp_path)
        assert (tmp_path / "config.json").read_text() == text


def test_checkpoints_come_with_time(tmp_path: Path) -> None:
    seen: set[str] = set()

    def look(done: int, total: int, losses: dict[str, float]) -> None:
        seen.update(path.name for path in tmp_path.glob("checkpoints/step-*"))

    go(Line(), tmp_path, replace(LOOP, steps=4, checkpoint_every_s=0.0), progress=look)
    assert seen == {"step-0000001", "step-0000002", "step-0000003"}


def test_it_works_where_signals_cannot_be_caught(tmp_path: Path) -> None:
    thread = threading.Thread(target=go, args=(Line(), tmp_path, replace(LOOP, steps=2)))
    thread.start()
    thread.join()
    assert len(metrics(tmp_path)) == 2


def test_processes_that_see_different_checkpoints_do_not_go_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    go(Line(), tmp_path, replace(LOOP, steps=2))
    monkeypatch.setattr("shapewright.training.learner.gathered", lambda seen: [seen, None])
    with pytest.raises(CheckpointError, match="on a disk that all machines share"):
        go(Line(), tmp_path, replace(LOOP, steps=3))


@pytest.mark.parametrize("settings", [{"steps": 0}, {"batch_size": 0}, {"accumulate": 0}])
def test_loops_of_nothing_are_refused(settings: dict[str, int]) -> None:
    with pytest.raises(ConfigError, match=r"must be (positive|at least 1)"):
        replace(LOOP, **settings)


@pytest.mark.parametrize("parts", [2, 4])
def test_accumulated_parts_are_one_large_batch(tmp_path: Path, parts: int) -> None:
    curves: list[list[float]] = []
    for accumulate in (1, parts):
        run = tmp_path / str(accumulate)
        go(Line(), run, replace(LOOP, accumulate=accumulate, optimizer="adamw"))
        curves.append([line["loss"] for line in metrics(run)])
    # the sum over four numbers is made in another order
    assert curves[1] == pytest.approx(curves[0], rel=1e-5)


def test_a_batch_that_cannot_be_cut_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"batch of 4 .* set loop.batch_size to a multiple of 3"):
        go(Line(), tmp_path, replace(LOOP, accumulate=3))


def test_a_run_may_be_gone_on_with_in_another_way(tmp_path: Path) -> None:
    go(Line(), tmp_path, replace(LOOP, steps=2))
    otherwise = {"accumulate": 2, "activation_checkpointing": True, "checkpoint_every_s": 7.0}
    go(Line(), tmp_path, replace(LOOP, steps=3, **otherwise))
    assert [line["step"] for line in metrics(tmp_path)] == [0, 1, 2]
    with pytest.raises(CheckpointError, match=r"other settings \(loop\)"):
        go(Line(), tmp_path, replace(LOOP, batch_size=8))


class Steep(Line):
    """The gradient of its weight is 10.7 times the scale of the loss, in fp16."""

    def losses(
        self, model: nn.Module, batch: tuple[int, Tensor], generator: torch.Generator
    ) -> dict[str, Tensor]:
        y = model(batch[1])
        self.dtypes.add(y.dtype)
        return {"loss": 4 * (y - 3 * batch[1]).abs().sum()}


def test_fp16_finds_the_scale_of_its_losses_and_keeps_it(tmp_path: Path) -> None:
    fp16 = replace(LOOP, steps=4, precision="fp16")
    line = Steep()
    go(line, tmp_path, fp16)
    assert line.dtypes == {torch.float16}
    assert line.model.weight.dtype == torch.float32
    # fp16 ends at 65504: 10.7 times 2**12 still fits
    assert [line["loss_scale"] for line in metrics(tmp_path)] == [2.0**15, 2.0**14, 2.0**13, 2.0**12]
    assert line.model.weight.item() == 0, "steps that overflow are left out"
    go(line, tmp_path, replace(fp16, steps=6))
    after = metrics(tmp_path)[4:]
    assert [line["loss_scale"] for line in after] == [2.0**12] * 2
    assert line.model.weight.item() > 0
    assert after[0]["gradient_norm"] == pytest.approx(10.7 * 1.04, rel=0.01)  # of the loss itself
