"""RUN/config.json: what a run is, written when it begins and held against whoever goes on with it."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from shapewright.config import to_dict
from shapewright.errors import CheckpointError
from shapewright.training.loop_config import HOW_NOT_WHAT

__all__ = ["keep_settings"]


def keep_settings(run: Path, settings: Any, inputs: Mapping[str, str], *, write: bool = True) -> None:
    """Check that RUN/config.json, if there is one, says the same but for HOW_NOT_WHAT; then write it.

    Raises: CheckpointError if RUN holds another run.
    """
    path, wanted = run / "config.json", {**to_dict(settings), "inputs": dict(inputs)}
    if path.exists():
        check_same(run, read_settings(path), wanted)
    if write:
        temporary = path.with_suffix(".json.tmp")
        temporary.write_text(json.dumps(wanted, indent=1) + "\n", encoding="utf-8")
        temporary.replace(path)


def check_same(run: Path, there: dict[str, Any], wanted: dict[str, Any]) -> None:
    inputs, before = wanted["inputs"], there.get("inputs", {})
    names = dict.fromkeys([*inputs, *before])
    if differing := [name for name in names if before.get(name) != inputs.get(name)]:
        raise CheckpointError(
            f"{run} holds a run that was begun with another {' and another '.join(differing)}; "
            "choose another folder for --out."
        )
    if differing := [key for key in wanted if what_only(there.get(key)) != what_only(wanted[key])]:
        raise CheckpointError(
            f"{run} holds a run with other settings ({', '.join(differing)}); "
            "choose another folder for --out."
        )


def read_settings(path: Path) -> dict[str, Any]:
    try:
        settings = json.loads(path.read_text(encoding="utf-8"))
    except ValueError:
        settings = None
    if not isinstance(settings, dict):
        raise CheckpointError(f"'{path}' does not hold a run's settings; choose another folder for --out.")
    return settings


def what_only(value: Any) -> Any:
    return {k: v for k, v in value.items() if k not in HOW_NOT_WHAT} if isinstance(value, dict) else value
