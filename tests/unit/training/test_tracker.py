"""metrics.jsonl has every step once, whatever happened to the run before."""

import json
from pathlib import Path

import numpy as np

from shapewright.training.tracker import Tracker


def steps(run: Path) -> list[int]:
    return [json.loads(line)["step"] for line in (run / "metrics.jsonl").read_text().splitlines()]


def test_lines_of_steps_that_will_be_done_again_are_dropped(tmp_path: Path) -> None:
    tracker = Tracker(tmp_path, 0, tensorboard=False)
    for step in range(5):
        tracker.log(step, {"loss": float(step)})
    tracker.close()
    with (tmp_path / "metrics.jsonl").open("a") as file:
        file.write('{"step": 5, "lo')  # torn by a kill
    tracker = Tracker(tmp_path, 3, tensorboard=False)
    tracker.log(3, {"loss": 30.0})
    tracker.close()
    lines = [json.loads(line) for line in (tmp_path / "metrics.jsonl").read_text().splitlines()]
    assert [line["step"] for line in lines] == [0, 1, 2, 3]
    assert [line["loss"] for line in lines] == [0, 1, 2, 30]


def test_a_line_is_there_as_soon_as_it_is_logged(tmp_path: Path) -> None:
    tracker = Tracker(tmp_path, 0, tensorboard=False)
    tracker.log(0, {"loss": 1.0})
    assert steps(tmp_path) == [0]
    tracker.close()


def test_tensorboard_is_written_beside(tmp_path: Path) -> None:
    tracker = Tracker(tmp_path, 0)
    tracker.log(0, {"loss": 1.0})
    tracker.picture(0, "front", np.zeros((4, 4, 3), dtype=np.uint8))
    tracker.close()
    written = b"".join(path.read_bytes() for path in (tmp_path / "tensorboard").iterdir())
    assert b"loss" in written
    assert b"front" in written
