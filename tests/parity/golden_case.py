"""A golden case beside what we compute for it."""

from functools import cache
from pathlib import Path

import numpy as np

from shapewright.interop.parity import read_case, read_inputs, run_case

GOLDEN = Path(__file__).parent / "golden"


@cache
def golden_case(name: str) -> tuple[dict[str, np.ndarray], dict[str, np.ndarray]]:
    """(our outputs, the stored arrays: inputs and the published implementation's outputs)."""
    inputs = read_inputs(GOLDEN / f"{name}.npz")
    return run_case(read_case(GOLDEN / f"{name}.json"), inputs), inputs.arrays


def relative_error(ours: np.ndarray, golden: np.ndarray) -> float:
    """The largest difference, as a part of the largest golden value."""
    assert ours.shape == golden.shape
    return float(np.abs(ours.astype(np.float64) - golden).max() / np.abs(golden).max())
