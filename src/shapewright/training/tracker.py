"""What a run writes down: one JSON line a step, and TensorBoard curves and pictures."""

import json
from pathlib import Path
from typing import Any

import numpy as np

__all__ = ["Tracker"]


class Tracker:
    """Appends to RUN/metrics.jsonl and RUN/tensorboard."""

    def __init__(self, run: Path, first_step: int, *, tensorboard: bool = True) -> None:
        self.path = run / "metrics.jsonl"
        drop_lines_from(self.path, first_step)
        self._file = self.path.open("a", encoding="utf-8")
        self._board: Any = None
        if tensorboard:
            from torch.utils.tensorboard import SummaryWriter

            self._board = SummaryWriter(str(run / "tensorboard"), purge_step=first_step)

    def log(self, step: int, values: dict[str, float]) -> None:
        """Write one line with `step` and the values."""
        self._file.write(json.dumps({"step": step, **values}) + "\n")
        self._file.flush()
        if self._board is not None and step % 10 == 0:
            for name, value in values.items():
                self._board.add_scalar(name, value, step)

    def picture(self, step: int, name: str, image: np.ndarray) -> None:
        """Keep an (H, W, 3) uint8 picture."""
        if self._board is not None:
            self._board.add_image(name, image, step, dataformats="HWC")

    def close(self) -> None:
        self._file.close()
        if self._board is not None:
            self._board.close()


def drop_lines_from(path: Path, step: int) -> None:
    """Remove lines of `step` and later, and a torn last line: a resumed run writes them again."""
    if not path.exists():
        return
    kept: list[str] = []
    for line in path.read_text(encoding="utf-8").splitlines():
        try:
            if json.loads(line)["step"] < step:
                kept.append(line)
        except json.JSONDecodeError:
            continue
    temporary = path.with_suffix(".jsonl.tmp")
    temporary.write_text("".join(line + "\n" for line in kept), encoding="utf-8")
    temporary.replace(path)
