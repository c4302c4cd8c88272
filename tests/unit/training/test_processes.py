"""Two processes train as one does; sharded or not, their checkpoints are the same kind."""

import json
import os
import socket
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from torch import nn

import unit.training.two_processes as two
from shapewright.training.checkpoint import latest_checkpoint
from shapewright.training.processes import accelerator, gathered, leave, main_first, on_main
from unit.training.tiny_runs import losses_of

pytestmark = pytest.mark.xdist_group("two processes")  # started once, for all of these tests

TESTS = Path(two.__file__).parents[2]
# Sums over a batch are made in another order, rounded at 6e-8. Muon's products in bf16 turn a difference
# in the last bit into one of 4e-3 of an update now and then: up to 1.4e-5 of the loss was measured. Random
# numbers or data of a process's own give 1e-2 and more from the first step on.
SAME = 1e-4


def start(root: Path, rank: int, port: int) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        [sys.executable, "-m", "unit.training.two_processes", str(root)],
        env={
            **os.environ,
            "PYTHONPATH": os.pathsep.join([str(TESTS), str(TESTS.parent / "src")]),
            "OMP_NUM_THREADS": "1",
            "ACCELERATE_USE_CPU": "true",
            "MASTER_ADDR": "127.0.0.1",
            "MASTER_PORT": str(port),
            "RANK": str(rank),
            "LOCAL_RANK": str(rank),
            "WORLD_SIZE": "2",
            "LOCAL_WORLD_SIZE": "2",
        },
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
    )


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What two processes left, having done all cases."""
    folder = tmp_path_factory.mktemp("two")
    two.encoder(folder / "begun alone", steps=two.HALF)
    port = free_port()
    processes = [start(folder, rank, port) for rank in range(2)]
    try:
        for process in processes:
            output, _ = process.communicate(timeout=300)
            assert process.returncode == 0, output.decode()
    finally:
        for process in processes:
            process.kill()
    return folder


@pytest.fixture(scope="module")
def alone(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    """The same runs by one process."""
    folder = tmp_path_factory.mktemp("one")
    runs: dict[str, Callable[[Path], nn.Module]] = {
        "encoder": two.encoder,
        "prior": two.prior,
        "table": two.table,
        "plain": two.plain,
    }

    def run(name: str) -> Path:
        if not (folder / name).exists():
            runs[name](folder / name)
        return folder / name

    return run


def curve(run: Path, name: str = "loss") -> list[float]:
    lines = losses_of(run)
    assert [line["step"] for line in lines] == list(range(two.STEPS))
    return [line[name] for line in lines]


@pytest.mark.parametrize(
    ("case", "same_as"),
    [
        ("encoder", "encoder"),
        ("encoder sharded", "encoder"),
        ("encoder accumulated", "encoder"),
        ("prior", "prior"),
        ("prior sharded", "prior"),
        ("table", "table"),
        ("table sharded", "table"),
        ("plain", "plain"),
        ("sharded then not", "encoder"),
        ("not then sharded", "encoder"),
        ("begun alone", "encoder"),
    ],
)
def test_the_loss_curve_is_that_of_one_process(
    root: Path, alone: Callable[[str], Path], case: str, same_as: str
) -> None:
    assert curve(root / case) == pytest.approx(curve(alone(same_as)), rel=SAME)
    norms = curve(root / case, "gradient_norm")
    assert norms == pytest.approx(curve(alone(same_as), "gradient_norm"), rel=10 * SAME)


@pytest.mark.parametrize("case", two.CASES)
def test_every_process_has_the_same_average_in_the_end(root: Path, case: str) -> None:
    first, second = (json.loads((root / f"{case} {rank}.json").read_text()) for rank in range(2))
    assert first == second
    assert len(first) > 3


@pytest.mark.parametrize("case", ["encoder sharded", "table sharded"])
def test_a_sharded_checkpoint_is_gone_on_with_by_one_process(root: Path, case: str, tmp_path: Path) -> None:
    run = two.encoder if case.startswith("encoder") else two.table
    found = latest_checkpoint(root / case)
    assert found is not None
    begun = tmp_path / "run" / "checkpoints"
    begun.mkdir(parents=True)
    (begun / found.name).symlink_to(found)
    average = run(begun.parent)  # all steps are done: what comes back is what was saved
    sums = {name: float(value.double().sum()) for name, value in average.state_dict().items()}
    assert sums == json.loads((root / f"{case} 0.json").read_text())
    run(begun.parent, steps=two.STEPS + 1)
    assert [line["step"] for line in losses_of(begun.parent)] == [two.STEPS]


def test_one_process_that_is_told_to_stop_stops_both(root: Path) -> None:
    run = root / "interrupted"
    assert (run / "stopped-0").exists()
    assert (run / "stopped-1").exists()
    assert latest_checkpoint(run) == run / "checkpoints" / "step-0000002"
    assert [line["step"] for line in losses_of(run)] == [0, 1]


def test_a_loss_that_is_not_finite_in_one_process_ends_both(root: Path) -> None:
    run = root / "spoilt"
    told = [(run / f"error-{rank}").read_text() for rank in range(2)]
    assert told[0] == told[1]
    assert "loss of step 2 is not finite" in told[0]
    assert told[0].endswith("its assets were: 2-2, 2-3.")
    assert latest_checkpoint(run) == run / "checkpoints" / "step-0000002"


def test_without_a_launcher_everything_is_plain() -> None:
    done: list[str] = []
    assert accelerator().num_processes == 1
    assert gathered({"loss": 1.0}) == [{"loss": 1.0}]
    on_main(done.append, "on main")
    with main_first():
        done.append("first")
    leave()
    assert done == ["on main", "first"]
