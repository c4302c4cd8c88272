"""Pictures of assets as an image prior is told them: the rendered views of a data set."""

import torch
from PIL import Image

from shapewright.conditioning.clip import ImageConditioner
from shapewright.dataset.loader import AssetRecord
from shapewright.pipeline.conditioners import PictureOptions, ready_picture
from shapewright.prior import Condition
from shapewright.training.objectives.denoising import CaptionFeatures

__all__ = ["PictureFeatures", "picture_names"]


def picture_names(record: AssetRecord) -> list[str]:
    """One name for each view of the asset; they stand where a text prior has captions."""
    return [f"{record.id}, view {k}" for k in range(len(record.views().cameras))]


class PictureFeatures(CaptionFeatures):
    """Image tokens of every view, computed once and kept in half precision; views are called by their names.

    Views are made ready as pictures are at generation: cut out by their alpha, centred on white.
    """

    def __init__(self, records: list[AssetRecord], conditioner: ImageConditioner) -> None:
        names = [name for record in records for name in picture_names(record)]
        self.index = {name: i for i, name in enumerate(names)}
        grids: list[torch.Tensor] = []
        for record in records:
            for image in record.views().images:
                square = ready_picture(Image.fromarray(image), PictureOptions())
                grids.append(conditioner.encode([square]).half())
        self.grids = torch.cat(grids)

    def condition(self, texts: list[str]) -> Condition:
        """The condition of the views of these names."""
        rows = torch.tensor([self.index[name] for name in texts])
        return Condition(image_tokens=self.grids[rows].float())
