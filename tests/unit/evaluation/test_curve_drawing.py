"""Places of curves in their pictures."""

import pytest

from shapewright.evaluation.curve_drawing import drawing_of, tick_values
from shapewright.evaluation.report import Curve


def curve(**series: tuple[list[float], list[float]]) -> Curve:
    return Curve(title="t", x_label="x", y_label="y", series=series)


@pytest.mark.parametrize(
    ("low", "high", "ticks"),
    [
        (0, 1, [0, 0.2, 0.4, 0.6, 0.8, 1.0]),
        (17.2, 33.9, [15, 20, 25, 30, 35]),
        (-1, 1, [-1, -0.5, 0, 0.5, 1]),
    ],
)
def test_ticks_are_round_numbers(low: float, high: float, ticks: list[float]) -> None:
    assert tick_values(low, high) == pytest.approx(ticks)


def test_ends_of_the_axes_are_the_ends_of_the_values() -> None:
    drawn = drawing_of(curve(a=([2, 4], [10, 30]), b=([3], [20])))
    (first, last), (middle,) = (line.dots for line in drawn.lines)
    assert first == (drawn.left, drawn.bottom)
    assert last == (drawn.right, drawn.top)
    assert middle == ((drawn.left + drawn.right) / 2, (drawn.top + drawn.bottom) / 2)
    assert [label for _, label in drawn.y_ticks] == ["10", "15", "20", "25", "30"]


def test_ticks_outside_are_not_drawn() -> None:
    drawn = drawing_of(curve(a=([0, 1], [17.2, 33.9])))
    assert [label for _, label in drawn.y_ticks] == ["20", "25", "30"]


@pytest.mark.parametrize("series", [{}, {"a": ([], [])}, {"a": ([1.0, 1.0], [2.0, 2.0])}])
def test_nothing_and_one_value_can_be_drawn(series: dict[str, tuple[list[float], list[float]]]) -> None:
    drawn = drawing_of(curve(**series))
    assert drawn.x_ticks
    assert all(drawn.left <= x <= drawn.right for line in drawn.lines for x, _ in line.dots)
