"""The benchmarks in small: no fast path has become half as fast as it was, beside its plain twin."""

import pytest

from benchmarks.scripts import script

RATIOS = script("ratios")


@pytest.mark.parametrize("name", list(RATIOS.JOBS))
def test_ratio_is_at_least_half_of_what_is_recorded(name: str) -> None:
    # what bf16 brings is another thing on every kind of processor, and not all have been met
    if name not in RATIOS.recorded():
        pytest.skip(f"no record of '{name}' yet")
    lowest = RATIOS.recorded()[name] / 2
    job = RATIOS.JOBS[name]()
    # a second look where the machine was busy with something else
    assert RATIOS.ratio(job) >= lowest or RATIOS.ratio(job, runs=9) >= lowest
