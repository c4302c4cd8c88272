"""Views of varied assets: the record's pictures, changed as the asset was, instead of rendered anew.

Shapes: V views of H x W pixels.
"""

import numpy as np
import torch
from jaxtyping import Float
from PIL import Image, ImageOps
from torch import Tensor

from shapewright.conditioning.pictures import VISIBLE_ALPHA
from shapewright.dataset.augment import Recolor, recolor_lit
from shapewright.dataset.views import Views
from shapewright.encoder import ViewBatch
from shapewright.geometry.cameras import Camera
from shapewright.pipeline.asset_input import view_batch
from shapewright.training.variation import Variation, placed

__all__ = ["shows_something", "varied_batch", "varied_picture"]


def varied_batch(views: Views, chosen: np.ndarray, variation: Variation) -> ViewBatch:
    """The chosen views of the varied asset as the encoder takes them.

    Exact in all but light, which turns with the asset, and, for stretched assets, that the picture is of a
    camera whose pixels are stretched too: rays stay rays through the camera's origin.
    """
    images = views.images[chosen]
    if variation.recolor is not None:
        images = recolored(images, variation.recolor)
    cameras = [views.cameras[int(index)] for index in chosen]
    batch = view_batch(Views(images=images, depths=views.depths[chosen], cameras=cameras))
    rgb, alpha, positions = batch.rgb, batch.alpha, batch.positions
    if variation.mirrored:
        # a mirrored camera sees the mirrored asset; its picture is turned over to be right-handed again
        rgb, alpha, positions = rgb.flip(3), alpha.flip(3), positions.flip(3)
    origins, positions = (moved(variation, each) for each in (batch.origins, positions))
    return ViewBatch(rgb=rgb, alpha=alpha, origins=origins, positions=positions)


def moved(variation: Variation, positions: Float[Tensor, "*b 3"]) -> Float[Tensor, "*b 3"]:
    """Positions where the variation moves them."""
    return torch.from_numpy(placed(positions.numpy().reshape(-1, 3), variation)).reshape(positions.shape)


def varied_picture(views: Views, index: int, variation: Variation) -> Image.Image:
    """One view of the varied asset, RGBA: as a user would show it.

    Stretching is to first order, as seen from far away; a turned asset is seen by a camera turned with it.
    """
    image = views.images[index]
    if variation.recolor is not None:
        image = recolored(image[None], variation.recolor)[0]
    picture = Image.fromarray(image)
    if variation.factors is not None:
        picture = stretched(picture, views.cameras[index], np.array(variation.factors))
    return ImageOps.mirror(picture) if variation.mirrored else picture


def shows_something(views: Views, index: int) -> bool:
    """Whether the object is in the picture at all."""
    return bool((views.images[index, ..., 3] >= VISIBLE_ALPHA).any())


def recolored(images: np.ndarray, change: Recolor) -> np.ndarray:
    """Views (V, H, W, 4) uint8 with the main colour exchanged."""
    seen = images[..., 3] > 0
    changed = images.copy()
    rgb = recolor_lit(images[seen][:, :3].astype(np.float32) / 255, change)
    changed[seen, :3] = np.round(rgb * 255).astype(np.uint8)
    return changed


def stretched(picture: Image.Image, camera: Camera, factors: np.ndarray) -> Image.Image:
    """The picture of the asset with its axes stretched: as much wider and higher as the picture's axes are.

    Shear is left out: it would lean uprights over that stay upright.
    """
    axes = np.stack([camera.x, camera.y])
    width, height = np.array(picture.size) * (axes**2 @ factors)
    # Pillow multiplies colours with alpha for this, so that nothing black comes in from the background
    return picture.resize((max(1, round(width)), max(1, round(height))), Image.Resampling.BICUBIC)
