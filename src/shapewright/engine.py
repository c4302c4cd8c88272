"""Where independent jobs run: in this process, in several of this machine, or on a Ray cluster.

The function and its jobs are the same everywhere. They go to other processes, so both must be picklable: a
function of a module, and values. Jobs write their results to files that the caller can read; on a cluster of
several machines that is storage which all of them share.
"""

from __future__ import annotations

import os
import socket
import threading
import time
from collections.abc import Callable, Generator, Iterable, Iterator
from concurrent.futures import ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from multiprocessing import get_context
from typing import Any, Protocol, TypeVar, runtime_checkable

from shapewright.errors import ConfigError, EngineError

__all__ = ["Engine", "InProcess", "open_engine", "processes", "ray_cluster"]

JobT = TypeVar("JobT")
ResultT = TypeVar("ResultT")

# Libraries that start threads of their own would make the processes fight for cores.
_THREAD_COUNTS = ("OMP_NUM_THREADS", "IGL_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")
# A job whose machine or process is lost is done again, so many times.
_RETRIES = 3
_PATIENCE_S = 10.0


@runtime_checkable
class Engine(Protocol):
    """Does jobs."""

    def finished(
        self, function: Callable[[JobT], ResultT], jobs: Iterable[JobT]
    ) -> Iterator[tuple[int, ResultT]]:
        """(number of the job, its result), in the order in which they finish.

        Raises: whatever a job raises; EngineError if workers are lost for good.
        """
        ...


class InProcess:
    """One job after the other, here."""

    def finished(
        self, function: Callable[[JobT], ResultT], jobs: Iterable[JobT]
    ) -> Iterator[tuple[int, ResultT]]:
        for number, job in enumerate(jobs):
            yield number, function(job)


@contextmanager
def open_engine(
    name: str, *, workers: int = 1, address: str | None = None, gpus: int = 0
) -> Generator[Engine]:
    """The engine `local` (one worker: this process; more: processes of their own) or `ray`.

    address: of a running Ray cluster; without it Ray starts here, with `workers` CPUs. gpus: that a job needs
    on a cluster.
    Raises: ConfigError for an unknown name, fewer than one worker, or an address without Ray; EngineError.
    """
    if workers < 1:
        raise ConfigError(f"workers must be at least 1, got {workers}.")
    if name == "ray":
        with ray_cluster(address, workers=workers, gpus=gpus) as engine:
            yield engine
    elif name != "local":
        raise ConfigError(f"There is no engine '{name}'; known are local and ray.")
    elif address is not None:
        raise ConfigError("--address is where a Ray cluster is: add --engine ray.")
    elif workers == 1:
        yield InProcess()
    else:
        with processes(workers) as engine:
            yield engine


class Processes:
    """Jobs in a pool of processes."""

    def __init__(self, pool: ProcessPoolExecutor) -> None:
        self._pool = pool

    def finished(
        self, function: Callable[[JobT], ResultT], jobs: Iterable[JobT]
    ) -> Iterator[tuple[int, ResultT]]:
        numbers = {self._pool.submit(function, job): number for number, job in enumerate(jobs)}
        try:
            for future in as_completed(numbers):
                yield numbers[future], future.result()
        except BrokenProcessPool:
            raise EngineError(
                "a worker process died, perhaps for want of memory; run the same command again, with fewer "
                "workers: what is finished is kept."
            ) from None


@contextmanager
def processes(workers: int) -> Generator[Engine]:
    """Fresh processes of one thread each; the environment is restored."""
    before = {key: os.environ.get(key) for key in _THREAD_COUNTS}
    os.environ.update(dict.fromkeys(before, "1"))
    pool = ProcessPoolExecutor(workers, mp_context=get_context("spawn"), initializer=_end_with_parent)
    try:
        yield Processes(pool)
    finally:
        pool.shutdown(cancel_futures=True)
        for key, value in before.items():
            if value is None:
                del os.environ[key]
            else:
                os.environ[key] = value


def _end_with_parent() -> None:
    """Workers of a killed parent would wait for work for ever: look after it from a thread."""
    parent = os.getppid()

    def watch() -> None:
        while os.getppid() == parent:
            time.sleep(1.0)
        os._exit(1)

    threading.Thread(target=watch, daemon=True).start()


class RayCluster:
    """Jobs as tasks of one CPU (and `gpus`) each on a Ray cluster; those of a lost worker are done again."""

    def __init__(self, ray: Any, gpus: int) -> None:
        self._ray, self._gpus = ray, gpus

    def finished(
        self, function: Callable[[JobT], ResultT], jobs: Iterable[JobT]
    ) -> Iterator[tuple[int, ResultT]]:
        ray = self._ray
        one_thread = {"env_vars": dict.fromkeys(_THREAD_COUNTS, "1")}
        task = ray.remote(num_cpus=1, num_gpus=self._gpus, max_retries=_RETRIES, runtime_env=one_thread)(
            _call
        )
        kept = ray.put(function)
        numbers = {task.remote(kept, job): number for number, job in enumerate(jobs)}
        waiting = list(numbers)
        try:
            while waiting:
                ready, waiting = ray.wait(waiting)
                for reference in ready:
                    yield numbers.pop(reference), ray.get(reference)
        except ray.exceptions.RayTaskError as error:
            raise error.cause from None
        except ray.exceptions.RayError as error:
            reason = str(error).partition("\n")[0]
            raise EngineError(
                f"the Ray cluster lost a job {_RETRIES + 1} times ({reason}); run the same command "
                "again when it is well: what is finished is kept."
            ) from None
        finally:
            for reference in waiting:
                ray.cancel(reference, force=True)


def _call(function: Callable[[JobT], ResultT], job: JobT) -> ResultT:
    return function(job)


@contextmanager
def ray_cluster(address: str | None, *, workers: int = 1, gpus: int = 0) -> Generator[Engine]:
    """The cluster at `address`, or one of this machine alone, with `workers` CPUs, for as long as needed.

    Raises: EngineError if Ray is not installed or no cluster answers at `address`.
    """
    try:
        import ray
    except ImportError:
        raise EngineError("The engine 'ray' needs Ray: pip install 'shapewright[ray]'.") from None
    if address not in (None, "auto"):
        _check_answers(address)
    local: dict[str, Any] = {} if address else {"num_cpus": workers, "include_dashboard": False}
    try:
        ray.init(address=address or "local", configure_logging=False, log_to_driver=False, **local)
    except (ConnectionError, RuntimeError, ValueError) as error:
        reason = str(error).partition("\n")[0].rstrip(".")
        raise EngineError(f"No Ray cluster could be reached at '{address}' ({reason}).") from None
    try:
        yield RayCluster(ray, gpus)
    finally:
        ray.shutdown()


def _check_answers(address: str) -> None:
    """Ray itself asks a silent address for many minutes. Raises: EngineError."""
    host, _, port = address.rpartition(":")
    try:
        socket.create_connection((host, int(port)), timeout=_PATIENCE_S).close()
    except (OSError, ValueError) as error:
        raise EngineError(
            f"No Ray cluster could be reached at '{address}' ({error}); expected HOST:PORT of its head."
        ) from None
