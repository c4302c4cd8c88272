"""Parts of a published configuration, read key by key until none is left."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, cast

from shapewright.errors import ConfigError

__all__ = ["Section"]


class Section:
    """A part of a published configuration, whose keys are ticked off as they are read."""

    def __init__(self, values: Mapping[str, Any], where: str) -> None:
        self.values, self.where = values, where
        self.open = set(values)
        self.parts: list[Section] = []

    def read(self, key: str, kind: type) -> Any:
        """A value that must be there and of that type (an int is a float)."""
        if key not in self.values:
            raise ConfigError(
                f"The setting '{self.where}.{key}' is missing from the published configuration."
            )
        value = self.values[key]
        self.open.discard(key)
        if kind is float and type(value) is int:
            value = float(value)
        # a bool is an int to isinstance, but not a number of layers
        if not isinstance(value, kind) or (isinstance(value, bool) and kind is not bool):
            raise ConfigError(f"'{self.where}.{key}' should be of type {kind.__name__}, not {value!r}.")
        return value

    def read_optional(self, key: str, kind: type) -> Any | None:
        """As `read`; None for a value that is absent or null."""
        if self.values.get(key) is None:
            self.open.discard(key)
            return None
        return self.read(key, kind)

    def optional(self, key: str, kind: type, default: Any) -> Any:
        """A value of that type, or what the published code takes where there is none."""
        if key in self.values and (self.values[key] is not None or default is not None):
            return self.read(key, kind)
        self.open.discard(key)
        return default

    def section(self, key: str) -> Section:
        part = Section(cast("Mapping[str, Any]", self.read(key, dict)), f"{self.where}.{key}")
        self.parts.append(part)
        return part

    def require(self, expected: Mapping[str, Any]) -> None:
        """The only values that this package implements; a key may be absent."""
        for key, value in expected.items():
            self.open.discard(key)
            given = self.values.get(key, value)
            if given != value:
                raise ConfigError(
                    f"'{self.where}.{key}' is {given!r}; this package only implements {value!r}."
                )

    def ignore(self, *keys: str) -> None:
        """Keys that do not change what a trained model computes."""
        self.open.difference_update(keys)

    def finish(self) -> None:
        """Raises: ConfigError naming the keys, here and in parts, that nothing has read."""
        unread = self.unread()
        if unread:
            raise ConfigError(
                f"Unknown settings in the published configuration: {', '.join(sorted(unread))}."
            )

    def unread(self) -> Sequence[str]:
        own = [f"{self.where}.{key}" for key in self.open]
        return own + [name for part in self.parts for name in part.unread()]
