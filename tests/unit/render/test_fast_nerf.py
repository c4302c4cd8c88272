from pathlib import Path

import numpy as np
import pytest
import torch

import shapewright
from shapewright.errors import ConfigError
from shapewright.evaluation.metrics import psnr_db
from shapewright.field import Field, FieldWeights
from shapewright.geometry.cameras import turntable
from shapewright.pipeline.model_folder import load_model
from shapewright.render.fast_nerf import FastNerf, FastNerfConfig
from shapewright.render.fast_surface import extract_mesh_fast, fast_distance_grid
from shapewright.render.nerf import NerfConfig, render_nerf_image
from shapewright.render.surface import extract_mesh, signed_distance_grid
from unit.field.test_prepared import field_of

SHIPPED = Path(shapewright.__file__).parent / "weights" / "homeware"


@pytest.fixture(scope="module")
def shipped() -> tuple[Field, FieldWeights]:
    """The shipped field, with a latent that its statistics say is an ordinary one."""
    model = load_model(SHIPPED)
    field = model.autoencoder.field
    latent = torch.randn(1, 32, 32, generator=torch.Generator().manual_seed(3)) * 0.5
    with torch.no_grad():
        return field, field.weights(latent.clamp(-1, 1))


def test_pictures_of_the_shipped_model_hold_forty_decibels(shipped: tuple[Field, FieldWeights]) -> None:
    camera = turntable(8, size_px=20)[1]
    converged = render_nerf_image(
        *shipped, camera, NerfConfig(coarse_samples=192, fine_samples=192), background=(1.0, 1.0, 1.0)
    )
    fast = FastNerf(*shipped).render(camera, background=(1.0, 1.0, 1.0))
    assert converged[..., :3].std() > 0.05  # there is something to see
    assert psnr_db(fast[..., :3], converged[..., :3]) > 40


def test_fp32_with_all_samples_is_the_plain_picture(shipped: tuple[Field, FieldWeights]) -> None:
    camera = turntable(8, size_px=12)[3]
    plain = render_nerf_image(*shipped, camera)
    fast = FastNerf(*shipped, FastNerfConfig(fine_samples=128), dtype=torch.float32).render(camera)
    # what is behind DARK is left out, and with it some of what is hardly there
    assert fast[..., 3] == pytest.approx(plain[..., 3], abs=2e-3)
    seen = plain[..., 3] > 0.5
    assert fast[seen] == pytest.approx(plain[seen], abs=4e-3)


def test_parts_and_background_do_not_matter(shipped: tuple[Field, FieldWeights]) -> None:
    camera = turntable(8, size_px=9)[0]
    renderer = FastNerf(*shipped, dtype=torch.float32)
    picture = renderer.render(camera)
    assert picture.shape == (9, 9, 4)
    assert picture.dtype == np.float32
    assert renderer.render(camera, rays_at_once=7) == pytest.approx(picture, abs=1e-4)
    blue = renderer.render(camera, background=(0.0, 0.0, 1.0))
    alpha = picture[..., 3:]
    assert blue[..., :3] == pytest.approx(picture[..., :3] * alpha + (1 - alpha) * [0, 0, 1], abs=1e-5)


def test_a_field_without_a_unit_of_distance() -> None:
    field, weights = field_of()  # fog: nothing of it is empty
    camera = turntable(8, size_px=8)[1]
    plain = render_nerf_image(field, weights, camera, background=(0.0, 0.0, 0.0))
    fast = FastNerf(field, weights).render(camera, background=(0.0, 0.0, 0.0))
    assert plain[..., :3].max() > 0.1
    assert psnr_db(fast[..., :3], plain[..., :3]) > 30


@pytest.mark.parametrize("wrong", [{"coarse_samples": 0}, {"fine_samples": 0}, {"occupancy_nodes": 1}])
def test_counts_are_checked(wrong: dict[str, int]) -> None:
    with pytest.raises(ConfigError, match="at least 1 coarse"):
        FastNerfConfig(**wrong)


def test_the_fast_grid_has_the_plain_ones_surface(shipped: tuple[Field, FieldWeights]) -> None:
    plain = signed_distance_grid(*shipped, 48, refine=False)
    for dtype in (torch.float32, torch.bfloat16):
        fast = fast_distance_grid(*shipped, 48, dtype=dtype)
        assert torch.equal(fast > 0, plain > 0)
        assert 0 < int((plain > 0).sum()) < plain.numel() / 2
    mesh = extract_mesh_fast(*shipped, resolution=48)
    twin = extract_mesh(*shipped, resolution=48)
    assert mesh.vertex_colors == pytest.approx(twin.vertex_colors, abs=1e-3)


def test_a_mesh_grid_too_small_is_refused(shipped: tuple[Field, FieldWeights]) -> None:
    with pytest.raises(ConfigError, match="at least 8"):
        fast_distance_grid(*shipped, 4)
