"""The encoder's latents of a data set, several varied draws of each asset, for the prior to learn from."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Float
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor

from shapewright.atomic_file import replacing
from shapewright.autoencoder import Autoencoder
from shapewright.dataset.captions import sentences, subject_of
from shapewright.dataset.colors import color_shares
from shapewright.dataset.loader import AssetRecord
from shapewright.errors import DatasetError
from shapewright.training.variation import Augmentation, VariedAsset, vary

__all__ = ["LatentSet", "encode_records", "load_latents", "save_latents"]

ENCODE_BATCH = 32


@dataclass(frozen=True, kw_only=True)
class LatentSet:
    """M latents (M, T, C) fp32, the asset each is of, and the texts that describe it."""

    latents: Float[Tensor, "m t c"]
    assets: list[str]
    captions: list[list[str]]


def encode_records(
    model: Autoencoder,
    records: list[AssetRecord],
    *,
    points: int,
    draws: int,
    augmentation: Augmentation,
    seed: int = 0,
    progress: Callable[[int, int], None] | None = None,
) -> LatentSet:
    """Encode `draws` variations of every record; the first draw of each is the asset as it is."""
    varied: list[tuple[AssetRecord, VariedAsset]] = []
    latents: list[Tensor] = []
    total = draws * len(records)
    for draw in range(draws):
        for index, record in enumerate(records):
            rng = np.random.default_rng((seed, draw, index))
            change = augmentation if draw else Augmentation.none()
            varied.append((record, vary(record, slice(0, 1), points, change, rng)))
            if len(varied) % ENCODE_BATCH == 0 or len(varied) == total:
                waiting = varied[sum(map(len, latents)) :]
                latents.append(encode_points(model, [asset.points for _, asset in waiting]))
                if progress is not None:
                    progress(len(varied), total)
    return LatentSet(
        latents=torch.cat(latents),
        assets=[record.id for record, _ in varied],
        captions=[captions_of_varied(record, asset) for record, asset in varied],
    )


@torch.inference_mode()
def encode_points(model: Autoencoder, clouds: list[np.ndarray]) -> Float[Tensor, "b t c"]:
    points = torch.from_numpy(np.stack(clouds)).float()
    return model.eval().encode(points.to(next(model.parameters()).device)).float().cpu()


def captions_of_varied(record: AssetRecord, asset: VariedAsset) -> list[str]:
    """The record's English captions, or new ones for its new colours."""
    if not asset.recolored:
        return record.texts("en")
    shares = color_shares(asset.points[:, 3:])
    return sentences(subject_of(record.name, record.tags, shares, record.material))


def save_latents(latents: LatentSet, folder: Path) -> None:
    """Write latents.safetensors and latents.json, each whole or not at all."""
    described = {"assets": latents.assets, "captions": latents.captions}
    with replacing(folder / "latents.safetensors") as temporary:
        save_file({"latents": latents.latents.contiguous()}, temporary)
    with replacing(folder / "latents.json") as temporary:
        temporary.write_text(json.dumps(described, ensure_ascii=False), encoding="utf-8")


def load_latents(folder: Path) -> LatentSet:
    """Raises: DatasetError if the folder holds no complete set of latents."""
    try:
        tensors = load_file(folder / "latents.safetensors")
        described = json.loads((folder / "latents.json").read_text(encoding="utf-8"))
        return LatentSet(
            latents=tensors["latents"], assets=described["assets"], captions=described["captions"]
        )
    except (OSError, KeyError, ValueError, SafetensorError) as error:
        raise DatasetError(f"{folder} holds no usable latents ({error}).") from error
