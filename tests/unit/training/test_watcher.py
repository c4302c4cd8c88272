"""Looks at a run: when they happen, what they leave, when they end it, and that they change nothing."""

import json
import math
import os
import signal
import socket
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from PIL import Image
from safetensors.torch import load_file
from torch import nn

import unit.training.watched_runs
from shapewright.errors import CheckpointError, ConfigError
from shapewright.training.checkpoint import latest_checkpoint
from shapewright.training.loop import Progress
from shapewright.training.watcher import Judge
from unit.training.tiny_runs import losses_of
from unit.training.watched_runs import WATCHED, ScriptedJudge, TrueJudge, validations, watched

TESTS = Path(unit.training.watched_runs.__file__).parents[2]


def same(ours: nn.Module, theirs: nn.Module) -> bool:
    pairs = zip(ours.state_dict().values(), theirs.state_dict().values(), strict=True)
    return all(torch.equal(one, other) for one, other in pairs)


def stop_after(step: int) -> Progress:
    """Sends the process what Ctrl-C does."""

    def stop(done: int, total: int, losses: dict[str, float]) -> None:
        if done == step:
            os.kill(os.getpid(), signal.SIGINT)

    return stop


def test_validations_are_lines_of_their_own(tmp_path: Path) -> None:
    assert isinstance(TrueJudge(), Judge)
    watched(tmp_path, TrueJudge(), validate_every=5)
    lines = validations(tmp_path)
    assert [line["step"] for line in lines] == [5, 10, 12], "every five steps and at the end"
    assert lines[0].keys() == {"step", "loss", "five"}
    assert lines[-1]["loss"] < lines[0]["loss"]
    assert [line["step"] for line in losses_of(tmp_path)] == list(range(12))
    assert not (tmp_path / "pictures").exists()


def test_looking_changes_nothing(tmp_path: Path) -> None:
    torch.manual_seed(3)
    blind = watched(tmp_path / "blind", None, validate_every=0)
    after = torch.rand(1)
    torch.manual_seed(3)
    seen = watched(tmp_path / "seen", TrueJudge(), validate_every=1, pictures_every=1)
    assert torch.equal(torch.rand(1), after)
    assert losses_of(tmp_path / "seen") == losses_of(tmp_path / "blind")
    assert same(seen, blind)
    assert not (tmp_path / "blind" / "validation.jsonl").exists()


def test_pictures_are_drawn(tmp_path: Path) -> None:
    watched(tmp_path, TrueJudge(), validate_every=0, pictures_every=5)
    files = sorted(path.name for path in (tmp_path / "pictures").iterdir())
    assert files == ["step-0000005.png", "step-0000010.png", "step-0000012.png"]
    with Image.open(tmp_path / "pictures" / files[0]) as picture:
        assert picture.size > (128, 128)


def test_patience_ends_the_run_with_the_best_model(tmp_path: Path) -> None:
    judge = ScriptedJudge(5.0, 3.0, math.nan, 4.0, 3.0)
    model = watched(tmp_path, judge, patience=3)
    assert [line["step"] for line in losses_of(tmp_path)] == list(range(10)), "a loss as small is no gain"
    assert float(model.weight) == judge.weights[1] != judge.weights[-1]
    assert latest_checkpoint(tmp_path) == tmp_path / "checkpoints" / "step-0000010"
    average = load_file(tmp_path / "checkpoints" / "step-0000010" / "ema.safetensors")
    assert float(average["weight"]) == judge.weights[-1], "the run itself goes on from where it was"
    again = watched(tmp_path, ScriptedJudge(), patience=3)
    assert float(again.weight) == judge.weights[1], "the same command says the same"
    assert len(losses_of(tmp_path)) == 10


def test_more_patience_goes_on(tmp_path: Path) -> None:
    watched(tmp_path, ScriptedJudge(5.0, 6.0), patience=1)
    judge = ScriptedJudge(4.0, 7.0, 8.0, 9.0)
    model = watched(tmp_path, judge, patience=5)
    assert len(losses_of(tmp_path)) == WATCHED.steps
    assert float(model.weight) == judge.weights[0]


def test_without_patience_the_last_model_is_the_result(tmp_path: Path) -> None:
    judge = ScriptedJudge(1.0, 2.0, 3.0, 4.0, 5.0, 6.0)
    assert float(watched(tmp_path, judge).weight) == judge.weights[-1]


@pytest.mark.parametrize("stopped_after", [1, 5, 8])
def test_a_stopped_run_goes_on_to_the_same_end(tmp_path: Path, stopped_after: int) -> None:
    """Counting from its validations, patience runs out in the step in which it did in one go."""
    script = (5.0, 3.0, 4.0, 3.5, 6.0)
    whole = watched(tmp_path / "whole", ScriptedJudge(*script), patience=3)
    run = tmp_path / "stopped"
    judge = ScriptedJudge(*script)
    with pytest.raises(KeyboardInterrupt):
        watched(run, judge, patience=3, progress=stop_after(stopped_after))
    assert same(watched(run, judge, patience=3), whole)
    assert validations(run) == validations(tmp_path / "whole")
    assert losses_of(run) == losses_of(tmp_path / "whole")


def test_what_a_killed_run_saw_after_its_last_checkpoint_is_seen_again(tmp_path: Path) -> None:
    whole = watched(tmp_path / "whole", ScriptedJudge(5.0, 4.0, 3.0, 6.0, 7.0), patience=2)
    run = tmp_path / "killed"
    with pytest.raises(KeyboardInterrupt):
        watched(run, ScriptedJudge(5.0, 4.0), patience=2, progress=stop_after(4))
    # two validations and a better model after the checkpoint, as a killed process would leave them
    best = run / "best" / "step-0000006.safetensors"
    best.write_bytes((run / "best" / "step-0000004.safetensors").read_bytes())
    with (run / "validation.jsonl").open("a") as file:
        file.write('{"step": 6, "loss": 0.5}\n{"step": 8, "lo')
    resumed = watched(run, ScriptedJudge(3.0, 6.0, 7.0), patience=2)
    assert same(resumed, whole)
    assert validations(run) == validations(tmp_path / "whole")


def test_a_look_that_failed_is_made_up_for(tmp_path: Path) -> None:
    class Failing(TrueJudge):
        def validate(self, model: nn.Module) -> dict[str, float]:
            raise OSError("no space left")

    with pytest.raises(OSError, match="no space left"):
        watched(tmp_path, Failing(), validate_every=4)
    assert latest_checkpoint(tmp_path) == tmp_path / "checkpoints" / "step-0000004"
    watched(tmp_path, TrueJudge(), validate_every=4)
    assert [line["step"] for line in validations(tmp_path)] == [4, 8, 12]


def test_a_lost_best_model_is_told(tmp_path: Path) -> None:
    watched(tmp_path, ScriptedJudge(1.0, 2.0), patience=1)
    (tmp_path / "best" / "step-0000002.safetensors").write_bytes(b"half")
    with pytest.raises(CheckpointError, match=r"best model of the run, .* cannot be read"):
        watched(tmp_path, ScriptedJudge(), patience=1)


def test_looks_without_a_judge_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="no held-out measure"):
        watched(tmp_path, None)


@pytest.mark.parametrize(
    ("settings", "message"),
    [({"validate_every": -1}, "at least 0"), ({"validate_every": 0, "patience": 2}, "counts validations")],
)
def test_impossible_settings_are_refused(settings: dict[str, int], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        watched(Path("nowhere"), TrueJudge(), **settings)


@pytest.mark.slow  # two processes import torch
def test_two_processes_stop_together_with_the_same_model(tmp_path: Path) -> None:
    """The first one judges; sharded models are put together for it."""
    judge = ScriptedJudge(5.0, 3.0, 4.0, 6.0)
    alone = watched(tmp_path / "alone", judge, patience=2)
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    common = {
        **os.environ,
        "PYTHONPATH": os.pathsep.join([str(TESTS), str(TESTS.parent / "src")]),
        "OMP_NUM_THREADS": "1",
        "ACCELERATE_USE_CPU": "true",
        "MASTER_ADDR": "127.0.0.1",
        "MASTER_PORT": str(port),
        "WORLD_SIZE": "2",
        "LOCAL_WORLD_SIZE": "2",
    }
    command = [sys.executable, "-m", "unit.training.watched_runs", str(tmp_path)]
    processes = [
        subprocess.Popen(
            command,
            env={**common, "RANK": str(rank), "LOCAL_RANK": str(rank)},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
        )
        for rank in range(2)
    ]
    try:
        for process in processes:
            output, _ = process.communicate(timeout=300)
            assert process.returncode == 0, output.decode()
    finally:
        for process in processes:
            process.kill()
    for name in ("plain", "sharded"):
        told = [json.loads((tmp_path / f"{name}-{rank}.json").read_text()) for rank in range(2)]
        assert told[0] == told[1]
        # sums over the batch in another order, rounded at 6e-8 of values near 1
        assert told[0] == pytest.approx({"weight": float(alone.weight), "bias": float(alone.bias)}, abs=1e-5)
        assert validations(tmp_path / name) == validations(tmp_path / "alone")
        assert len(losses_of(tmp_path / name)) == 8
