"""The latents of the models to fine-tune on, made by the base's own encoder."""

import hashlib
import json
from pathlib import Path

import torch
from jaxtyping import Float
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor

from shapewright.atomic_file import replacing
from shapewright.config import to_dict
from shapewright.dataset.loader import AssetRecord
from shapewright.field import Field
from shapewright.pipeline import Model
from shapewright.pipeline.latent_refinement import RefinementConfig, refine_latents
from shapewright.pipeline.refinement_targets import targets_of_record
from shapewright.training.encoding import LatentsConfig, encode_records
from shapewright.training.finetuning_data import Material, Working, sees_views
from shapewright.training.latents import LatentSet
from shapewright.training.recipes.finetuning import FinetuningRecipe
from shapewright.training.runs import digest_of_records

__all__ = ["keep", "latents_of", "read_kept"]


def latents_of(
    base: Model,
    material: Material,
    run: Path,
    recipe: FinetuningRecipe,
    *,
    working: Working | None = None,
) -> LatentSet:
    """The latents that the base's own encoder gives the assets, kept in RUN/latents.safetensors.

    They are made again only if they would be others.
    Raises: DatasetError if the data hold less of an asset than the encoder takes.
    """
    path, wanted = run / "latents.safetensors", digest_of_encoding(base, material.records, recipe)
    kept = read_kept(path, wanted)
    if kept is None:
        kept = encode(base, material.records, recipe, working)
        keep(kept, path, wanted)
    captions = [material.captions[name] for name in kept.assets]
    return LatentSet(latents=kept.latents, assets=kept.assets, captions=captions)


def digest_of_encoding(base: Model, records: list[AssetRecord], recipe: FinetuningRecipe) -> str:
    varied = json.dumps([recipe.refine, recipe.draws, to_dict(recipe.augmentation), recipe.loop.seed])
    return hashlib.sha256(f"{base.sha256} {digest_of_records(records)} {varied}".encode()).hexdigest()


def keep(latents: LatentSet, path: Path, made_of: str) -> None:
    """Write the latents, the names of their assets and the digest of what they are made of."""
    metadata = {"made_of": made_of, "assets": json.dumps(latents.assets)}
    with replacing(path) as temporary:
        save_file({"latents": latents.latents.contiguous()}, temporary, metadata)


def read_kept(path: Path, wanted: str) -> LatentSet | None:
    """The latents in the file if they were made of what is wanted; damaged ones are made again."""
    try:
        with safe_open(path, framework="pt") as file:
            metadata: dict[str, str] = file.metadata() or {}
            if metadata.get("made_of") != wanted:
                return None
            assets: list[str] = json.loads(metadata["assets"])
            latents = file.get_tensor("latents")
    except (OSError, SafetensorError):
        return None
    return LatentSet(latents=latents, assets=assets, captions=[[] for _ in assets])


def encode(
    base: Model, records: list[AssetRecord], recipe: FinetuningRecipe, working: Working | None
) -> LatentSet:
    """The views in the data are those of the asset as it is: where they matter, it is not varied."""
    config = LatentsConfig(
        draws=1 if sees_views(base.config) or recipe.refine else recipe.draws,
        augmentation=recipe.augmentation,
        seed=recipe.loop.seed,
    )
    report = working or silent

    def encoding(done: int, total: int) -> None:
        report("encode", done, total)

    latents, entries = encode_records(base, records, config, progress=encoding)
    if recipe.refine:
        latents = refined(base.autoencoder.field, records, latents, recipe.refine, report)
    assets = [entry.asset for entry in entries]
    return LatentSet(latents=latents, assets=assets, captions=[[] for _ in assets])


def refined(
    field: Field, records: list[AssetRecord], latents: Float[Tensor, "m t c"], steps: int, report: Working
) -> Float[Tensor, "m t c"]:
    """Each record's latent improved on its own field targets: few shapes are like those the encoder knows."""
    device, config = next(field.parameters()).device, RefinementConfig(steps=steps)
    # where points do, the one view would say too much of its own side
    with_rays = not field.config.taught_at_points
    parts: list[Tensor] = []
    for record, latent in zip(records, latents, strict=True):
        targets = targets_of_record(record, field.config, with_rays=with_rays).to(device)
        parts.append(refine_latents(field, latent[None].to(device), targets, config).latents.cpu())
        report("refine", len(parts), len(records))
    return torch.cat(parts)


def silent(stage: str, done: int, total: int) -> None:
    pass
