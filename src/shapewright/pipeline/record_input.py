"""What an encoder is given of a data set's record."""

import numpy as np
import torch

from shapewright.dataset.loader import AssetRecord
from shapewright.dataset.views import Views
from shapewright.errors import DatasetError
from shapewright.pipeline.asset_input import EncoderInput, require_encoder, view_batch
from shapewright.pipeline.model_folder import ModelConfig

__all__ = ["check_points", "check_views", "record_input", "views_shown"]


def record_input(record: AssetRecord, config: ModelConfig) -> EncoderInput:
    """The first points and views of the record that the model's encoder wants; always the same ones.

    Raises: ModelError if the model has no encoder; DatasetError if the data set holds less of an asset.
    """
    require_encoder(record.id, config)
    encoder = config.autoencoder.encoder
    assert encoder is not None, "see require_encoder"
    points = views = None
    if encoder.points is not None:
        check_points([record], config.points)
        points = torch.from_numpy(record.points[None, : config.points].astype(np.float32))
    if encoder.views is not None:
        pictures = record.views()
        check_views(record, pictures, config)
        count = config.views
        shown = Views(
            images=pictures.images[:count].copy(),  # torch minds what cannot be written
            depths=pictures.depths[:count],
            cameras=pictures.cameras[:count],
        )
        views = view_batch(shown)
    return EncoderInput(points=points, views=views)


def views_shown(config: ModelConfig) -> int:
    """How many of a record's views, the first, `record_input` shows to the encoder."""
    encoder = config.autoencoder.encoder
    return 0 if encoder is None or encoder.views is None else config.views


def check_points(records: list[AssetRecord], wanted: int) -> None:
    """Raises: DatasetError if a record has fewer points."""
    there = min(len(record.points) for record in records)
    if there < wanted:
        raise DatasetError(
            f"The model reads {wanted} points of an asset but the data set has {there}: build the "
            "data with a larger recipe, or choose a smaller one for the model."
        )


def check_views(record: AssetRecord, views: Views, model: ModelConfig) -> None:
    """Raises: DatasetError if the views are fewer than the encoder wants, or of another size."""
    count, size_px = len(views.cameras), views.cameras[0].width_px
    if count < model.views or size_px != model.view_size_px:
        raise DatasetError(
            f"The model sees {model.views} views of {model.view_size_px} px of an asset but the data set has "
            f"{count} of {size_px} px (of '{record.id}'): build the data with the recipe for that model."
        )
