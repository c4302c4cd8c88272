"""Charts: their ticks, and that lines stand where the numbers say."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from benchmarks.scripts import script

CHARTS = script("charts")


@pytest.mark.parametrize(("low", "high"), [(0.0, 1.0), (-0.08, 1.08), (3.0, 977.0), (0.0213, 0.0349)])
def test_ticks_are_a_few_round_numbers_inside(low: float, high: float) -> None:
    ticks = CHARTS.ticks_between(low, high)
    assert 3 <= len(ticks) <= 9
    assert low - 1e-9 <= min(ticks)
    assert max(ticks) <= high + 1e-9
    assert np.allclose(np.diff(ticks), ticks[1] - ticks[0])


def test_places_rise_with_the_numbers_and_logarithms_are_even() -> None:
    frame = CHARTS.Frame(x_range=(1.0, 100.0), y_range=(0.0, 1.0), log_x=True)
    (left, low), (middle, _), (right, high) = (frame.place(x, y) for x, y in ((1, 0), (10, 0.5), (100, 1)))
    assert left < right
    assert high < low  # pixels count downwards
    assert middle == pytest.approx((left + right) / 2)


def test_a_picture_of_two_lines_has_both_colours(tmp_path: Path) -> None:
    lines = {"one": [(1.0, 0.1), (10.0, 0.9)], "other": [(1.0, 0.5), (10.0, 0.2)]}
    chart = CHARTS.Chart(title="t", x_label="x", lines=lines, log_x=True, levels={"chance": 0.05})
    CHARTS.save_charts([chart, chart], tmp_path / "curves.png")
    with Image.open(tmp_path / "curves.png") as picture:
        pixels = np.asarray(picture.convert("RGB")).astype(int)
    assert pixels.shape == (CHARTS.HEIGHT_PX + CHARTS.LEGEND_PX, 2 * CHARTS.WIDTH_PX, 3)
    for color in CHARTS.COLORS[:2]:
        assert (np.abs(pixels - color).sum(axis=2) < 30).sum() > 200
