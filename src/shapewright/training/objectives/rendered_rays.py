"""Stage 1, NeRF pretraining: what rays of an asset's pictures see, through its field.

Shapes: B assets, R rays of each.
Source: Shap-E, section 4.2; what the paper does not say is in docs/decisions/0004-three-stages.md.
"""

from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor

from shapewright.dataset.views import Views
from shapewright.errors import ConfigError
from shapewright.field import Field, FieldWeights
from shapewright.render import NerfConfig, NerfImage, RayMarks, draw_marks, render_nerf_in_parts
from shapewright.render.nerf import intersect_box
from shapewright.training.objectives.tensor_batch import TensorBatch
from shapewright.training.objectives.term import DrawnAsset

__all__ = ["RayBatch", "RenderedRays", "RenderedRaysConfig", "ray_losses"]

# Candidates drawn for every ray, of which those through the box are kept: about half of a picture's are.
CANDIDATES = 4


@dataclass(frozen=True, kw_only=True)
class RenderedRaysConfig:
    """Defaults are published. The background is black, as the pictures' is made to be.

    `asset_share` of the rays go through pixels that show the asset, the others through any. Without it (as
    published, for all we know) most rays see nothing, and with large rates or small batches a field is
    soon empty everywhere, from where no gradient leads back.
    `rays_at_once` bounds the memory of a step: of this many rays of the batch the activations are kept.
    """

    rays: int = 4096
    asset_share: float = 0.0
    coarse_samples: int = 64
    fine_samples: int = 128
    rays_at_once: int = 4096
    transmittance_weight: float = 1.0

    def __post_init__(self) -> None:
        if min(self.rays, self.rays_at_once) < 1:
            raise ConfigError(
                f"rays and rays_at_once must be at least 1, got {self.rays} and {self.rays_at_once}"
            )
        if not 0 <= self.asset_share <= 1:
            raise ConfigError(f"asset_share must be in 0..1, got {self.asset_share}")


@dataclass(frozen=True, kw_only=True)
class RayBatch(TensorBatch):
    """Rays and what they see: sRGB on black in [0, 1], and how much of the light behind passes."""

    origins: Float[Tensor, "b r 3"]
    directions: Float[Tensor, "b r 3"]
    color: Float[Tensor, "b r 3"]
    transmittance: Float[Tensor, "b r"]
    seeds: Int[Tensor, " b"]


class RenderedRays:
    """Asks a field for the light along random rays of an asset's views."""

    def __init__(self, config: RenderedRaysConfig) -> None:
        self.config = config
        self.nerf = NerfConfig(coarse_samples=config.coarse_samples, fine_samples=config.fine_samples)

    def example(self, asset: DrawnAsset, rng: np.random.Generator) -> RayBatch:
        """A batch of one: random pixels of all views, among those whose rays meet the box."""
        views = asset.views()
        pixels = self.pixels(views, rng)
        view, row, column = np.unravel_index(pixels, views.depths.shape)
        origins, directions = rays_of(views, view, row, column)
        rgba = views.images[view, row, column].astype(np.float32) / 255
        return RayBatch(
            origins=torch.from_numpy(origins)[None],
            directions=torch.from_numpy(directions)[None],
            color=torch.from_numpy(rgba[:, :3] * rgba[:, 3:])[None],
            transmittance=torch.from_numpy(1 - rgba[:, 3])[None],
            seeds=torch.from_numpy(rng.integers(0, 2**62, 1)),
        )

    def pixels(self, views: Views, rng: np.random.Generator) -> np.ndarray:
        """Numbers of as many pixels as rays are wanted, (R,); pixels are counted view after view."""
        wanted, count = self.config.rays, views.depths.size
        shown = np.flatnonzero(views.images[..., 3])
        on_asset = round(self.config.asset_share * wanted) if len(shown) else 0
        drawn = rng.integers(0, count, CANDIDATES * (wanted - on_asset))
        hits = through_box(*rays_of(views, *np.unravel_index(drawn, views.depths.shape)))
        # those that miss see nothing whatever the field: they fill up where there are too few others
        others = drawn[np.argsort(~hits, kind="stable")[: wanted - on_asset]]
        return np.concatenate([shown[rng.integers(0, max(1, len(shown)), on_asset)], others])

    def losses(self, field: Field, weights: FieldWeights, batch: RayBatch) -> dict[str, Tensor]:
        image = render_nerf_in_parts(
            field,
            weights,
            batch.origins,
            batch.directions,
            self.nerf,
            self.marks(batch),
            rays_at_once=self.config.rays_at_once,
        )
        return ray_losses(image, batch, self.config.transmittance_weight)

    def marks(self, batch: RayBatch) -> RayMarks:
        """Random samples; each asset's follow from its own seed, whatever else is in the batch."""
        device, drawn = batch.origins.device, []
        for rays, seed in zip(batch.origins.split(1), batch.seeds.tolist(), strict=True):
            generator = torch.Generator(device).manual_seed(seed)
            drawn.append(draw_marks(rays, self.nerf.coarse_samples, self.nerf.fine_samples, generator))
        return RayMarks(coarse=torch.cat([m.coarse for m in drawn]), fine=torch.cat([m.fine for m in drawn]))


def rays_of(
    views: Views, view: np.ndarray, row: np.ndarray, column: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Origins and directions (N, 3) of the rays through pixels of several views."""
    origins, directions = np.empty((2, len(view), 3), dtype=np.float32)
    for index, camera in enumerate(views.cameras):
        here = view == index
        origins[here], directions[here] = camera.rays_through(row[here], column[here])
    return origins, directions


def through_box(origins: np.ndarray, directions: np.ndarray) -> np.ndarray:
    """(N,) whether rays meet the box of the field."""
    ranges = intersect_box(torch.from_numpy(origins)[None], torch.from_numpy(directions)[None])
    return (ranges.far > ranges.near)[0].numpy()


def ray_losses(image: NerfImage, batch: RayBatch, transmittance_weight: float) -> dict[str, Tensor]:
    """L1 on colour (summed over its three channels) and on transmittance, of the coarse and fine levels."""
    assert image.coarse is not None, "both levels are trained"
    levels = (image.coarse, image)
    color = [(level.color - batch.color).abs().sum(dim=-1).mean() for level in levels]
    passed = [(level.transmittance - batch.transmittance).abs().mean() for level in levels]
    squared = (image.color.detach() - batch.color).square().mean()
    return {
        "loss": color[0] + color[1] + transmittance_weight * (passed[0] + passed[1]),
        "coarse_color": color[0],
        "color": color[1],
        "coarse_transmittance": passed[0],
        "transmittance": passed[1],
        "psnr_db": -10 * torch.log10(squared.clamp(min=1e-10)),
    }
