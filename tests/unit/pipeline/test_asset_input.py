"""What an encoder is given of a 3D file: ranges, units and order are those of the published encoder."""

from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
import torch

from shapewright import Pipeline
from shapewright.dataset.normalize import HALF_SIDE
from shapewright.errors import ModelError
from shapewright.geometry.mesh_files import save
from shapewright.pipeline.asset_input import EncoderInput, read_asset
from solids import cube_mesh
from tiny_official import TRANSMITTER, official_model


@pytest.fixture(scope="module")
def cube_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A cube of side 6 away from the origin, green."""
    mesh = cube_mesh(half_side=3.0, colors=np.tile(np.array([0.2, 0.8, 0.1], dtype=np.float32), (8, 1)))
    path = tmp_path_factory.mktemp("assets") / "cube.ply"
    save(type(mesh)(vertices=mesh.vertices + 5, faces=mesh.faces, vertex_colors=mesh.vertex_colors), path)
    return path


@pytest.fixture(scope="module")
def seen(cube_file: Path) -> EncoderInput:
    return read_asset(cube_file, official_model(None, encoder=TRANSMITTER).config)


def test_points_are_coloured_and_on_the_surface_in_farthest_point_order(seen: EncoderInput) -> None:
    assert seen.points is not None
    assert seen.points.shape == (1, 256, 6)
    xyz, rgb = seen.points[0, :, :3], seen.points[0, :, 3:]
    torch.testing.assert_close(xyz.abs().amax(dim=1), torch.full((256,), HALF_SIDE))
    # sRGB in [0, 1] as the file has it, without light; files hold 8 bits
    torch.testing.assert_close(rgb, torch.tensor([0.2, 0.8, 0.1]).expand(256, 3), atol=1 / 255, rtol=0)
    nearest = [torch.cdist(xyz[k : k + 1], xyz[:k]).min().item() for k in range(1, 256)]
    assert all(later <= earlier + 1e-5 for earlier, later in pairwise(nearest))


def test_views_look_from_a_distance_of_four_at_positions_on_the_surface(seen: EncoderInput) -> None:
    views = seen.views
    assert views is not None
    assert views.rgb.shape == (1, 4, 32, 32, 3)
    torch.testing.assert_close(views.origins.norm(dim=-1), torch.full((1, 4), 4.0))
    covered = views.alpha == 1
    assert 0.1 < covered.float().mean() < 0.9
    # edges of the cube mix two faces' depths within a pixel: a pixel there is about 0.1 wide
    off = (views.positions[covered].abs().amax(dim=-1) - HALF_SIDE).abs()
    assert off.max() < 0.1
    # the mean depth of a pixel's four rays is that of its middle but for the perspective: 3e-4 at 32 pixels
    assert off.median() < 1e-3
    lit = views.rgb[covered]
    assert -1 <= lit.min() < 0 < lit.max() <= 1  # [-1, 1], with light on it
    assert bool((lit[:, 1] > lit[:, 0]).all()), "the cube is green"


def test_the_published_encoder_gives_a_file_the_same_latent_every_time(cube_file: Path) -> None:
    pipeline = Pipeline(official_model(None, encoder=TRANSMITTER), device="cpu")
    first, second = (pipeline.encode(cube_file) for _ in range(2))
    assert torch.equal(first.latent, second.latent)
    assert first.latent.shape == (64, 32)
    assert first.latent.abs().max() <= 1.0


def test_both_branches_are_seen(cube_file: Path, seen: EncoderInput) -> None:
    encoder = official_model(None, encoder=TRANSMITTER).autoencoder.eval()
    points, views = seen.points, seen.views
    assert points is not None
    assert views is not None
    with torch.no_grad():
        latent = encoder.encode(points, views)
        without_colour = encoder.encode(points * torch.tensor([1, 1, 1, 0, 0, 0]), views)
        views.alpha[0, 0] = 0.0
        one_view_less = encoder.encode(points, views)
        views.alpha[0, 0] = 1.0
    assert (latent - without_colour).abs().max() > 1e-3
    assert (latent - one_view_less).abs().max() > 1e-4


def test_a_decoder_alone_does_not_encode(cube_file: Path) -> None:
    with pytest.raises(ModelError, match="has no encoder"):
        Pipeline(official_model("text"), device="cpu").encode(cube_file)
