"""Pictures for assets that have none on disk."""

import numpy as np
import pytest

from shapewright.dataset.loader import AssetRecord
from shapewright.dataset.views import Views

__all__ = ["show"]

SIZE_PX = 32


def show(monkeypatch: pytest.MonkeyPatch, *, views: int = 2) -> None:
    """Every record's pictures show a square of its main colour, darker from view to view."""

    def pictures(record: AssetRecord) -> Views:
        images = np.zeros((views, SIZE_PX, SIZE_PX, 4), dtype=np.uint8)
        quarter = slice(SIZE_PX // 4, 3 * SIZE_PX // 4)
        for view in range(views):
            rgb = record.points[:, 3:].astype(np.float32).mean(axis=0) * (255 - 60 * view)
            images[view, quarter, quarter] = [*np.round(rgb).astype(np.uint8), 255]
        depths = np.full(images.shape[:3], np.inf, dtype=np.float32)
        return Views(images=images, depths=depths, cameras=[])

    monkeypatch.setattr(AssetRecord, "views", pictures)
