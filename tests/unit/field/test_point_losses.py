"""Errors at points against closed forms; the whole loss is tested with field supervision."""

import math

import pytest
import torch

from shapewright.field.point_losses import DENSITY_RAMP, density_errors, signed_distance_errors


def test_the_sign_of_a_distance_is_what_counts_most() -> None:
    raw = torch.tensor([[0.0, 3.0, -3.0]])
    errors = signed_distance_errors(raw, torch.tensor([[0.5, 50.0, 50.0]]))
    # far inside the target is 1: -log sigmoid(2 raw)
    assert errors[0].tolist() == pytest.approx(
        [math.log(2), math.log1p(math.exp(-6)), math.log1p(math.exp(6))], rel=1e-4
    )


def test_a_field_that_says_the_distance_is_at_the_minimum() -> None:
    distance = torch.linspace(-2, 2, 9)[None]
    raw = distance.clone().requires_grad_()
    (gradient,) = torch.autograd.grad(signed_distance_errors(raw, distance).sum(), raw)
    # a difference of two sigmoids, each rounded at 1e-7
    assert float(gradient.abs().max()) < 1e-6


def test_density_rises_through_the_surface() -> None:
    distance = torch.tensor([[-1.0, -DENSITY_RAMP / 2, 0.0, DENSITY_RAMP, 1.0]])
    assert density_errors(torch.zeros(1, 5), distance)[0].tolist() == pytest.approx([1, 0.5, 0, 1, 1])
