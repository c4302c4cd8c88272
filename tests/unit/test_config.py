"""Configs survive a round through JSON and refuse whatever does not fit."""

import enum
import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import pytest

from shapewright.config import from_dict, to_dict
from shapewright.errors import ConfigError


class Phase(enum.Enum):
    FIT = "fit"
    DISTIL = "distil"


@dataclass(frozen=True, kw_only=True)
class Inner:
    width: int = 64
    rate: float = 1e-4

    def __post_init__(self) -> None:
        if self.width < 1:
            raise ConfigError(f"The width must be at least 1, not {self.width}.")


@dataclass(frozen=True, kw_only=True)
class Outer:
    name: str
    inner: Inner = Inner()
    betas: tuple[float, float] = (0.9, 0.99)
    widths: tuple[int, ...] = ()
    layers: list[Inner] = field(default_factory=list[Inner])
    by_name: dict[str, Inner] = field(default_factory=dict[str, Inner])
    kind: Literal["exp", "cosine"] = "exp"
    optional: Inner | None = None
    size: int | str = 3
    folder: Path = Path("runs")
    phase: Phase = Phase.FIT
    fast: bool = False
    doubled: int = field(init=False, default=2)


FULL = Outer(
    name="x",
    inner=Inner(width=3, rate=1),
    betas=(0.5, 0.6),
    widths=(1, 2, 3),
    layers=[Inner(width=9)],
    by_name={"a": Inner(width=8)},
    kind="cosine",
    optional=Inner(),
    size="large",
    folder=Path("a/b"),
    phase=Phase.DISTIL,
    fast=True,
)


@pytest.mark.parametrize("config", [FULL, Outer(name="only what is required")])
def test_a_config_survives_a_round_through_json(config: Outer) -> None:
    assert from_dict(Outer, json.loads(json.dumps(to_dict(config)))) == config


def test_an_integer_is_read_as_the_float_the_field_asks_for() -> None:
    rate = from_dict(Inner, {"rate": 1}).rate
    assert isinstance(rate, float)
    assert rate == 1.0


def test_derived_fields_are_neither_written_nor_accepted() -> None:
    assert "doubled" not in to_dict(FULL)
    with pytest.raises(ConfigError, match="doubled"):
        from_dict(Outer, {"name": "x", "doubled": 2})


@pytest.mark.parametrize(
    ("data", "message"),
    [
        ({"name": "x", "colour": 1}, "Unknown setting 'Outer.colour'"),
        ({"name": "x", "inner": {"widht": 1}}, "Unknown setting 'Outer.inner.widht'; did you mean 'width'"),
        ({}, "'Outer.name' is missing"),
        ({"name": 3}, "'Outer.name' should be str, not 3"),
        ({"name": "x", "inner": 3}, "a dictionary of Inner settings, not 3"),
        ({"name": "x", "inner": {"width": 1.5}}, "'Outer.inner.width' should be int"),
        ({"name": "x", "inner": {"width": True}}, "should be int, not True"),
        ({"name": "x", "inner": {"rate": True}}, "should be float, not True"),
        ({"name": "x", "fast": 1}, "should be bool, not 1"),
        ({"name": "x", "betas": [0.5]}, "a list of 2 values"),
        ({"name": "x", "widths": [1, "two"]}, r"Outer.widths\[1\]' should be int"),
        ({"name": "x", "widths": "12"}, "a list, not '12'"),
        ({"name": "x", "by_name": [1]}, "a dictionary, not"),
        ({"name": "x", "by_name": {"a": {"width": "1"}}}, "Outer.by_name.a.width"),
        ({"name": "x", "kind": "linear"}, "one of 'exp', 'cosine', not 'linear'"),
        ({"name": "x", "phase": "rest"}, "one of 'fit', 'distil', not 'rest'"),
        ({"name": "x", "size": 1.5}, "int | str"),
        ({"name": "x" * 100, "size": [1] * 100}, r"\.\.\."),
        ({"name": "x", "inner": {"width": 0}}, "at least 1"),
    ],
)
def test_whatever_does_not_fit_is_refused(data: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigError, match=message.replace("|", r"\|")):
        from_dict(Outer, data)


def test_true_is_not_the_literal_one() -> None:
    @dataclass(frozen=True, kw_only=True)
    class Numbered:
        level: Literal[1, 2] = 1

    with pytest.raises(ConfigError, match="one of 1, 2, not True"):
        from_dict(Numbered, {"level": True})
