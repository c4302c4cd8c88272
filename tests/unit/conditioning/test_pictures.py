"""Pictures made ready for an image encoder."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from shapewright.conditioning.pictures import (
    LONGEST_SIDE_PX,
    OBJECT_SHARE,
    object_square,
    opaque_square,
    open_picture,
)
from shapewright.errors import ConfigError, ImageError


def cut_out(size: tuple[int, int], box: tuple[int, int, int, int], alpha: int = 255) -> Image.Image:
    picture = Image.new("RGBA", size, (0, 0, 255, 0))
    picture.paste((200, 10, 10, alpha), box)
    return picture


def test_a_cut_out_object_is_centred_on_a_white_square() -> None:
    square = np.asarray(opaque_square(cut_out((100, 60), (10, 5, 50, 25))))
    assert square.shape == (round(40 / OBJECT_SHARE), round(40 / OBJECT_SHARE), 3)
    rows, columns = np.nonzero((square == (200, 10, 10)).all(axis=-1))
    assert (columns.min(), columns.max()) == (5, 44)
    assert (rows.min(), rows.max()) == (15, 34)
    assert square[0, 0].tolist() == [255, 255, 255]


def test_half_transparent_pixels_are_mixed_with_white() -> None:
    square = np.asarray(opaque_square(cut_out((20, 20), (5, 5, 15, 15), alpha=128)))
    middle = square.shape[0] // 2
    assert square[middle, middle].tolist() == pytest.approx([227, 132, 132], abs=2)


@pytest.mark.parametrize("mode", ["RGB", "L", "P", "RGBA", "CMYK", "1", "LA"])
def test_opaque_pictures_keep_their_shape_in_every_mode(mode: str) -> None:
    assert opaque_square(Image.new("RGBA", (30, 20), "white").convert(mode)).size == (30, 20)
    assert opaque_square(Image.new("RGBA", (30, 20), "white").convert(mode)).mode == "RGB"


def test_an_invisible_picture_is_refused() -> None:
    with pytest.raises(ImageError, match="fully transparent"):
        opaque_square(Image.new("RGBA", (8, 8), (1, 2, 3, 0)))


def test_a_written_picture_is_read_again_and_turned_upright(tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    Image.new("RGB", (30, 20), "red").save(tmp_path / "turned.jpg", exif=exif)
    assert open_picture(tmp_path / "turned.jpg").size == (20, 30)


def test_unreadable_files_get_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "broken.png").write_bytes(b"\x89PNG\r\n\x1a\n rest")
    (tmp_path / "text.png").write_text("no picture")
    for name, message in (
        ("broken.png", "Cannot read"),
        ("text.png", "Cannot read"),
        ("absent.png", "no picture"),
    ):
        with pytest.raises(ImageError, match=message) as caught:
            open_picture(tmp_path / name)
        assert "\n" not in str(caught.value)


def object_box(square: Image.Image) -> tuple[int, int, int, int] | None:
    """Where the picture is not white."""
    assert square.width == square.height
    return Image.fromarray((np.asarray(square) < 250).any(axis=-1)).getbbox()


def test_an_opaque_picture_is_padded_and_not_cropped() -> None:
    square = object_square(Image.new("RGB", (30, 20), "green"))
    assert square.size == (30, 30)
    assert object_box(square) == (0, 5, 30, 25)


@pytest.mark.parametrize("ratio", [0.25, 0.5, 1.0])
def test_the_ratio_is_the_share_of_the_longer_side(ratio: float) -> None:
    on_white = Image.new("RGB", (100, 60), "white")
    on_white.paste((200, 10, 10), (70, 10, 90, 20))
    cutout = cut_out((100, 60), (70, 10, 90, 20))
    photograph = Image.new("RGB", (20, 10), (200, 10, 10))  # nothing is known of what it shows: all of it
    for picture in (on_white, cutout, photograph):
        square = object_square(picture, foreground_ratio=ratio)
        side = round(20 / ratio)
        assert square.size == (side, side)
        left, top = (side - 20) // 2, (side - 10) // 2
        assert object_box(square) == (left, top, left + 20, top + 10)


def test_a_blank_picture_stays_blank() -> None:
    assert object_box(object_square(Image.new("RGB", (30, 20), "white"), foreground_ratio=0.5)) is None


@pytest.mark.parametrize("ratio", [0.0, 0.05, 1.01, -1.0, float("nan")])
def test_ratios_out_of_range_are_refused(ratio: float) -> None:
    with pytest.raises(ConfigError, match="foreground ratio"):
        object_square(Image.new("RGB", (8, 8)), foreground_ratio=ratio)


@pytest.mark.parametrize("size", [(40000, 3), (1, 30000), (1, 1)])
def test_long_strips_do_not_make_huge_squares(size: tuple[int, int]) -> None:
    square = object_square(cut_out(size, (0, 0, *size)).crop((0, 0, *size)), foreground_ratio=0.8)
    assert square.width == square.height <= LONGEST_SIDE_PX / 0.8


def test_sixteen_bits_of_grey_are_scaled_not_cut_off() -> None:
    steps = np.linspace(0, 65535, 32).astype(np.uint16)
    square = np.asarray(object_square(Image.fromarray(np.tile(steps, (32, 1)))))
    np.testing.assert_allclose(square[16, :, 0], steps / 257, atol=0.51)


def test_a_palette_with_a_transparent_entry_is_cut_out() -> None:
    picture = Image.new("P", (20, 20), 0)
    picture.putpalette([255, 0, 255, 10, 20, 30])
    picture.paste(1, (5, 5, 15, 10))
    picture.info["transparency"] = 0
    square = object_square(picture, foreground_ratio=1.0)
    assert object_box(square) == (0, 2, 10, 7)
    assert square.getpixel((5, 4)) == (10, 20, 30)


@pytest.mark.parametrize("mode", ["F", "LAB"])
def test_modes_that_cannot_be_converted_are_refused(mode: str) -> None:
    with pytest.raises(ImageError, match=f"mode {mode}"):
        object_square(Image.new(mode, (8, 8)))


@pytest.mark.parametrize("pixels", [150, 1000])
def test_decompression_bombs_get_one_sentence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, pixels: int
) -> None:
    """Pillow warns beyond its limit and raises beyond twice as much; neither is opened."""
    Image.new("RGB", (pixels, 1)).save(tmp_path / "large.png")
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 100)
    with pytest.raises(ImageError, match="too large"):
        open_picture(tmp_path / "large.png")


def test_a_truncated_picture_gets_one_sentence(tmp_path: Path) -> None:
    Image.effect_noise((64, 64), 80).save(tmp_path / "whole.jpg")
    for kept in (0, 10, 600):
        (tmp_path / "part.jpg").write_bytes((tmp_path / "whole.jpg").read_bytes()[:kept])
        with pytest.raises(ImageError, match="Cannot read"):
            open_picture(tmp_path / "part.jpg")
