"""Engines do the same jobs, wherever; jobs of lost workers are done again."""

import os
import signal
import sys
from functools import partial
from pathlib import Path

import pytest

from ray_machines import TwoMachines
from shapewright.engine import InProcess, open_engine, ray_cluster
from shapewright.errors import ConfigError, EngineError, PromptError

pytestmark = pytest.mark.xdist_group("ray")  # one cluster at a time


def square(number: int) -> int:
    return number * number


def refuse(number: int) -> int:
    raise PromptError(f"{number} is no prompt.")


def die(number: int, folder: Path, times: int) -> int:
    """Kill the process that does this, the first `times` times."""
    died = len(list(folder.glob(f"{number}-*")))
    if died < times:
        (folder / f"{number}-{died}").touch()
        os.kill(os.getpid(), signal.SIGKILL)
    return number


def test_one_worker_works_here() -> None:
    with open_engine("local") as engine:
        assert isinstance(engine, InProcess)
        assert list(engine.finished(square, range(4))) == [(0, 0), (1, 1), (2, 4), (3, 9)]


def test_processes_give_the_same_and_the_environment_is_restored(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OMP_NUM_THREADS", "7")
    with open_engine("local", workers=2) as engine:
        assert os.environ["OMP_NUM_THREADS"] == "1"
        assert dict(engine.finished(square, range(4))) == {0: 0, 1: 1, 2: 4, 3: 9}
        with pytest.raises(PromptError, match="3 is no prompt"):
            list(engine.finished(refuse, [3]))
    assert os.environ["OMP_NUM_THREADS"] == "7"


def test_a_dead_process_is_told_in_one_sentence(tmp_path: Path) -> None:
    with (
        pytest.raises(EngineError, match="a worker process died"),
        open_engine("local", workers=2) as engine,
    ):
        list(engine.finished(partial(die, folder=tmp_path, times=1), [1]))


def test_a_cluster_gives_the_same_and_does_lost_jobs_again(two_machines: TwoMachines, tmp_path: Path) -> None:
    with ray_cluster(two_machines.address) as engine:
        assert dict(engine.finished(square, range(5))) == {0: 0, 1: 1, 2: 4, 3: 9, 4: 16}
        with pytest.raises(PromptError, match=r"^3 is no prompt\.$"):
            list(engine.finished(refuse, [3]))
        assert dict(engine.finished(partial(die, folder=tmp_path, times=2), [1, 2])) == {0: 1, 1: 2}


@pytest.mark.parametrize(
    ("name", "workers", "address", "message"),
    [
        ("spark", 1, None, "no engine 'spark'"),
        ("local", 0, None, "at least 1"),
        ("local", 1, "here:1", "add --engine ray"),
    ],
)
def test_what_cannot_be(name: str, workers: int, address: str | None, message: str) -> None:
    with pytest.raises(ConfigError, match=message), open_engine(name, workers=workers, address=address):
        pass


def test_a_cluster_that_is_not_there() -> None:
    with pytest.raises(EngineError, match="No Ray cluster"), open_engine("ray", address="127.0.0.1:1"):
        pass


def test_ray_that_is_not_installed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "ray", None)
    with pytest.raises(EngineError, match="pip install"), open_engine("ray"):
        pass
