"""A run that was stopped, killed or continued is, to the last bit, the run that was not."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
import torch

import unit.training.tiny_runs
from shapewright.training.checkpoint import latest_checkpoint
from unit.training.tiny_runs import KILLED_AT, STEPS, losses_of, train_tiny

TESTS = Path(unit.training.tiny_runs.__file__).parents[2]


Metrics = list[dict[str, float]]
Weights = dict[str, torch.Tensor]


@pytest.fixture(scope="module")
def unbroken(tmp_path_factory: pytest.TempPathFactory) -> tuple[Metrics, Weights]:
    """Metrics and averaged weights of a run in one go."""
    run = tmp_path_factory.mktemp("unbroken")
    weights = train_tiny(run).state_dict()
    return losses_of(run), weights


def same(ours: Weights, theirs: Weights) -> bool:
    return ours.keys() == theirs.keys() and all(torch.equal(ours[name], theirs[name]) for name in ours)


def test_a_run_in_one_go_has_every_step_once(unbroken: tuple[Metrics, Weights]) -> None:
    metrics, _ = unbroken
    assert [line["step"] for line in metrics] == list(range(STEPS))
    assert len({line["loss"] for line in metrics}) == STEPS


@pytest.mark.parametrize("stopped_after", [1, 5])
def test_stopped_and_resumed(tmp_path: Path, unbroken: tuple[Metrics, Weights], stopped_after: int) -> None:
    def stop(done: int, total: int, losses: dict[str, float]) -> None:
        if done == stopped_after:
            os.kill(os.getpid(), signal.SIGTERM)

    handler = signal.getsignal(signal.SIGTERM)
    with pytest.raises(KeyboardInterrupt):
        train_tiny(tmp_path, progress=stop, checkpoint_every_s=1000.0)
    assert signal.getsignal(signal.SIGTERM) is handler
    assert latest_checkpoint(tmp_path) == tmp_path / "checkpoints" / f"step-{stopped_after:07d}"
    average = train_tiny(tmp_path, checkpoint_every_s=1000.0)
    metrics, weights = unbroken
    assert losses_of(tmp_path) == metrics
    assert same(average.state_dict(), weights)


def test_killed_while_it_wrote_a_checkpoint(tmp_path: Path, unbroken: tuple[Metrics, Weights]) -> None:
    paths = os.pathsep.join([str(TESTS), str(TESTS.parent / "src")])
    process = subprocess.run(
        [sys.executable, "-m", "unit.training.tiny_runs", str(tmp_path)],
        env={**os.environ, "PYTHONPATH": paths},
        capture_output=True,
        timeout=300,
        check=False,
    )
    assert process.returncode == -signal.SIGKILL, process.stderr.decode()
    left = sorted(path.name for path in (tmp_path / "checkpoints").iterdir())
    assert left == [f".step-{KILLED_AT:07d}.tmp", f"step-{KILLED_AT - 2:07d}", f"step-{KILLED_AT - 1:07d}"]
    metrics, weights = unbroken
    # a step was done and written down that the last whole checkpoint knows nothing of
    assert losses_of(tmp_path) == metrics[:KILLED_AT]
    with (tmp_path / "metrics.jsonl").open("a") as file:
        file.write('{"step": 6, "loss": 0.')
    average = train_tiny(tmp_path)
    assert losses_of(tmp_path) == metrics
    assert same(average.state_dict(), weights)
    assert not list((tmp_path / "checkpoints").glob(".*"))


@pytest.mark.parametrize("changes", [{"accumulate": 2}, {"activation_checkpointing": True}])
def test_stopped_and_resumed_in_parts_or_recomputed(tmp_path: Path, changes: dict[str, int]) -> None:
    """Average and random state too: the last bit of the weights tells."""
    whole, parts = tmp_path / "whole", tmp_path / "parts"
    weights = train_tiny(whole, steps=4, **changes).state_dict()
    train_tiny(parts, steps=2, **changes)
    torch.rand(1)  # nothing that happens between the two may matter
    average = train_tiny(parts, steps=4, **changes)
    assert losses_of(parts) == losses_of(whole)
    assert same(average.state_dict(), weights)


def test_recomputing_changes_no_bit(tmp_path: Path, unbroken: tuple[Metrics, Weights]) -> None:
    average = train_tiny(tmp_path, activation_checkpointing=True)
    assert losses_of(tmp_path) == unbroken[0]
    assert same(average.state_dict(), unbroken[1])


def test_killed_before_its_first_checkpoint(tmp_path: Path, unbroken: tuple[Metrics, Weights]) -> None:
    (tmp_path / "metrics.jsonl").write_text('{"step": 0, "loss": 7.0}\n{"step": 1, "lo')
    train_tiny(tmp_path)
    assert losses_of(tmp_path) == unbroken[0]


def test_a_finished_run_is_left_as_it_is(tmp_path: Path) -> None:
    first = train_tiny(tmp_path, steps=2)
    metrics = (tmp_path / "metrics.jsonl").read_text()
    again = train_tiny(tmp_path, steps=2)
    assert (tmp_path / "metrics.jsonl").read_text() == metrics
    assert same(again.state_dict(), first.state_dict())


def test_another_seed_is_another_run(tmp_path: Path, unbroken: tuple[Metrics, Weights]) -> None:
    train_tiny(tmp_path, seed=1, steps=2)
    assert losses_of(tmp_path)[0]["loss"] != unbroken[0][0]["loss"]
