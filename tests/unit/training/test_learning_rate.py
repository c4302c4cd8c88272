"""Rise, cosine, floor."""

from itertools import pairwise

import pytest

from shapewright.training.learning_rate import warmup_cosine


def test_a_linear_rise_and_a_cosine_down_to_the_floor() -> None:
    rates = [warmup_cosine(step, warmup_steps=4, total_steps=14, floor=0.1) for step in range(20)]
    assert rates[:4] == pytest.approx([0.25, 0.5, 0.75, 1.0])
    assert rates[4] == pytest.approx(1)
    assert rates[9] == pytest.approx((1 + 0.1) / 2)  # halfway down
    assert all(after < before for before, after in pairwise(rates[4:15]))
    assert rates[14:] == pytest.approx([0.1] * 6)


def test_a_run_that_is_all_rise() -> None:
    assert warmup_cosine(4, warmup_steps=10, total_steps=5) == 0.5
    assert warmup_cosine(0, warmup_steps=0, total_steps=1) == 1
