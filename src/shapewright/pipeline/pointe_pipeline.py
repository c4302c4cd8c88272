"""Point-E's way in: a prompt or a picture becomes a point cloud.

CLIP reads the prompt or looks at the picture; the base draws coarse points for it, the upsampler more.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Self

import torch
from PIL import Image
from torch import Tensor

from shapewright.conditioning import TextConditioner
from shapewright.errors import ConfigError
from shapewright.models import locate
from shapewright.pipeline.conditioners import Picture, PictureOptions
from shapewright.pipeline.device import choose_device
from shapewright.pipeline.latent_file import Origin
from shapewright.pipeline.point_cloud_asset import PointCloudAsset
from shapewright.pipeline.pointe_folder import PointEModel, load_points_model
from shapewright.pipeline.pointe_wishes import Wishes, WishReader
from shapewright.pointe import draw_points, points_to_clouds
from shapewright.prior import SamplerConfig

__all__ = ["PointEPipeline"]

Progress = Callable[[int, int], None]

# A guided cloud is a few thousand tokens: larger batches are no faster, and memory grows.
BATCH_SIZE = 4


@dataclass(frozen=True, kw_only=True)
class Draw:
    """One sample asked for: row of the wish, and the seed."""

    row: int
    seed: int


class PointEPipeline:
    """A Point-E model ready for use. CLIP is loaded when it is first needed, from where the config says."""

    def __init__(
        self, model: PointEModel, *, text_encoder: TextConditioner | None = None, device: str = "auto"
    ) -> None:
        self.model = model
        self.device = choose_device(device)
        self._reader = WishReader(model, self.device, text_encoder)
        for network in (model.base, model.upsampler, model.sdf):
            if network is not None:
                network.to(self.device).eval()

    @classmethod
    def from_pretrained(cls, folder: str | Path, *, device: str = "auto") -> Self:
        """A Point-E model folder. Raises: ModelError for damaged files; ConfigError for the device."""
        return cls(load_points_model(locate(folder)), device=device)

    def generate(
        self,
        prompt: str | Sequence[str] | None = None,
        *,
        image: Picture | Sequence[Picture] | None = None,
        seed: int = 0,
        n: int = 1,
        steps: int | None = None,
        guidance: float | None = None,
        foreground_ratio: float | None = None,
        remove_background: bool = False,
        batch_size: int = BATCH_SIZE,
        progress: Progress | None = None,
    ) -> list[PointCloudAsset]:
        """`n` clouds for each prompt or picture, with seeds seed, seed + 1, ...; all of the first come first.

        A cloud depends on what it was asked for, its seed and settings, never on what else is drawn with it.
        steps (of each stage), guidance (of the base): the model's own if None. progress(done, total) is
        called after every step of either stage. Pictures are made ready as by `Pipeline.generate`.
        Raises: PromptError, ImageError for what cannot be used; ConfigError; ModelError for a model that
        does not take prompts or pictures, or whose CLIP is not there or does not fit.
        """
        if n < 1 or seed < 0:
            raise ConfigError(f"n must be at least 1 and seed not negative, got n {n} and seed {seed}.")
        first, second = self.samplers(steps=steps, guidance=guidance)
        options = PictureOptions(foreground_ratio=foreground_ratio, remove_background=remove_background)
        wishes = self._wishes(prompt, image, options)
        draws = [Draw(row=row, seed=seed + k) for row in range(len(wishes.names)) for k in range(n)]
        batches = [draws[start : start + batch_size] for start in range(0, len(draws), batch_size)]
        assets: list[PointCloudAsset] = []
        for index, batch in enumerate(batches):
            rows = torch.tensor([draw.row for draw in batch])
            points = draw_points(
                self.model.base,
                self.model.upsampler,
                wishes.base.select(rows),
                seeds=[draw.seed for draw in batch],
                upsampler_condition=wishes.upsampler.select(rows),
                base_sampler=first,
                upsampler_sampler=second,
                on_step=_shifted(progress, index, len(batches)),
            )
            assets += self._assets(points, batch, wishes.names, first)
        return assets

    def samplers(
        self, *, steps: int | None = None, guidance: float | None = None
    ) -> tuple[SamplerConfig, SamplerConfig | None]:
        """The stages' sampling settings, with these in place of their own where given."""
        base, upsampler = self.model.config.base.sampler, self.model.config.upsampler
        first = replace(
            base,
            steps=base.steps if steps is None else steps,
            guidance=base.guidance if guidance is None else guidance,
        )
        if upsampler is None:
            return first, None
        own = upsampler.sampler
        return first, replace(own, steps=own.steps if steps is None else steps)

    def _assets(
        self, points: Tensor, batch: list[Draw], names: list[str], sampler: SamplerConfig
    ) -> list[PointCloudAsset]:
        settings = {"steps": sampler.steps, "guidance": sampler.guidance, "method": sampler.method}
        origin = Origin(model=self.model.config.name, model_sha256=self.model.sha256, settings=settings)
        return [
            PointCloudAsset(cloud, self.model.sdf, replace(origin, prompt=names[draw.row], seed=draw.seed))
            for draw, cloud in zip(batch, points_to_clouds(points), strict=True)
        ]

    def _wishes(
        self,
        prompt: str | Sequence[str] | None,
        image: Picture | Sequence[Picture] | None,
        options: PictureOptions,
    ) -> Wishes:
        if prompt is not None and image is not None:
            raise ConfigError("Give a prompt or an image, not both.")
        if prompt is not None:
            return self._reader.prompts([prompt] if isinstance(prompt, str) else prompt)
        if image is not None:
            is_one = isinstance(image, (str, Path, Image.Image))
            return self._reader.pictures([image] if is_one else image, options)
        return self._reader.nothing()


def _shifted(progress: Progress | None, batch: int, batches: int) -> Progress | None:
    """Steps of one batch as steps of all of them."""
    if progress is None:
        return None
    return lambda done, total: progress(batch * total + done, batches * total)
