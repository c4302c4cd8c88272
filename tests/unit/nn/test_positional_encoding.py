"""Fourier features, in the order that the published checkpoints were trained with."""

import math

import pytest
import torch

from shapewright.nn.positional_encoding import encode_positions, encoded_width


@pytest.mark.parametrize("octaves", [0, 1, 3])
def test_the_order_is_values_then_sines_then_cosines_octave_by_octave(octaves: int) -> None:
    x = [0.3, -0.7]
    sines = [math.sin(2**k * value) for k in range(octaves) for value in x]
    cosines = [math.cos(2**k * value) for k in range(octaves) for value in x]
    expected = torch.tensor([*x, *sines, *cosines])
    encoded = encode_positions(torch.tensor([x]), octaves)
    assert encoded.shape == (1, encoded_width(2, octaves))
    torch.testing.assert_close(encoded[0], expected, rtol=0, atol=1e-6)  # fp32 angles of at most 3


def test_any_leading_shape_will_do() -> None:
    x = torch.rand(2, 5, 3)
    torch.testing.assert_close(encode_positions(x, 4)[1, 2], encode_positions(x[1, 2], 4))
