"""Where the lines, ticks and names of a curve stand in its picture; the page draws them as SVG."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from shapewright.evaluation.report import Curve

__all__ = ["Drawing", "Line", "drawing_of", "tick_values"]

WIDTH, HEIGHT = 640, 320
LEFT, RIGHT, TOP, BOTTOM = 64, 16, 12, 48
TICKS = 5


@dataclass(frozen=True, kw_only=True)
class Line:
    """A series by name: the corners of its line as SVG wants them, and those corners one by one."""

    name: str
    corners: str
    dots: list[tuple[float, float]]


@dataclass(frozen=True, kw_only=True)
class Drawing:
    """In pixels of a picture of `width` by `height`; ticks are (place, label)."""

    width: int
    height: int
    left: int
    right: int
    top: int
    bottom: int
    x_ticks: list[tuple[float, str]]
    y_ticks: list[tuple[float, str]]
    lines: list[Line]


@dataclass(frozen=True, kw_only=True)
class Axis:
    """Values from `low` to `high` at pixels from `start` to `end`."""

    low: float
    high: float
    start: float
    end: float

    def place(self, value: float) -> float:
        return round(self.start + (value - self.low) / (self.high - self.low) * (self.end - self.start), 1)

    def ticks(self) -> list[tuple[float, str]]:
        values = tick_values(self.low, self.high)
        inside = [v for v in values if self.low - 1e-9 <= v <= self.high + 1e-9]
        return [(self.place(value), f"{value:.6g}") for value in inside]


def drawing_of(curve: Curve) -> Drawing:
    """Points that are not finite are left out."""
    points = {name: finite_points(xs, ys) for name, (xs, ys) in curve.series.items()}
    every = [point for line in points.values() for point in line]
    across = axis([x for x, _ in every], LEFT, WIDTH - RIGHT)
    up = axis([y for _, y in every], HEIGHT - BOTTOM, TOP)
    lines: list[Line] = []
    for name, found in points.items():
        dots = [(across.place(x), up.place(y)) for x, y in found]
        lines.append(Line(name=name, corners=" ".join(f"{x},{y}" for x, y in dots), dots=dots))
    return Drawing(
        width=WIDTH,
        height=HEIGHT,
        left=LEFT,
        right=WIDTH - RIGHT,
        top=TOP,
        bottom=HEIGHT - BOTTOM,
        x_ticks=across.ticks(),
        y_ticks=up.ticks(),
        lines=lines,
    )


def axis(values: Sequence[float], start: float, end: float) -> Axis:
    """With a little room where all values are one, and 0 to 1 where there are none."""
    low, high = (min(values), max(values)) if values else (0.0, 1.0)
    if low == high:
        low, high = low - 0.5, high + 0.5
    return Axis(low=low, high=high, start=start, end=end)


def tick_values(low: float, high: float) -> list[float]:
    """Multiples of 1, 2 or 5 times a power of ten, about five of them, around and between the ends."""
    rough = (high - low) / TICKS
    power = 10.0 ** math.floor(math.log10(rough))
    step = next(size * power for size in (1, 2, 5, 10) if size * power >= rough * (1 - 1e-9))
    first, last = math.floor(low / step + 1e-9), math.ceil(high / step - 1e-9)
    return [round(index * step, 12) for index in range(first, last + 1)]


def finite_points(xs: Sequence[float], ys: Sequence[float]) -> list[tuple[float, float]]:
    return [
        (float(x), float(y)) for x, y in zip(xs, ys, strict=True) if math.isfinite(x) and math.isfinite(y)
    ]
