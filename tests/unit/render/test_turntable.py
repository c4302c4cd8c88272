from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from shapewright.errors import OutputError
from shapewright.geometry.cameras import Camera
from shapewright.render.turntable import save_gif, to_uint8, turntable_frames


def azimuth_picture(camera: Camera) -> np.ndarray:
    """A picture that tells the frames apart."""
    picture = np.ones((camera.height_px, camera.width_px, 4), dtype=np.float32)
    picture[..., :3] = camera.z * 0.5 + 0.5
    return picture


def test_frames_go_round_once_without_repeating_the_first() -> None:
    frames = turntable_frames(azimuth_picture, count=8, size_px=4)
    assert len(frames) == 8
    for index, frame in enumerate(frames):
        others = frames[:index] + frames[index + 1 :]
        assert min(np.abs(frame - other).max() for other in others) > 0.1


def test_a_gif_holds_every_frame_and_loops(tmp_path: Path) -> None:
    path = tmp_path / "new" / "turn.gif"
    frames = turntable_frames(azimuth_picture, count=6, size_px=16)
    save_gif(frames, path, frame_ms=50)
    with Image.open(path) as gif:
        assert getattr(gif, "n_frames") == 6  # noqa: B009
        assert gif.info["loop"] == 0
        assert gif.info["duration"] == 50
        gif.seek(3)
        shown = np.asarray(gif.convert("RGB"), dtype=np.float64) / 255
    assert np.abs(shown.mean(axis=(0, 1)) - frames[3][0, 0, :3]).max() < 0.05
    assert list(path.parent.iterdir()) == [path]


def test_a_place_that_cannot_be_written_is_an_error_and_leaves_nothing(tmp_path: Path) -> None:
    (tmp_path / "turn.gif").mkdir()
    with pytest.raises(OutputError, match=r"turn\.gif"):
        save_gif([np.zeros((4, 4, 3))], tmp_path / "turn.gif")
    assert [path.name for path in tmp_path.iterdir()] == ["turn.gif"]


def test_floats_become_the_nearest_bytes() -> None:
    assert to_uint8(np.array([-1, 0, 0.5, 1, 2])).tolist() == [0, 0, 128, 255, 255]
