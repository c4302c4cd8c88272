import subprocess
from pathlib import Path

import imageio_ffmpeg
import numpy as np
import pytest
from PIL import Image

from shapewright.errors import ConfigError, OutputError
from shapewright.geometry.cameras import Camera
from shapewright.render.turntable import check_movie, save_gif, save_movie, to_uint8, turntable_frames


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
    save_gif(frames, path, fps=20)
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


@pytest.mark.parametrize("suffix", [".gif", ".webp"])
def test_transparent_frames_stay_transparent_and_do_not_pile_up(tmp_path: Path, suffix: str) -> None:
    frames = [np.zeros((8, 16, 4), dtype=np.float32) for _ in range(4)]
    for index, frame in enumerate(frames):
        frame[:, 4 * index : 4 * index + 4] = (1.0, 0.2, 0.0, 1.0)
        # objects have a soft outline; of frames all opaque within their bounding box libwebp drops the alpha
        frame[-1, 4 * index] = (1.0, 0.2, 0.0, 0.4)
    save_movie(frames, tmp_path / f"turn{suffix}")
    with Image.open(tmp_path / f"turn{suffix}") as picture:
        assert getattr(picture, "n_frames") == 4  # noqa: B009
        for index, frame in enumerate(frames):
            picture.seek(index)
            shown = np.asarray(picture.convert("RGBA"))
            expected = np.round(frame[..., 3]) * 255 if suffix == ".gif" else to_uint8(frame)[..., 3]
            np.testing.assert_array_equal(shown[..., 3], expected)
            assert np.abs(shown[0, 4 * index + 1].astype(int) - [255, 51, 0, 255]).max() < 12


def test_the_background_of_a_gif_is_exact_and_the_rest_close(tmp_path: Path) -> None:
    frame = np.full((64, 64, 3), (0.94, 0.92, 0.88), dtype=np.float32)
    frame[16:48, 16:48] = np.linspace(0.1, 0.9, 32)[:, None, None] * np.array([0.9, 0.6, 0.3])
    save_gif([frame, frame[::-1]], tmp_path / "turn.gif")
    with Image.open(tmp_path / "turn.gif") as picture:
        shown = np.asarray(picture.convert("RGB")).astype(int)
    assert (shown[:10] == to_uint8(frame)[0, 0]).all()
    assert np.abs(shown - to_uint8(frame)).max() <= 8


@pytest.mark.parametrize(("size", "even"), [((16, 18), (16, 18)), ((33, 47), (34, 48))])
def test_a_film_holds_every_frame_in_even_sides(
    tmp_path: Path, size: tuple[int, int], even: tuple[int, int]
) -> None:
    colors = [(0.9, 0.2, 0.1), (0.1, 0.8, 0.2), (0.2, 0.3, 0.9)]
    save_movie(
        [np.broadcast_to(np.float32(color), (*size, 3)) for color in colors], tmp_path / "turn.mp4", fps=5
    )
    raw = ("-f", "rawvideo", "-pix_fmt", "rgb24", "-")
    command = [imageio_ffmpeg.get_ffmpeg_exe(), "-i", str(tmp_path / "turn.mp4"), *raw]
    read = subprocess.run(command, capture_output=True, check=True)
    shown = np.frombuffer(read.stdout, np.uint8).reshape(-1, *even, 3)
    assert b" 5 fps" in read.stderr
    assert len(shown) == 3
    for frame, color in zip(shown, colors, strict=True):
        # chroma is kept in few bits, the decoder's own rounding included
        assert np.abs(frame.astype(int) - to_uint8(np.array(color))).max() < 12
    assert [path.name for path in tmp_path.iterdir()] == ["turn.mp4"]


def test_what_a_film_cannot_be_is_said() -> None:
    with pytest.raises(OutputError, match=r"\.gif, \.webp, \.mp4"):
        check_movie(Path("turn.avi"))
    with pytest.raises(OutputError, match="no alpha"):
        check_movie(Path("turn.mp4"), transparent=True)
    with pytest.raises(ConfigError, match=r"1\.\.50"):
        check_movie(Path("turn.gif"), fps=60)
