import numpy as np
from PIL import Image

from shapewright.geometry.texture_file import load_texture


def test_every_mode_becomes_rgba(tmp_path):
    for mode, color in (("L", 100), ("P", 3), ("RGBA", (1, 2, 3, 4)), ("1", 1), ("I;16", 5000)):
        Image.new(mode, (3, 2), color).save(tmp_path / "t.png")
        texture = load_texture(tmp_path / "t.png", 64)
        assert texture.shape == (2, 3, 4)
        assert texture.dtype == np.uint8


def test_large_pictures_shrink_and_keep_their_shape(tmp_path):
    Image.new("RGB", (400, 100), (10, 20, 30)).save(tmp_path / "t.jpg")
    assert load_texture(tmp_path / "t.jpg", 64).shape == (16, 64, 4)


def test_damaged_pictures_are_none(tmp_path):
    Image.new("RGB", (64, 64), (10, 20, 30)).save(tmp_path / "t.png")
    (tmp_path / "cut.png").write_bytes((tmp_path / "t.png").read_bytes()[:60])
    assert load_texture(tmp_path / "cut.png", 64) is None
    assert load_texture(tmp_path / "none.png", 64) is None
