import numpy as np
from PIL import ImageFont

from shapewright.render.contact_sheet import Strip, contact_sheet, fit_caption


def filled(color: tuple[float, ...], size: tuple[int, int] = (8, 8)) -> np.ndarray:
    return np.broadcast_to(np.array(color, dtype=np.float32), (*size, len(color)))


def test_strips_fill_rows_of_columns_in_order() -> None:
    colors = [(1.0, 0.0, 0.0), (0.0, 1.0, 0.0), (0.0, 0.0, 1.0)]
    strips = [Strip(caption=f"strip {i}", pictures=[filled(c), filled(c)]) for i, c in enumerate(colors)]
    sheet = contact_sheet(strips, columns=2, cell_px=32, font_px=10)
    pixels = np.asarray(sheet)
    for index, color in enumerate(colors):
        left = 8 + index % 2 * (2 * 32 + 8)
        top = 8 + index // 2 * (32 + 10 + 8 + 8) + 18
        assert np.all(pixels[top : top + 32, left : left + 64] == np.uint8(np.array(color) * 255))
        assert pixels[top - 18 : top, left : left + 64].min() < 128  # the caption's ink


def test_transparency_shows_the_paper_and_shapes_are_kept() -> None:
    tall = filled((0.0, 0.0, 0.0, 1.0), (20, 10))
    glass = filled((0.0, 0.0, 0.0, 0.0))
    pixels = np.asarray(contact_sheet([Strip(caption="", pictures=[tall, glass])], cell_px=40, font_px=10))
    row = pixels[26 + 20, 8 : 8 + 80, 0]
    assert np.all(row[40:] == 255)
    assert (row[:40] == 0).sum() == 20


def test_long_captions_end_in_dots_within_their_strip() -> None:
    font = ImageFont.load_default(14)
    fitted = fit_caption("a very long caption " * 20, font, 200)
    assert fitted.endswith("...")
    assert font.getlength(fitted) <= 200
    assert fit_caption("short", font, 200) == "short"
