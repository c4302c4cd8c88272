"""The encoder with both branches, with either switched off, and with its cheaper settings."""

from dataclasses import replace

import pytest
import torch
from torch import Tensor

from shapewright.encoder import (
    BottleneckConfig,
    Encoder,
    EncoderConfig,
    PointBranchConfig,
    ViewBatch,
    ViewBranchConfig,
)
from shapewright.nn.point_conv import PointConvConfig

CONV = PointConvConfig(centers=6, neighbors=4, radius=0.5, hidden=(8, 16), kernel=3, stride=1)
POINTS = PointBranchConfig(octaves=2, conv=CONV)
BOTH = EncoderConfig(
    width=16,
    heads=2,
    self_layers=2,
    init_scale=1.0,
    points=POINTS,
    views=ViewBranchConfig(octaves=2, patch_px=4),
    bottleneck=BottleneckConfig(noise_probability=1.0),
)
CENTERS_ONLY = replace(POINTS, channels=8, attend_to_centers=True)
CHEAP = replace(BOTH, points=CENTERS_ONLY, views=None, process_centers=False, rounds=2)


def encoder(config: EncoderConfig) -> Encoder:
    torch.manual_seed(0)
    return Encoder(config, latent_tokens=3, latent_channels=5).eval()


@pytest.fixture
def points() -> Tensor:
    cloud = torch.rand(2, 20, 6, generator=torch.Generator().manual_seed(1))
    return torch.cat([cloud[..., :3] * 2 - 1, cloud[..., 3:]], dim=-1)


@pytest.fixture
def views() -> ViewBatch:
    generator = torch.Generator().manual_seed(2)
    pictures = torch.rand(2, 3, 8, 8, 7, generator=generator)
    return ViewBatch(
        rgb=pictures[..., :3],
        alpha=(pictures[..., 3] > 0.5).float(),
        origins=torch.randn(2, 3, 3, generator=generator),
        positions=pictures[..., 4:],
    )


def test_a_latent_in_the_open_cube_from_both(points: Tensor, views: ViewBatch) -> None:
    latent = encoder(BOTH)(points, views)
    assert latent.shape == (2, 3, 5)
    assert bool((latent.abs() < 1).all())
    assert 0.05 < float(latent.detach().std()) < 0.9
    assert torch.equal(latent, encoder(BOTH)(points, views)), "encoding is deterministic"


def test_both_branches_are_heard(points: Tensor, views: ViewBatch) -> None:
    encode = encoder(BOTH)
    latent = encode(points, views)
    assert not torch.allclose(encode(points.flip(0), views), latent)
    views.rgb = 1 - views.rgb
    assert not torch.allclose(encode(points, views), latent)


def test_without_views(points: Tensor) -> None:
    encode = encoder(replace(BOTH, views=None))
    assert encode.views is None
    assert len(encode.perceiver.cross) == 1
    assert not torch.allclose(encode(points)[0], encode(points)[1])


def test_without_points(views: ViewBatch) -> None:
    encode = encoder(replace(BOTH, points=None))
    assert encode.points is None
    assert len(encode.perceiver.cross) == 1
    assert not torch.allclose(encode(None, views)[0], encode(None, views)[1])


@pytest.mark.parametrize("config", [replace(BOTH, views=None), CHEAP])
def test_neighbours_that_are_given_are_those_that_are_found(config: EncoderConfig, points: Tensor) -> None:
    encode = encoder(config)
    assert encode.points is not None
    neighbors = encode.points.conv.neighbors(points[..., :3])
    latent = encode(points)
    assert torch.equal(encode(points, neighbors=neighbors), latent)
    others = neighbors.roll(1, dims=1)
    assert not torch.allclose(encode(points, neighbors=others), latent), "they are not ignored"


def test_projecting_neighbours_is_projecting_points_and_gathering_them(points: Tensor) -> None:
    torch.manual_seed(0)
    cheap = encoder(CHEAP).points
    full = encoder(replace(BOTH, points=replace(POINTS, channels=8), width=8, views=None)).points
    assert cheap is not None
    assert full is not None
    full.input_proj.load_state_dict(cheap.input_proj.state_dict())
    full.conv.convs.load_state_dict(cheap.conv.convs.state_dict())
    full.conv.output_proj = cheap.conv.output_proj
    features, tokens = full(points)
    assert features is not None
    assert features.shape == (2, 20, 8)
    nothing, same = cheap(points)
    assert nothing is None
    torch.testing.assert_close(same, tokens)


def test_far_points_are_only_seen_by_attending_to_every_point(points: Tensor) -> None:
    """With `attend_to_centers` a point that is nobody's neighbour is not seen at all."""
    points[:, -1, :3] = 5.0
    moved = points.clone()
    moved[:, -1, 3:] = 1 - moved[:, -1, 3:]
    everything, centers = encoder(replace(BOTH, views=None)), encoder(CHEAP)
    assert torch.equal(centers(points), centers(moved))
    assert not torch.equal(everything(points), everything(moved))


def test_noise_in_training_only_and_from_the_generator(points: Tensor) -> None:
    encode = encoder(replace(BOTH, views=None))
    clean = encode(points)
    encode.train()
    noised = [encode(points, generator=torch.Generator().manual_seed(seed)) for seed in (0, 0, 1)]
    assert torch.equal(noised[0], noised[1])
    assert not torch.equal(noised[0], noised[2])
    assert not torch.equal(noised[0], clean)
