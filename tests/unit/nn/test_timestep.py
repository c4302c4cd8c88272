"""The embedding of diffusion time."""

import math

import torch

from shapewright.nn.timestep import timestep_embedding


def test_cosines_come_first_and_frequencies_fall() -> None:
    embedded = timestep_embedding(torch.tensor([0, 7]), 4)
    slow = 7 * 10000**-0.5
    expected = [[1, 1, 0, 0], [math.cos(7), math.cos(slow), math.sin(7), math.sin(slow)]]
    # fp32 angles up to 7 carry an error of 1e-6
    torch.testing.assert_close(embedded, torch.tensor(expected), rtol=0, atol=2e-6)
