"""Mean and spread of the latents a prior is trained on."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from shapewright.errors import ModelError

__all__ = ["LatentStatistics"]

# A number that never varies is left alone instead of being blown up to unit variance.
SMALLEST_STD = 1e-6


@dataclass(frozen=True, kw_only=True)
class LatentStatistics:
    """Per token and channel. The prior learns (latent - mean) / std, bounded by `clip` in size.

    The published priors take latents as they are and have no statistics.
    """

    mean: Float[Tensor, "t c"]
    std: Float[Tensor, "t c"]
    clip: float = 4.0

    def __post_init__(self) -> None:
        assert bool((self.std > 0).all()), "every standard deviation is positive"
        assert self.clip > 0, "the bound of standardised latents is positive"

    @classmethod
    def measure(cls, batches: Iterable[Float[Tensor, "_ t c"]], *, clip: float = 4.0) -> "LatentStatistics":
        """Of all latents in `batches`, in one pass (Chan's update) and float64."""
        count, mean, squares = 0, torch.zeros(()), torch.zeros(())
        for batch in batches:
            batch = batch.detach().cpu().double()
            total = count + len(batch)
            distance = batch.mean(dim=0) - mean
            spread = ((batch - batch.mean(dim=0)) ** 2).sum(dim=0)
            squares = squares + spread + distance**2 * (count * len(batch) / total)
            mean = mean + distance * (len(batch) / total)
            count = total
        assert count > 0, "statistics need at least one latent"
        std = torch.sqrt(squares / count)
        return cls(mean=mean.float(), std=torch.where(std < SMALLEST_STD, 1.0, std).float(), clip=clip)

    def standardise(self, latent: Float[Tensor, "*b t c"]) -> Float[Tensor, "*b t c"]:
        """Mean 0, standard deviation 1, bounded to [-clip, clip]."""
        return ((latent - self.mean) / self.std).clamp(-self.clip, self.clip)

    def restore(self, standardised: Float[Tensor, "*b t c"]) -> Float[Tensor, "*b t c"]:
        """The inverse of `standardise` for values within the bound; values beyond are brought to it."""
        return standardised.clamp(-self.clip, self.clip) * self.std + self.mean

    def to(self, device: torch.device | str) -> "LatentStatistics":
        return LatentStatistics(mean=self.mean.to(device), std=self.std.to(device), clip=self.clip)

    def tensors(self) -> dict[str, Tensor]:
        """What a model file holds of them."""
        return {"mean": self.mean, "std": self.std, "clip": torch.tensor(self.clip)}

    @classmethod
    def from_tensors(cls, tensors: Mapping[str, Tensor]) -> "LatentStatistics":
        """The inverse of `tensors`. Raises: ModelError where parts are missing or unusable."""
        if set(tensors) != {"mean", "std", "clip"}:
            raise ModelError(
                f"Latent statistics hold mean, std and clip, but the file has {sorted(tensors)}."
            )
        mean, std, clip = tensors["mean"].float(), tensors["std"].float(), float(tensors["clip"])
        finite = bool(torch.isfinite(mean).all() and torch.isfinite(std).all())
        if mean.shape != std.shape or not finite or not bool((std > 0).all()) or not clip > 0:
            raise ModelError("The model's latent statistics are damaged: download or build the model again.")
        return cls(mean=mean, std=std, clip=clip)
