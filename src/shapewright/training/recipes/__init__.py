"""Recipes: every number of a run as one value, by name, and changed from the command line."""

import json
from collections.abc import Sequence
from typing import Any, Literal, TypeVar

from shapewright.config import from_dict, to_dict
from shapewright.errors import ConfigError

__all__ = ["RecipeName", "overridden"]

RecipeName = Literal["tiny", "homeware", "single-gpu", "paper"]

RecipeT = TypeVar("RecipeT")


def overridden(recipe: RecipeT, changes: Sequence[str]) -> RecipeT:
    """The recipe with `changes` such as "loop.learning_rate=1e-3" made; values are read as JSON.

    Raises: ConfigError for a change that is not key=value, an unknown key or a value that does not fit.
    """
    plain = to_dict(recipe)
    for change in changes:
        key, equals, text = change.partition("=")
        if not equals:
            raise ConfigError(f"'{change}' is not of the form key=value, such as loop.learning_rate=0.001.")
        *path, last = key.strip().split(".")
        inner: Any = plain
        for part in path:
            inner = inner.get(part) if isinstance(inner, dict) else None
        if not isinstance(inner, dict) or last not in inner:
            known = ", ".join(inner) if isinstance(inner, dict) else ", ".join(plain)
            raise ConfigError(f"The recipe has no setting '{key}'; at that place it has: {known}.")
        inner[last] = value_of(text)
    return from_dict(type(recipe), plain)


def value_of(text: str) -> Any:
    try:
        return json.loads(text)
    except json.JSONDecodeError:
        return text
