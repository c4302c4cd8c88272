"""The run-time type checker of the tests: beartype, with `int` accepted for `float` as PEP 484 has it."""

from typing import Any, Self

from beartype import BeartypeConf, beartype

_beartype = beartype(conf=BeartypeConf(is_pep484_tower=True))


def checked(function: Any) -> Any:
    """What jaxtyping's import hook puts around every function of the package."""
    hints = getattr(function, "__annotations__", {})
    if any(hint in (Self, "Self") for hint in hints.values()):  # only known to beartype inside whole classes
        function.__annotations__ = {k: v for k, v in hints.items() if v not in (Self, "Self")}
    return _beartype(function)
