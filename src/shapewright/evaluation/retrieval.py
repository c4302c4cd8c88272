"""R-Precision: is what was made nearer to its own prompt than to all others?

Shapes: S objects, V views of each, P prompts, D numbers of an embedding.
Source: Park et al. (2021), "Benchmark for compositional text-to-image synthesis"; Shap-E, section 5.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from PIL import Image

from shapewright.errors import EmptySurfaceError
from shapewright.evaluation.text_image import TextImageModel
from shapewright.geometry.cameras import Camera, turntable
from shapewright.pipeline import Asset

__all__ = ["VIEWS", "Retrieval", "embed_assets", "judged_views", "mean_embedding", "retrieve"]

# How an object is seen: so many views round it, from a little above, on white, whose embeddings are averaged.
VIEWS, VIEW_SIZE_PX, ELEVATION_RAD = 4, 128, 0.35


@dataclass(frozen=True, kw_only=True)
class Retrieval:
    """`precision`: share of the objects whose nearest prompt is their own; `chance` that of a guess.

    `nearest` (S,) is each object's nearest prompt, `similarity` (S,) its cosine to its own.
    """

    precision: float
    chance: float
    nearest: np.ndarray
    similarity: np.ndarray


def retrieve(objects: np.ndarray, prompts: np.ndarray, own: np.ndarray) -> Retrieval:
    """objects (S, D) and prompts (P, D) of unit length; own (S,): the number of each object's prompt.

    An object whose embedding is zero (nothing is to be seen) is never right.
    """
    assert len(objects) == len(own), "every object has its prompt"
    cosines = objects @ prompts.T
    seen = np.linalg.norm(objects, axis=1) > 0
    nearest = np.where(seen, cosines.argmax(axis=1), -1)
    return Retrieval(
        precision=float(np.mean(nearest == own)),
        chance=1 / len(prompts),
        nearest=nearest,
        similarity=cosines[np.arange(len(own)), own],
    )


def mean_embedding(model: TextImageModel, pictures: Sequence[Image.Image]) -> np.ndarray:
    """(D,) of unit length: the mean of the views' embeddings."""
    mean = model.embed_pictures(pictures).mean(axis=0)
    return mean / max(float(np.linalg.norm(mean)), 1e-12)


def judged_views() -> list[Camera]:
    """The cameras of the protocol."""
    return turntable(VIEWS, elevation_rad=ELEVATION_RAD, size_px=VIEW_SIZE_PX)


def embed_assets(model: TextImageModel, assets: Sequence[Asset]) -> np.ndarray:
    """(S, D): each asset's mesh seen by the protocol; zeros for one without a surface."""
    found: list[np.ndarray | None] = []
    for asset in assets:
        try:
            found.append(mean_embedding(model, pictures_of(asset)))
        except EmptySurfaceError:
            found.append(None)
    width = next((len(each) for each in found if each is not None), 1)
    return np.stack([np.zeros(width, dtype=np.float32) if each is None else each for each in found])


def pictures_of(asset: Asset) -> list[Image.Image]:
    """The asset's mesh from the protocol's cameras, cut out. Raises: EmptySurfaceError."""
    asset.surface()  # once for all views
    pictures = [asset.render(camera, mode="mesh") for camera in judged_views()]
    return [Image.fromarray((picture.clip(0, 1) * 255).round().astype(np.uint8)) for picture in pictures]
