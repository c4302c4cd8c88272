"""The clouds that point models learn from: every asset as it is and varied, in Point-E's frame.

Assets fill [-1, 1]^3 and have sRGB in [0, 1]; Point-E's clouds lie in [-0.5, 0.5]^3, colours in 0..255.
Shapes: N points of a cloud.
"""

from dataclasses import dataclass, field

import numpy as np

from shapewright.dataset.loader import AssetRecord
from shapewright.errors import DatasetError
from shapewright.training.latents import captions_of_varied
from shapewright.training.variation import Augmentation, VariedAsset, vary

__all__ = ["FRAME", "PointDraws", "in_point_frame"]

# Length in Point-E's frame of a unit of the data's.
FRAME = 0.5
WHITE = 255.0


@dataclass(frozen=True, kw_only=True)
class PointDraws:
    """`draws` variations of every record; the first of each is the asset as it is.

    Variations stay the same during a run, so that every one has captions of its own. A cloud is the first
    `points` points of its record, which are spread evenly: they are in farthest-point order.
    """

    records: list[AssetRecord]
    points: int
    draws: int = 1
    augmentation: Augmentation = field(default_factory=Augmentation)
    seed: int = 0

    def __len__(self) -> int:
        return len(self.records) * self.draws

    def record(self, entry: int) -> AssetRecord:
        """What is varied."""
        return self.records[entry % len(self.records)]

    def varied(self, entry: int) -> VariedAsset:
        """The asset as entry number `entry` has it, always the same way."""
        draw, index = divmod(entry, len(self.records))
        change = self.augmentation if draw else Augmentation.none()
        rng = np.random.default_rng((self.seed, draw, index))
        return vary(self.records[index], slice(0, 1), self.points, change, rng)

    def cloud(self, entry: int) -> np.ndarray:
        """(N, 6) float32, in Point-E's frame."""
        return in_point_frame(self.varied(entry).points)

    def captions(self) -> list[list[str]]:
        """English texts for every entry. Raises: DatasetError for an asset without any."""
        found = [captions_of_varied(self.record(entry), self.varied(entry)) for entry in range(len(self))]
        for entry, texts in enumerate(found):
            if not texts:
                raise DatasetError(
                    f"The asset '{self.record(entry).id}' has no English caption: add one to the data, or "
                    "train a model that is told nothing."
                )
        return found


def in_point_frame(points: np.ndarray) -> np.ndarray:
    """Points (N, 6) of a record as Point-E has them."""
    return np.concatenate([points[:, :3] * FRAME, points[:, 3:] * WHITE], axis=1).astype(np.float32)
