"""What other programs showed, kept beside our own pictures so that a person can look."""

from pathlib import Path

import numpy as np

from proofs.installed import INSTALLED
from shapewright.render.contact_sheet import Strip, contact_sheet

__all__ = ["Gallery"]

COLUMNS = 4


class Gallery:
    """Pictures in `.proofs/pictures`, and one sheet of them: ours on the left, theirs on the right."""

    def __init__(self) -> None:
        self.folder = INSTALLED / "pictures"
        self.folder.mkdir(parents=True, exist_ok=True)
        self.strips: list[Strip] = []

    def place(self, caption: str) -> Path:
        """Where the picture with this caption goes; one of an earlier run is removed."""
        path = self.folder / f"{caption}.png"
        path.unlink(missing_ok=True)
        return path

    def add(self, caption: str, ours: np.ndarray, theirs: np.ndarray) -> None:
        self.strips.append(Strip(caption=caption, pictures=[ours, theirs]))

    def save_sheet(self) -> None:
        if self.strips:
            contact_sheet(self.strips, columns=COLUMNS).save(self.folder / "sheet.png")
