"""What a prior is told about the sample: features of a text or of an image, batched.

Shapes: B batch, P pooled width, L text tokens, W token width, N image tokens, D image feature width,
K coarse points, C channels of a point.
"""

from collections.abc import Callable
from dataclasses import dataclass, fields, replace

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from shapewright.conditioning import TextFeatures

__all__ = ["Condition"]


@dataclass(frozen=True, kw_only=True)
class Condition:
    """Parts that a prior does not use are None. `text_mask` is True where a text token is not padding.

    A prior of text and of images may be told one of the two, the other being None. Where some samples of a
    batch have an image and some have none, `image_mask` is True for the tokens of those that have.

    `low_res` are the coarse points of an upsampler, before scaling. They are what is refined rather than
    what is wished for, so no sample is ever without them.
    """

    text_pooled: Float[Tensor, "b p"] | None = None
    text_tokens: Float[Tensor, "b l w"] | None = None
    text_mask: Bool[Tensor, "b l"] | None = None
    image_tokens: Float[Tensor, "b n d"] | None = None
    image_mask: Bool[Tensor, "b n"] | None = None
    low_res: Float[Tensor, "b k c"] | None = None

    def __post_init__(self) -> None:
        assert (self.text_tokens is None) == (self.text_mask is None), "text tokens need their mask"

    @staticmethod
    def from_text(features: TextFeatures) -> "Condition":
        return Condition(text_pooled=features.pooled, text_tokens=features.tokens, text_mask=features.mask)

    def drop(self, dropped: Bool[Tensor, " b"]) -> "Condition":
        """The same with the marked samples unconditioned: zeros for features, no text token seen.

        Zeros are the published unconditional path. Text tokens (ours) are hidden too, since their
        number would still tell the length of the prompt.
        """
        kept = ~dropped
        return replace(
            self,
            text_pooled=_scaled(self.text_pooled, kept),
            text_tokens=_scaled(self.text_tokens, kept),
            text_mask=None if self.text_mask is None else self.text_mask & kept[:, None],
            image_tokens=_scaled(self.image_tokens, kept),
            image_mask=None if self.image_mask is None else self.image_mask & kept[:, None],
        )

    def unconditional(self) -> "Condition":
        """Every sample dropped."""
        return replace(self._map(torch.zeros_like), low_res=self.low_res)

    def joined(self, other: "Condition") -> "Condition":
        """This batch followed by that of `other`, which must have the same parts."""
        pairs = {name: (part, getattr(other, name)) for name, part in self._parts().items()}
        return replace(self, **{name: torch.cat(pair) for name, pair in pairs.items()})

    def first_block(self, blocks: int) -> "Condition":
        """The first of so many blocks of equally many samples."""
        return self if blocks == 1 else self._map(lambda part: part[: len(part) // blocks])

    def select(self, rows: Int[Tensor, " r"]) -> "Condition":
        """The samples `rows`, in that order; a row may repeat (several samples of one prompt)."""
        return self._map(lambda part: part[rows])

    def to(self, device: torch.device | str) -> "Condition":
        return self._map(lambda part: part.to(device))

    def trimmed(self, length: int | None = None) -> "Condition":
        """Without the text columns that are padding in every sample: cheaper, the same but for rounding.

        `length` keeps more columns than these need, to go with others.
        """
        if self.text_tokens is None or self.text_mask is None:
            return self
        length = self.text_length if length is None else length
        return replace(self, text_tokens=self.text_tokens[:, :length], text_mask=self.text_mask[:, :length])

    @property
    def text_length(self) -> int:
        """Columns of text, at least 1, beyond which there is padding only; 1 without text tokens."""
        return 1 if self.text_mask is None else max(int(self.text_mask.sum(dim=1).max()), 1)

    @property
    def batch_size(self) -> int | None:
        """None for a condition without parts, which fits any batch."""
        sizes = [part.shape[0] for part in self._parts().values()]
        return sizes[0] if sizes else None

    def _parts(self) -> dict[str, Tensor]:
        parts = {field.name: getattr(self, field.name) for field in fields(self)}
        return {name: part for name, part in parts.items() if part is not None}

    def _map(self, change: Callable[[Tensor], Tensor]) -> "Condition":
        return replace(self, **{name: change(part) for name, part in self._parts().items()})


def _scaled(part: Tensor | None, kept: Bool[Tensor, " b"]) -> Tensor | None:
    """`part` with zeros for the samples that are not kept, whatever they held."""
    if part is None:
        return None
    return part.masked_fill(~kept.reshape(-1, *[1] * (part.ndim - 1)), 0.0)
