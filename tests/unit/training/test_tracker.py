"""metrics.jsonl has every step once, whatever happened to the run before."""

import json
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest

from shapewright.errors import ConfigError
from shapewright.training.tracker import Tracker, check_wandb


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


def test_throughput_memory_and_validations_are_curves(tmp_path: Path) -> None:
    tracker = Tracker(tmp_path, 0, batch_size=4)
    tracker.log(0, {"loss": 1.0})
    tracker.validation(1, {"loss": 2.0, "mesh_psnr_db": 20.0})
    tracker.close()
    written = b"".join(path.read_bytes() for path in (tmp_path / "tensorboard").iterdir())
    for name in (b"assets_per_second", b"memory_gib", b"validation/mesh_psnr_db"):
        assert name in written
    assert json.loads((tmp_path / "metrics.jsonl").read_text()) == {"step": 0, "loss": 1.0}
    assert json.loads((tmp_path / "validation.jsonl").read_text())["step"] == 1


def test_validations_of_steps_that_will_be_done_again_are_dropped(tmp_path: Path) -> None:
    """They are numbered by the steps before them: that of the checkpoint itself stays."""
    (tmp_path / "validation.jsonl").write_text('{"step": 2, "loss": 1.0}\n{"step": 3, "loss": 2.0}\n')
    Tracker(tmp_path, 2, tensorboard=False).close()
    assert (tmp_path / "validation.jsonl").read_text() == '{"step": 2, "loss": 1.0}\n'


class FakeWandb(ModuleType):
    """Keeps what it is told."""

    def __init__(self) -> None:
        super().__init__("wandb")
        self.begun: list[dict[str, Any]] = []
        self.logged: list[tuple[int, dict[str, Any]]] = []
        self.finished = 0

    def init(self, **settings: Any) -> "FakeWandb":
        self.begun.append(settings)
        return self

    def log(self, values: dict[str, Any], *, step: int) -> None:
        self.logged.append((step, values))

    def finish(self) -> None:
        self.finished += 1

    def Image(self, image: np.ndarray) -> tuple[str, tuple[int, ...]]:
        return "image", image.shape


def test_weights_and_biases_is_told_where_it_is_asked_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    wandb = FakeWandb()
    monkeypatch.setitem(sys.modules, "wandb", wandb)
    Tracker(tmp_path, 0, tensorboard=False).close()
    assert not wandb.begun
    (tmp_path / "config.json").write_text('{"loop": {"steps": 3}}')
    for first in (0, 1):
        tracker = Tracker(tmp_path, first, tensorboard=False, wandb=True)
        tracker.log(10 * first, {"loss": 1.0})
        tracker.close()
    tracker = Tracker(tmp_path, 1, tensorboard=False, wandb=True)
    tracker.validation(11, {"loss": 2.0})
    tracker.picture(11, "pictures", np.zeros((4, 6, 3), dtype=np.uint8))
    tracker.close()
    assert wandb.finished == 3
    assert len({settings["id"] for settings in wandb.begun}) == 1, "a resumed run goes on in its own"
    assert wandb.begun[0]["config"] == {"loop": {"steps": 3}}
    assert wandb.begun[0]["dir"] == str(tmp_path)
    assert [step for step, _ in wandb.logged] == [0, 10, 11, 11]
    assert {"loss", "assets_per_second", "memory_gib"} <= wandb.logged[0][1].keys()
    assert wandb.logged[2][1] == {"validation/loss": 2.0}
    assert wandb.logged[3][1] == {"pictures": ("image", (4, 6, 3))}


def test_a_missing_weights_and_biases_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "wandb", None)  # as if it were not installed
    with pytest.raises(ConfigError, match="pip install wandb, or leave --tracker wandb out"):
        check_wandb()
    with pytest.raises(ConfigError, match="not installed"):
        Tracker(tmp_path, 0, wandb=True)
