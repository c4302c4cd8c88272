"""Pictures made ready for an image encoder."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from shapewright.conditioning.pictures import OBJECT_SHARE, opaque_square, open_picture
from shapewright.errors import ImageError


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
