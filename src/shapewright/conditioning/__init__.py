"""Frozen text and image encoders behind small interfaces; each is imported where it is used.

`conditioning.minilm.MiniLM` works offline; `conditioning.clip` holds what the published models need.
"""

from shapewright.conditioning.text import TextConditioner, TextFeatures

__all__ = ["TextConditioner", "TextFeatures"]
