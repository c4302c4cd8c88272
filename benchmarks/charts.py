"""Curves as a small picture, drawn with Pillow: several frames side by side, one line for each name."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from PIL import Image, ImageDraw, ImageFont

from shapewright.atomic_file import replacing

__all__ = ["Chart", "save_charts", "ticks_between"]

FINER = 3  # drawn so many times larger and shrunk: smooth lines
WIDTH_PX, HEIGHT_PX = 360, 260
LEFT_PX, RIGHT_PX, TOP_PX, BOTTOM_PX = 52, 12, 30, 44
LEGEND_PX = 26
PAPER, INK, GRID = (255, 255, 255), (60, 60, 60), (226, 226, 226)
COLORS = ((214, 95, 14), (31, 98, 168), (110, 110, 110), (60, 140, 60))


@dataclass(frozen=True, kw_only=True)
class Chart:
    """Lines by name, each a list of (x, y). `log_x`: x is shown by its logarithm."""

    title: str
    x_label: str
    lines: Mapping[str, Sequence[tuple[float, float]]]
    y_range: tuple[float, float] | None = None
    log_x: bool = False
    levels: Mapping[str, float] = field(default_factory=dict)  # dashed lines across the frame


@dataclass(frozen=True, kw_only=True)
class Frame:
    """Where the numbers of a chart lie in its picture."""

    x_range: tuple[float, float]
    y_range: tuple[float, float]
    log_x: bool

    def place(self, x: float, y: float) -> tuple[float, float]:
        low, high = (self.scaled(edge) for edge in self.x_range)
        across = (self.scaled(x) - low) / (high - low)
        up = (y - self.y_range[0]) / (self.y_range[1] - self.y_range[0])
        width, height = WIDTH_PX - LEFT_PX - RIGHT_PX, HEIGHT_PX - TOP_PX - BOTTOM_PX
        return (
            FINER * (LEFT_PX + across * width),
            FINER * (TOP_PX + (1 - up) * height),
        )

    def scaled(self, x: float) -> float:
        return math.log(x) if self.log_x else x


def save_charts(charts: Sequence[Chart], path: Path, *, columns: int = 3) -> None:
    """Write the charts as one PNG with a common legend. Raises: OutputError."""
    rows, columns = -(-len(charts) // columns), min(columns, len(charts))
    size = (columns * WIDTH_PX * FINER, (rows * HEIGHT_PX + LEGEND_PX) * FINER)
    picture = Image.new("RGB", size, PAPER)
    names = list(dict.fromkeys(name for chart in charts for name in chart.lines))
    colors = {name: COLORS[index % len(COLORS)] for index, name in enumerate(names)}
    draw_legend(ImageDraw.Draw(picture), colors)
    for index, chart in enumerate(charts):
        cell = Image.new("RGB", (WIDTH_PX * FINER, HEIGHT_PX * FINER), PAPER)
        draw_chart(ImageDraw.Draw(cell), chart, colors)
        corner = (index % columns * WIDTH_PX, LEGEND_PX + index // columns * HEIGHT_PX)
        picture.paste(cell, (corner[0] * FINER, corner[1] * FINER))
    small = picture.resize((size[0] // FINER, size[1] // FINER), Image.Resampling.LANCZOS)
    with replacing(path) as temporary:
        small.quantize(64, dither=Image.Dither.NONE).save(temporary, optimize=True)


def draw_legend(draw: ImageDraw.ImageDraw, colors: Mapping[str, tuple[int, int, int]]) -> None:
    x, y = LEFT_PX * FINER, LEGEND_PX * FINER // 2
    for name, color in colors.items():
        draw.line([(x, y), (x + 22 * FINER, y)], fill=color, width=2 * FINER)
        draw.text((x + 28 * FINER, y), name, fill=INK, font=font(12), anchor="lm")
        x += (52 + int(font(12).getlength(name) / FINER)) * FINER


def draw_chart(draw: ImageDraw.ImageDraw, chart: Chart, colors: Mapping[str, tuple[int, int, int]]) -> None:
    frame = frame_of(chart)
    (left, bottom), (right, top) = (
        frame.place(frame.x_range[0], frame.y_range[0]),
        frame.place(frame.x_range[1], frame.y_range[1]),
    )
    draw.text((left, top - 12 * FINER), chart.title, fill=INK, font=font(13), anchor="lm")
    draw.text(((left + right) / 2, bottom + 32 * FINER), chart.x_label, fill=INK, font=font(11), anchor="mm")
    for value in ticks_between(*frame.y_range):
        _, y = frame.place(frame.x_range[0], value)
        draw.line([(left, y), (right, y)], fill=GRID, width=FINER)
        draw.text((left - 5 * FINER, y), f"{value:g}", fill=INK, font=font(10), anchor="rm")
    for value in x_ticks(frame):
        x, _ = frame.place(value, frame.y_range[0])
        draw.line([(x, bottom), (x, top)], fill=GRID, width=FINER)
        draw.text((x, bottom + 12 * FINER), f"{value:g}", fill=INK, font=font(10), anchor="mm")
    draw.line([(left, top), (left, bottom), (right, bottom)], fill=INK, width=FINER)
    for name, value in chart.levels.items():
        draw_level(draw, frame, name, value)
    for name, points in chart.lines.items():
        corners = [frame.place(x, y) for x, y in points]
        draw.line(corners, fill=colors[name], width=2 * FINER, joint="curve")
        for x, y in corners:
            radius = 3 * FINER
            draw.ellipse((x - radius, y - radius, x + radius, y + radius), fill=colors[name])


def draw_level(draw: ImageDraw.ImageDraw, frame: Frame, name: str, value: float) -> None:
    (left, y), (right, _) = frame.place(frame.x_range[0], value), frame.place(frame.x_range[1], value)
    for start in range(int(left), int(right), 8 * FINER):
        draw.line([(start, y), (min(start + 4 * FINER, right), y)], fill=(150, 150, 150), width=FINER)
    draw.text((right - 2 * FINER, y - 7 * FINER), name, fill=(120, 120, 120), font=font(10), anchor="rm")


def frame_of(chart: Chart) -> Frame:
    xs = [x for points in chart.lines.values() for x, _ in points]
    ys = [y for points in chart.lines.values() for _, y in points] + list(chart.levels.values())
    low, high = (min(ys), max(ys)) if chart.y_range is None else chart.y_range
    room = 0.08 * (high - low or 1.0) if chart.y_range is None else 0.0
    x_low, x_high = (min(xs) / 1.15, max(xs) * 1.15) if chart.log_x else (0.0, max(xs) * 1.04)
    return Frame(x_range=(x_low, x_high), y_range=(low - room, high + room), log_x=chart.log_x)


def x_ticks(frame: Frame) -> list[float]:
    if not frame.log_x:
        return ticks_between(*frame.x_range)
    low, high = frame.x_range
    powers = range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1)
    found = [digit * 10.0**power for power in powers for digit in (1, 2, 5)]
    inside = [value for value in found if low <= value <= high]
    return inside[:: -(-len(inside) // 6)]


def ticks_between(low: float, high: float) -> list[float]:
    """Round numbers (1, 2 or 5 times a power of ten), four to eight of them."""
    rough = (high - low) / 5
    power = 10.0 ** math.floor(math.log10(rough))
    step = power * min((1, 2, 5, 10), key=lambda size: abs(math.log(size * power / rough)))
    first, last = math.ceil(low / step - 1e-9), math.floor(high / step + 1e-9)
    return [round(index * step, 10) for index in range(first, last + 1)]


def font(size_px: int) -> ImageFont.FreeTypeFont | ImageFont.ImageFont:
    return ImageFont.load_default(size_px * FINER)
