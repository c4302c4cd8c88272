"""What a training will take, for people and for machines."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from shapewright.apps.cli.terminal import duration, memory
from shapewright.config import to_dict

if TYPE_CHECKING:
    from shapewright.training.dry_run import Expectation

__all__ = ["as_json", "as_text"]

PARTS_SHOWN = 8


def as_json(found: Expectation) -> dict[str, Any]:
    """All numbers by name; bytes and seconds."""
    return {**to_dict(found), "state_bytes": found.memory.states, "seconds": found.seconds}


def as_text(found: Expectation) -> str:
    """Three lines: parameters, memory, time."""
    return "\n".join(
        [f"parameters  {sizes(found)}", f"memory      {needs(found)}", f"time        {time(found)}"]
    )


def sizes(found: Expectation) -> str:
    parts = list(found.parts.items())
    shown = [f"{name} {number(count)}" for name, count in parts[:PARTS_SHOWN]]
    if rest := sum(count for _, count in parts[PARTS_SHOWN:]):
        shown.append(f"the rest {number(rest)}")
    trained = "" if found.trainable == found.parameters else f", {number(found.trainable)} of them trained"
    return f"{number(found.parameters)}{trained}: {', '.join(shown)}"


def needs(found: Expectation) -> str:
    need = found.memory
    parts = {
        "weights": need.weights,
        "gradients": need.gradients,
        "moments": need.moments,
        "average": need.average,
    }
    named = " + ".join(f"{name} {memory(count)}" for name, count in parts.items())
    whose = "the CUDA device" if need.peak_of == "CUDA" else "the process, with program and data"
    return f"{memory(need.states)} = {named}; highest in a real step {memory(need.peak)} ({whose})"


def time(found: Expectation) -> str:
    step = found.seconds_per_step
    shown = f"{step:.3g} s" if step < 90 else duration(step)
    return (
        f"{shown} a step of {found.batch_size} assets (measured on {found.measured_steps}), "
        f"{found.steps} steps: {duration(found.seconds)}"
    )


def number(count: int) -> str:
    """Parameters as people say them: '35 k', '4.2 M', '1.3 B'."""
    for size, letter in ((10**9, "B"), (10**6, "M"), (10**3, "k")):
        if count >= size:
            return f"{count / size:.1f} {letter}"
    return str(count)
