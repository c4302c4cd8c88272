"""What a run writes down: lines of JSON, TensorBoard and, where asked for, Weights & Biases.

RUN/metrics.jsonl has one line per optimisation step, RUN/validation.jsonl one per validation. Every curve,
also those of throughput and memory, and every picture goes to the boards.
"""

import importlib
import json
import uuid
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from shapewright.errors import ConfigError
from shapewright.training.pace import Pace, memory_in_use

__all__ = ["Tracker", "check_wandb", "read_lines"]

STEPS_BETWEEN_POINTS = 10


class Board(Protocol):
    """Where curves and pictures are looked at."""

    def curves(self, step: int, values: dict[str, float]) -> None: ...

    def picture(self, step: int, name: str, image: np.ndarray) -> None: ...

    def close(self) -> None: ...


class Tracker:
    """Appends to the files and boards of a run; what is there of `first_step` and later is dropped.

    batch_size: assets of a step, for the throughput.
    Raises: ConfigError if `wandb` is asked for and not installed.
    """

    def __init__(
        self,
        run: Path,
        first_step: int,
        *,
        batch_size: int = 1,
        tensorboard: bool = True,
        wandb: bool = False,
    ) -> None:
        self.path, self.validation_path = run / "metrics.jsonl", run / "validation.jsonl"
        drop_lines_from(self.path, first_step)
        # a validation is numbered by the steps before it, and one after `first_step` steps is kept
        drop_lines_from(self.validation_path, first_step + 1)
        self.boards: list[Board] = []
        if wandb:
            self.boards.append(Wandb(run))
        if tensorboard:
            self.boards.append(TensorBoard(run, first_step))
        self._file = self.path.open("a", encoding="utf-8")
        self.pace, self.batch_size = Pace(), batch_size

    def log(self, step: int, values: dict[str, float]) -> None:
        """Write one line with `step` and the values."""
        self._file.write(json.dumps({"step": step, **values}) + "\n")
        self._file.flush()
        self.pace.count(self.batch_size)
        if self.boards and step % STEPS_BETWEEN_POINTS == 0:
            speed = {"assets_per_second": self.pace.lap()}
            self.curves(step, {**values, **speed, **memory_in_use()})

    def validation(self, step: int, values: dict[str, float]) -> None:
        """Write one line of what was measured after `step` steps."""
        with self.validation_path.open("a", encoding="utf-8") as file:
            file.write(json.dumps({"step": step, **values}) + "\n")
        self.curves(step, {f"validation/{name}": value for name, value in values.items()})

    def curves(self, step: int, values: dict[str, float]) -> None:
        """One more point of each curve, on the boards."""
        for board in self.boards:
            board.curves(step, values)

    def picture(self, step: int, name: str, image: np.ndarray) -> None:
        """Show an (H, W, 3) uint8 picture on the boards."""
        for board in self.boards:
            board.picture(step, name, image)

    def close(self) -> None:
        self._file.close()
        for board in self.boards:
            board.close()


class TensorBoard:
    """RUN/tensorboard."""

    def __init__(self, run: Path, first_step: int) -> None:
        from torch.utils.tensorboard import SummaryWriter

        self._writer: Any = SummaryWriter(str(run / "tensorboard"), purge_step=first_step)

    def curves(self, step: int, values: dict[str, float]) -> None:
        for name, value in values.items():
            self._writer.add_scalar(name, value, step)

    def picture(self, step: int, name: str, image: np.ndarray) -> None:
        self._writer.add_image(name, image, step, dataformats="HWC")

    def close(self) -> None:
        self._writer.close()


class Wandb:
    """Weights & Biases; RUN/wandb-id.txt names the run there, so that a resumed one goes on in it.

    Steps that a killed run did and does again are not shown twice: the service takes no earlier step.
    """

    def __init__(self, run: Path) -> None:
        check_wandb()
        self._wandb: Any = importlib.import_module("wandb")
        mark, settings = run / "wandb-id.txt", run / "config.json"
        if not mark.exists():
            mark.write_text(uuid.uuid4().hex + "\n")
        self._run: Any = self._wandb.init(
            project="shapewright",
            name=run.name,
            id=mark.read_text().strip(),
            resume="allow",
            dir=str(run),
            config=json.loads(settings.read_text(encoding="utf-8")) if settings.exists() else None,
        )

    def curves(self, step: int, values: dict[str, float]) -> None:
        self._run.log(values, step=step)

    def picture(self, step: int, name: str, image: np.ndarray) -> None:
        self._run.log({name: self._wandb.Image(image)}, step=step)

    def close(self) -> None:
        self._run.finish()


def check_wandb() -> None:
    """Raises: ConfigError if Weights & Biases is not installed."""
    try:
        importlib.import_module("wandb")
    except ImportError as error:
        raise ConfigError(
            "Weights & Biases is not installed: pip install wandb, or leave --tracker wandb out."
        ) from error


def read_lines(path: Path) -> list[dict[str, float]]:
    """The lines of a metrics or validation file, a torn one left out; none if there is no file."""
    kept: list[dict[str, float]] = []
    for line in path.read_text(encoding="utf-8").splitlines() if path.exists() else []:
        try:
            kept.append(json.loads(line))
        except json.JSONDecodeError:
            continue
    return kept


def drop_lines_from(path: Path, step: int) -> None:
    """Remove lines of `step` and later, and a torn last line: a resumed run writes them again."""
    if not path.exists():
        return
    kept = [json.dumps(line) + "\n" for line in read_lines(path) if line["step"] < step]
    temporary = path.with_suffix(".jsonl.tmp")
    temporary.write_text("".join(kept), encoding="utf-8")
    temporary.replace(path)
