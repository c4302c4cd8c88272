"""The average follows the weights, quickly at first."""

import pytest
import torch
from torch import nn

from shapewright.training.ema import ExponentialMovingAverage


def test_the_average_by_hand() -> None:
    model = nn.Linear(1, 1, bias=False)
    nn.init.constant_(model.weight, 8.0)
    ema = ExponentialMovingAverage(model, decay=0.5)
    expected = 8.0
    for step, value in enumerate((1.0, -3.0, 5.0, 2.0, 2.0, 2.0, 2.0, 2.0, 2.0, 2.0)):
        nn.init.constant_(model.weight, value)
        ema.update(model, step)
        decay = min(0.5, (1 + step) / (10 + step))
        expected = decay * expected + (1 - decay) * value
        assert ema.average.weight.item() == pytest.approx(expected)
    assert decay == 0.5


def test_it_is_a_copy_that_is_not_trained() -> None:
    model = nn.Linear(2, 2).train()
    ema = ExponentialMovingAverage(model, decay=0.9)
    assert not ema.average.training
    assert not any(parameter.requires_grad for parameter in ema.average.parameters())
    assert model.training
    assert model.weight.requires_grad
    before = ema.average.weight.clone()
    nn.init.zeros_(model.weight)
    assert torch.equal(ema.average.weight, before)


def test_its_state_comes_back() -> None:
    ema = ExponentialMovingAverage(nn.Linear(2, 2), decay=0.9)
    other = ExponentialMovingAverage(nn.Linear(2, 2), decay=0.9)
    other.load_state_dict(ema.state_dict())
    assert torch.equal(other.average.weight, ema.average.weight)
