"""Frozen dataclasses to plain dictionaries and back, strictly.

Every config of the package is a keyword-only dataclass. `to_dict` makes of it what JSON can hold, `from_dict`
reads that back and refuses whatever does not fit: an unknown key, a missing one, a value of the wrong type.
Understood as field types: other dataclasses, `int`, `float`, `str`, `bool`, `None`, `Path`, `Literal`, enums,
tuples (fixed and of any length), lists, dictionaries with string keys, and unions of these.
"""

import dataclasses
import difflib
import enum
import types
import typing
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Literal, TypeVar, Union, cast, get_args, get_origin

from shapewright.errors import ConfigError

__all__ = ["from_dict", "to_dict"]

ConfigT = TypeVar("ConfigT")


def to_dict(config: Any) -> dict[str, Any]:
    """A dataclass as nested plain dictionaries, lists, numbers and strings, ready for `json.dumps`.

    Fields that the constructor does not take (`init=False`) are left out: they follow from the others.
    """
    assert dataclasses.is_dataclass(config), "to_dict takes a dataclass"
    return {
        field.name: _plain(getattr(config, field.name)) for field in dataclasses.fields(config) if field.init
    }


def from_dict(cls: type[ConfigT], data: Mapping[str, Any]) -> ConfigT:
    """The inverse of `to_dict`: build `cls` from a plain dictionary.

    Keys that are absent take the field's default if it has one.
    Raises: ConfigError for an unknown key, a missing one without a default, or a value of the wrong type.
    """
    return cast("ConfigT", _read_dataclass(cls, data, cls.__name__))


def _plain(value: Any) -> Any:
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return to_dict(value)
    if isinstance(value, enum.Enum):
        return value.value
    if isinstance(value, Path):
        return str(value)
    if isinstance(value, Mapping):
        return {str(key): _plain(item) for key, item in cast("Mapping[Any, Any]", value).items()}
    if isinstance(value, (list, tuple)):
        return [_plain(item) for item in cast("Sequence[Any]", value)]
    assert value is None or isinstance(value, (bool, int, float, str)), f"no plain form for {type(value)}"
    return value


def _read_dataclass(cls: type[Any], data: Any, where: str) -> Any:
    if not isinstance(data, Mapping):
        raise _mismatch(where, f"a dictionary of {cls.__name__} settings", data)
    given = cast("Mapping[str, Any]", data)
    fields = {field.name: field for field in dataclasses.fields(cls) if field.init}
    for key in given:
        if key not in fields:
            raise ConfigError(f"Unknown setting '{where}.{key}'{_suggestion(key, list(fields))}.")
    for name, field in fields.items():
        if name not in given and _is_required(field):
            raise ConfigError(f"The setting '{where}.{name}' is missing.")
    hints = typing.get_type_hints(cls)
    return cls(**{name: _read(hints[name], item, f"{where}.{name}") for name, item in given.items()})


def _is_required(field: "dataclasses.Field[Any]") -> bool:
    return field.default is dataclasses.MISSING and field.default_factory is dataclasses.MISSING


def _suggestion(key: str, known: list[str]) -> str:
    close = difflib.get_close_matches(key, known, n=1)
    return f"; did you mean '{close[0]}'?" if close else f"; known are {', '.join(sorted(known))}"


def _read(hint: Any, value: Any, where: str) -> Any:
    """`value` as the type `hint` asks for; `where` names the setting in messages."""
    origin = get_origin(hint)
    if hint is Any:
        return value
    if origin is typing.Annotated:
        return _read(get_args(hint)[0], value, where)
    if origin in (Union, types.UnionType):
        return _read_union(hint, value, where)
    if origin is Literal:
        return _read_literal(hint, value, where)
    if origin in (tuple, list, Sequence) or hint in (tuple, list):
        return _read_sequence(hint, value, where)
    if origin in (dict, Mapping) or hint is dict:
        return _read_mapping(hint, value, where)
    if dataclasses.is_dataclass(hint):
        return _read_dataclass(cast("type[Any]", hint), value, where)
    return _read_scalar(hint, value, where)


def _read_union(hint: Any, value: Any, where: str) -> Any:
    members = get_args(hint)
    if value is None and type(None) in members:
        return None
    real = [member for member in members if member is not type(None)]
    if len(real) == 1:
        return _read(real[0], value, where)
    for member in real:
        try:
            return _read(member, value, where)
        except ConfigError:
            continue
    raise _mismatch(where, _name(hint), value)


def _read_literal(hint: Any, value: Any, where: str) -> Any:
    choices = get_args(hint)
    for choice in choices:
        if choice == value and type(choice) is type(value):  # True == 1, but they are not the same setting
            return choice
    raise _mismatch(where, f"one of {', '.join(repr(choice) for choice in choices)}", value)


def _read_sequence(hint: Any, value: Any, where: str) -> Any:
    if not isinstance(value, (list, tuple)):
        raise _mismatch(where, "a list", value)
    items = cast("Sequence[Any]", value)
    arguments = get_args(hint) or (Any, ...)
    if get_origin(hint) is list or hint is list:
        return [_read(arguments[0], item, f"{where}[{index}]") for index, item in enumerate(items)]
    if len(arguments) == 1 or arguments[-1] is ...:
        arguments = (arguments[0],) * (
            len(items) if arguments[-1] is ... or get_origin(hint) is Sequence else 1
        )
    if len(arguments) != len(items):
        raise _mismatch(where, f"a list of {len(arguments)} values", value)
    members = zip(arguments, items, strict=True)
    return tuple(_read(member, item, f"{where}[{index}]") for index, (member, item) in enumerate(members))


def _read_mapping(hint: Any, value: Any, where: str) -> dict[str, Any]:
    if not isinstance(value, Mapping):
        raise _mismatch(where, "a dictionary", value)
    member = (get_args(hint) or (str, Any))[1]
    items = cast("Mapping[str, Any]", value).items()
    return {key: _read(member, item, f"{where}.{key}") for key, item in items}


def _read_scalar(hint: Any, value: Any, where: str) -> Any:
    if hint is Path and isinstance(value, (str, Path)):
        return Path(value)
    if isinstance(hint, type) and issubclass(hint, enum.Enum):
        if value in {member.value for member in hint}:
            return hint(value)
        raise _mismatch(where, f"one of {', '.join(repr(member.value) for member in hint)}", value)
    if hint is float and isinstance(value, (int, float)) and not isinstance(value, bool):
        return float(value)
    if hint in (bool, int, str) and type(value) is hint:
        return value
    if hint is type(None) and value is None:
        return None
    raise _mismatch(where, _name(hint), value)


def _name(hint: Any) -> str:
    return hint.__name__ if isinstance(hint, type) else str(hint)


def _mismatch(where: str, expected: str, value: Any) -> ConfigError:
    shown = repr(value)
    shown = shown if len(shown) <= 60 else f"{shown[:57]}..."
    return ConfigError(f"The setting '{where}' should be {expected}, not {shown}.")
