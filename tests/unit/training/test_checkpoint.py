"""Checkpoints come back to the last bit, and half-written or damaged ones are not trusted."""

from collections.abc import Iterator
from pathlib import Path

import pytest
import torch
from torch import nn

from shapewright.errors import CheckpointError
from shapewright.training import checkpoint
from shapewright.training.checkpoint import latest_checkpoint, load_checkpoint, save_checkpoint
from shapewright.training.ema import ExponentialMovingAverage
from shapewright.training.muon import MuonAdamW


class State:
    """A model with a table, its average, and an optimiser that uses all three rules."""

    def __init__(self, seed: int) -> None:
        torch.manual_seed(seed)
        self.model = nn.ParameterDict(
            {"hidden": torch.randn(4, 4), "bias": torch.randn(4), "table": torch.randn(3, 4)}
        )
        self.ema = ExponentialMovingAverage(self.model, 0.9)
        rules = {"hidden": "muon", "bias": "adamw", "table": "rows"}
        groups = [
            {"params": [self.model[name]], "rule": rule, "momentum": 0.9} for name, rule in rules.items()
        ]
        self.optimizer = MuonAdamW(groups, lr=0.01, fused=True)

    def step(self, number: int) -> None:
        generator = torch.Generator().manual_seed(number)
        for parameter in self.model.values():
            parameter.grad = torch.randn(parameter.shape, generator=generator)
        self.model["table"].grad[number % 3] = 0
        self.optimizer.step()
        self.ema.update(self.model, number)

    def save(self, run: Path, step: int) -> Path:
        return save_checkpoint(run, step, model=self.model, ema=self.ema, optimizer=self.optimizer)

    def load(self, folder: Path) -> int:
        return load_checkpoint(folder, model=self.model, ema=self.ema, optimizer=self.optimizer)

    def everything(self) -> dict[str, torch.Tensor]:
        flat = checkpoint.flatten_optimizer(self.optimizer)
        states = {"model": self.model.state_dict(), "ema": self.ema.state_dict(), "optimizer": flat}
        return {f"{part}.{name}": t for part, state in states.items() for name, t in state.items()}


@pytest.fixture(autouse=True)
def _random_state() -> Iterator[None]:
    with torch.random.fork_rng():
        yield


def test_everything_comes_back_and_goes_on_alike(tmp_path: Path) -> None:
    state, other = State(0), State(1)
    for number in range(3):
        state.step(number)
    torch.manual_seed(5)
    folder = state.save(tmp_path, 3)
    drawn = torch.rand(3)
    assert latest_checkpoint(tmp_path) == folder
    assert other.load(folder) == 3
    assert torch.equal(torch.rand(3), drawn)
    for number in (3, 4):
        state.step(number)
        other.step(number)
    ours, theirs = state.everything(), other.everything()
    assert ours.keys() == theirs.keys()
    assert all(torch.equal(ours[name], theirs[name]) for name in ours)


def test_a_new_optimizer_can_be_kept_too(tmp_path: Path) -> None:
    assert State(0).load(State(0).save(tmp_path, 0)) == 0


def test_the_newest_are_kept(tmp_path: Path) -> None:
    state = State(0)
    for step in (5, 10, 100, 10_000_000):
        state.save(tmp_path, step)
    kept = sorted(path.name for path in (tmp_path / "checkpoints").iterdir())
    assert kept == ["step-0000100", "step-10000000"]
    assert latest_checkpoint(tmp_path) == tmp_path / "checkpoints" / "step-10000000"


def test_the_same_step_can_be_saved_again(tmp_path: Path) -> None:
    state = State(0)
    state.save(tmp_path, 1)
    state.step(0)
    folder = state.save(tmp_path, 1)
    other = State(1)
    other.load(folder)
    assert torch.equal(other.model["bias"], state.model["bias"])


def test_what_was_torn_while_it_was_written_does_not_count(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    state = State(0)
    whole = state.save(tmp_path, 1)

    def full_disk(tensors: dict[str, torch.Tensor], path: Path) -> None:
        path.write_bytes(b"half")
        raise OSError("no space left")

    with monkeypatch.context() as patch:
        patch.setattr(checkpoint, "save_file", full_disk)
        with pytest.raises(OSError, match="no space left"):
            state.save(tmp_path, 2)
    assert len(list((tmp_path / "checkpoints").iterdir())) == 2
    assert latest_checkpoint(tmp_path) == whole
    last = state.save(tmp_path, 3)  # clears up
    assert set((tmp_path / "checkpoints").iterdir()) == {whole, last}


def test_no_checkpoint(tmp_path: Path) -> None:
    assert latest_checkpoint(tmp_path) is None


@pytest.mark.parametrize("name", ["model", "ema", "optimizer"])
@pytest.mark.parametrize("damage", ["missing", "cut", "garbage"])
def test_damaged_files_are_told_with_what_to_do(tmp_path: Path, name: str, damage: str) -> None:
    state = State(0)
    state.step(0)
    folder = state.save(tmp_path, 1)
    file = folder / f"{name}.safetensors"
    if damage == "missing":
        file.unlink()
    else:
        file.write_bytes(file.read_bytes()[:-9] if damage == "cut" else b"garbage")
    with pytest.raises(CheckpointError, match=r"cannot be resumed .* go on from an older one"):
        state.load(folder)


def test_a_damaged_state_and_another_model_are_refused(tmp_path: Path) -> None:
    state = State(0)
    folder = state.save(tmp_path, 1)
    state.model["more"] = torch.zeros(1)
    with pytest.raises(CheckpointError, match="cannot be resumed"):
        state.load(folder)
    (folder / "state.json").write_text('{"step": 1')
    with pytest.raises(CheckpointError, match="cannot be resumed"):
        State(0).load(folder)
