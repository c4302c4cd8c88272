"""The interface of frozen text encoders, and which prompts they accept."""

import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

from jaxtyping import Bool, Float
from torch import Tensor

from shapewright.errors import PromptError

__all__ = [
    "MAX_PROMPT_CHARACTERS",
    "TextConditioner",
    "TextFeatures",
    "checked_prompts",
    "warn_of_truncation",
]

# Twelve times what the text encoders read. Somebody who gives more has mistaken a document for a prompt.
MAX_PROMPT_CHARACTERS = 2000


@dataclass(frozen=True, kw_only=True)
class TextFeatures:
    """One L2-normalised vector per text, and one per token; `mask` is True for tokens, False for padding.

    Features of padding are zero.
    """

    pooled: Float[Tensor, "b p"]
    tokens: Float[Tensor, "b l w"]
    mask: Bool[Tensor, "b l"]


@runtime_checkable
class TextConditioner(Protocol):
    """A frozen text encoder. Texts always fill `max_tokens` columns, so no text depends on the others."""

    @property
    def width_pooled(self) -> int: ...

    @property
    def width_tokens(self) -> int: ...

    @property
    def max_tokens(self) -> int: ...

    def encode(self, prompts: Sequence[str]) -> TextFeatures:
        """Features of every prompt. Raises: PromptError as `checked_prompts` does."""
        ...


def checked_prompts(prompts: Sequence[str]) -> list[str]:
    """The prompts without white space around them.

    Raises: PromptError for no prompt, an empty one, or one of more than MAX_PROMPT_CHARACTERS.
    """
    if isinstance(prompts, str):
        raise TypeError("encode takes a list of prompts, not one string")
    if not prompts:
        raise PromptError("No prompt was given: describe an object, for example 'a wooden chair'.")
    return [checked_prompt(prompt) for prompt in prompts]


def checked_prompt(prompt: str) -> str:
    stripped = prompt.strip()
    if not stripped:
        raise PromptError("The prompt is empty: describe an object, for example 'a wooden chair'.")
    if len(stripped) > MAX_PROMPT_CHARACTERS:
        raise PromptError(
            f"The prompt has {len(stripped.split())} words ({len(stripped)} characters), but at most "
            f"{MAX_PROMPT_CHARACTERS} characters are accepted: describe one object in one sentence."
        )
    return stripped


def warn_of_truncation(prompt: str, kept: int, given: int) -> None:
    """Say that only the first tokens of a prompt are used."""
    start = prompt if len(prompt) <= 60 else f"{prompt[:57]}..."
    warnings.warn(
        f"only the first {kept} of {given} tokens of the prompt {start!r} are used; put what matters first",
        stacklevel=3,
    )
