"""Many small pictures on one sheet, with captions."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from PIL import Image, ImageDraw, ImageFont, ImageOps

from shapewright.render.turntable import to_uint8

__all__ = ["Strip", "contact_sheet"]

PAPER = (255, 255, 255)
INK = (40, 40, 40)
MARGIN_PX = 8


@dataclass(frozen=True, kw_only=True)
class Strip:
    """Pictures side by side, (H, W, 3 or 4) in [0, 1], under one caption; alpha shows the paper."""

    caption: str
    pictures: Sequence[np.ndarray]


def contact_sheet(
    strips: Sequence[Strip], *, columns: int = 1, cell_px: int = 128, font_px: int = 14
) -> Image.Image:
    """Strips row by row in `columns`, every picture fitted into a square of `cell_px`."""
    assert strips
    assert columns >= 1
    font = ImageFont.load_default(font_px)
    longest = max(len(strip.pictures) for strip in strips)
    caption_px = font_px + MARGIN_PX
    width, height = longest * cell_px + MARGIN_PX, cell_px + caption_px + MARGIN_PX
    rows = -(-len(strips) // columns)
    sheet = Image.new("RGB", (columns * width + MARGIN_PX, rows * height + MARGIN_PX), PAPER)
    draw = ImageDraw.Draw(sheet)
    for index, strip in enumerate(strips):
        left = MARGIN_PX + index % columns * width
        top = MARGIN_PX + index // columns * height
        draw.text((left, top), fit_caption(strip.caption, font, longest * cell_px), fill=INK, font=font)
        for place, picture in enumerate(strip.pictures):
            paste(sheet, picture, (left + place * cell_px, top + caption_px), cell_px)
    return sheet


def fit_caption(caption: str, font: ImageFont.FreeTypeFont | ImageFont.ImageFont, width_px: int) -> str:
    """The caption, or as much of its beginning as fits, with an ellipsis."""
    if font.getlength(caption) <= width_px:
        return caption
    while caption and font.getlength(caption + "...") > width_px:
        caption = caption[:-1]
    return caption.rstrip() + "..."


def paste(sheet: Image.Image, picture: np.ndarray, corner: tuple[int, int], cell_px: int) -> None:
    """Fit `picture` into the cell at `corner`, centred, over the paper."""
    image = Image.fromarray(to_uint8(picture)).convert("RGBA")
    image = ImageOps.contain(image, (cell_px, cell_px), Image.Resampling.LANCZOS)
    left, top = corner[0] + (cell_px - image.width) // 2, corner[1] + (cell_px - image.height) // 2
    sheet.paste(image, (left, top), image)
