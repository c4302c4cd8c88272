"""What is behind an object in its pictures."""

from __future__ import annotations

import re

from shapewright.errors import ConfigError

__all__ = ["TRANSPARENT", "WHITE", "read_background"]

Color = tuple[float, float, float]
WHITE: Color = (1.0, 1.0, 1.0)
TRANSPARENT = "transparent"
NAMED = {"white": "#ffffff", "black": "#000000"}


def read_background(text: str) -> Color | None:
    """'#rrggbb', 'white' or 'black' as sRGB in [0, 1]; None for 'transparent'. Raises: ConfigError."""
    if text == TRANSPARENT:
        return None
    code = NAMED.get(text, text)
    if not re.fullmatch("#[0-9a-fA-F]{6}", code):
        raise ConfigError(
            f"'{text}' is no background: give white, black, transparent, or a colour such as '#f4f1ea'."
        )
    red, green, blue = (int(code[start : start + 2], 16) / 255 for start in (1, 3, 5))
    return red, green, blue
