"""Channel scaling."""

import pytest
import torch

from shapewright.errors import ConfigError
from shapewright.prior import ChannelScaling

SCALING = ChannelScaling(scales=(2.0, 0.5), biases=(0.0, -1.0))


def test_data_is_scaled_and_restored_channel_by_channel() -> None:
    values = torch.tensor([[[1.0, 4.0], [-0.25, 0.0]]])
    assert SCALING.scale(values).tolist() == [[[2.0, 1.0], [-0.5, -1.0]]]
    assert torch.equal(SCALING.restore(SCALING.scale(values)), values)


@pytest.mark.parametrize(
    ("scales", "biases"),
    [((), ()), ((1.0,), (0.0, 0.0)), ((0.0,), (1.0,)), ((float("nan"),), (0.0,)), ((1.0,), (float("inf"),))],
)
def test_what_cannot_be_undone_is_refused(scales: tuple[float, ...], biases: tuple[float, ...]) -> None:
    with pytest.raises(ConfigError):
        ChannelScaling(scales=scales, biases=biases)
