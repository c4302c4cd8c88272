"""The latents of the models to fine-tune on, made by the base's own encoder."""

import hashlib
import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from shapewright.autoencoder import Autoencoder
from shapewright.config import to_dict
from shapewright.dataset.loader import AssetRecord
from shapewright.dataset.views import Views
from shapewright.errors import DatasetError
from shapewright.pipeline import Model, ModelConfig
from shapewright.pipeline.asset_input import EncoderInput, view_batch
from shapewright.training.finetuning_data import Material, Working, sees_views
from shapewright.training.latents import LatentSet, encode_records, load_latents, save_latents
from shapewright.training.recipes.finetuning import FinetuningRecipe
from shapewright.training.runs import check_points, digest_of_records

__all__ = ["Refine", "latents_of"]

Refine = Callable[[Model, list[AssetRecord], LatentSet], LatentSet]


def latents_of(
    base: Model,
    material: Material,
    run: Path,
    recipe: FinetuningRecipe,
    *,
    working: Working | None = None,
    refine: Refine | None = None,
) -> LatentSet:
    """The latents that the base's own encoder gives the assets, made once and kept in RUN/latents.

    refine: makes better latents of the encoder's, from the records; called before they are kept.
    Raises: DatasetError if the data hold less of an asset than the encoder takes.
    """
    folder, mark = run / "latents", run / "latents" / "made_of.sha256"
    wanted = digest_of_encoding(base, material.records, recipe)
    if not mark.is_file() or mark.read_text().strip() != wanted:
        mark.unlink(missing_ok=True)
        found = encode(base, material.records, recipe, working)
        save_latents(found if refine is None else refine(base, material.records, found), folder)
        mark.write_text(wanted + "\n")
    latents = load_latents(folder)
    captions = [material.captions[name] for name in latents.assets]
    return LatentSet(latents=latents.latents, assets=latents.assets, captions=captions)


def digest_of_encoding(base: Model, records: list[AssetRecord], recipe: FinetuningRecipe) -> str:
    varied = json.dumps([recipe.draws, to_dict(recipe.augmentation), recipe.loop.seed])
    return hashlib.sha256(f"{base.sha256} {digest_of_records(records)} {varied}".encode()).hexdigest()


def encode(
    base: Model, records: list[AssetRecord], recipe: FinetuningRecipe, working: Working | None
) -> LatentSet:
    """The views in the data are those of the asset as it is: where they matter, it is not varied."""
    report = working or silent
    check_points(records, base.config.points)
    encoder = base.config.autoencoder.encoder
    if encoder is not None and encoder.views is not None:
        return encode_seen(base, records, report)
    return encode_records(
        base.autoencoder,
        records,
        points=base.config.points,
        draws=1 if sees_views(base.config) else recipe.draws,
        augmentation=recipe.augmentation,
        seed=recipe.loop.seed,
        progress=lambda done, total: report("encode", done, total),
    )


def silent(stage: str, done: int, total: int) -> None:
    pass


def encode_seen(base: Model, records: list[AssetRecord], report: Working) -> LatentSet:
    """By points and views, one asset at a time: views are large."""
    latents: list[Tensor] = []
    for record in records:
        latents.append(encode_one(base.autoencoder, record, base.config))
        report("encode", len(latents), len(records))
    names = [record.id for record in records]
    return LatentSet(latents=torch.cat(latents), assets=names, captions=[[] for _ in names])


@torch.inference_mode()
def encode_one(model: Autoencoder, record: AssetRecord, config: ModelConfig) -> Float[Tensor, "1 t c"]:
    views = record.views()
    if len(views.cameras) < config.views or views.images.shape[1] != config.view_size_px:
        raise DatasetError(
            f"The model looks at {config.views} views of {config.view_size_px} pixels but the data set has "
            f"{len(views.cameras)} of {views.images.shape[1]}: give the folder of the models themselves."
        )
    first = Views(
        images=views.images[: config.views],
        depths=views.depths[: config.views],
        cameras=views.cameras[: config.views],
    )
    points = torch.from_numpy(record.points[None, : config.points].astype(np.float32))
    seen = EncoderInput(points=points, views=view_batch(first)).to(next(model.parameters()).device)
    return model.eval().encode(seen.points, seen.views).float().cpu()
