"""Neighbourhoods by brute force, and convolutions over them as torch does them."""

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn import functional as F

from shapewright.errors import ConfigError
from shapewright.nn.point_conv import PointConvConfig, PointSetEmbedding, ball_query, gather_points


def brute_force(points: np.ndarray, centers: np.ndarray, radius: float, count: int) -> list[list[int]]:
    found = []
    for center in centers:
        near = [i for i, p in enumerate(points) if np.linalg.norm(p - center) <= radius][:count]
        found.append(near + near[:1] * (count - len(near)))
    return found


@pytest.mark.parametrize("radius", [0.05, 0.4, 5.0])
@pytest.mark.parametrize("count", [1, 8, 50])
def test_ball_query_against_brute_force(radius: float, count: int) -> None:
    points = torch.rand(2, 40, 3, generator=torch.Generator().manual_seed(0)) * 2 - 1
    centers = points[:, :10]
    found = ball_query(points, centers, radius, count)
    for batch in range(2):
        expected = brute_force(points[batch].numpy(), centers[batch].numpy(), radius, count)
        assert found[batch].tolist() == expected


def test_a_centre_is_its_own_neighbour_and_alone_fills_its_place() -> None:
    points = torch.tensor([[[0.0, 0, 0], [1, 0, 0], [0, 1, 0]]])
    assert ball_query(points, points, 0.5, 4).tolist() == [[[0] * 4, [1] * 4, [2] * 4]]


def test_close_points_far_from_the_origin_are_told_apart() -> None:
    """The usual shortcut |a|^2 + |b|^2 - 2 a b has an error of 1e-3 here in fp32."""
    points = torch.tensor([[[100.0, 100, 100], [100, 100, 100.02], [100, 100, 100.005]]])
    assert ball_query(points, points[:, :1], 0.01, 2).tolist() == [[[0, 2]]]


def test_gather_points() -> None:
    values = torch.arange(12.0).reshape(2, 3, 2)
    index = torch.tensor([[[2, 0]], [[1, 1]]])
    assert gather_points(values, index).tolist() == [[[[4, 5], [0, 1]]], [[[8, 9], [8, 9]]]]


def embed(config: PointConvConfig, outputs: int = 6) -> tuple[PointSetEmbedding, torch.Tensor, torch.Tensor]:
    torch.manual_seed(0)
    neighborhoods = (2, config.centers, config.neighbors)
    return (
        PointSetEmbedding(config, 5, outputs),
        torch.randn(*neighborhoods, 3),
        torch.randn(*neighborhoods, 5),
    )


@pytest.mark.parametrize(("kernel", "stride"), [(1, 1), (2, 1), (3, 2), (8, 4), (1, 2)])
def test_convolutions_are_torchs_with_circular_padding(kernel: int, stride: int) -> None:
    config = PointConvConfig(centers=3, neighbors=16, hidden=(7, 6), kernel=kernel, stride=stride)
    embedding, offsets, features = embed(config)
    h = torch.cat([offsets, features], dim=-1).flatten(0, 1).transpose(1, 2)
    for conv in embedding.convs:
        assert isinstance(conv, nn.Conv1d)
        twin = nn.Conv1d(
            *(conv.in_channels, conv.out_channels, kernel),
            stride=stride,
            padding=kernel // 2,
            padding_mode="circular",
        )
        twin.load_state_dict(conv.state_dict())
        h = F.silu(twin(h))
    expected = h.mean(dim=-1).unflatten(0, (2, 3))
    torch.testing.assert_close(embedding(offsets, features), expected, rtol=1e-5, atol=1e-6)


def test_convolutions_that_end_at_another_width_are_projected() -> None:
    config = PointConvConfig(centers=3, neighbors=4, hidden=(7,), kernel=1, stride=1)
    embedding, offsets, features = embed(config)
    assert isinstance(embedding.output_proj, nn.Linear)
    assert embedding(offsets, features).shape == (2, 3, 6)
    assert isinstance(embed(config, outputs=7)[0].output_proj, nn.Identity)


def test_neighbours_of_the_first_points() -> None:
    config = PointConvConfig(centers=3, neighbors=4, radius=0.7, hidden=(6,), kernel=1, stride=1)
    xyz = torch.rand(1, 20, 3, generator=torch.Generator().manual_seed(0))
    expected = ball_query(xyz, xyz[:, :3], 0.7, 4)
    assert torch.equal(PointSetEmbedding(config, 5, 6).neighbors(xyz), expected)


def test_a_kernel_too_long_for_the_neighbourhood_is_refused() -> None:
    with pytest.raises(ConfigError, match="kernel of 9 does not fit 4"):
        PointConvConfig(neighbors=4, kernel=9)
