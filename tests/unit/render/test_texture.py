"""Baked textures show the field."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from shapewright.evaluation.speed_jobs import sphere
from shapewright.field import Field, PreparedField
from shapewright.geometry.mesh import Material, Mesh, TexturedMesh
from shapewright.geometry.sampling import interpolate, sample_surface
from shapewright.geometry.uv_atlas import unwrap
from shapewright.render import bake_texture, surface_colors
from shapewright.render.texture import covered_texels
from solids import cube_mesh, grid_mesh
from tiny_models import random_model

TRUNCATION = 0.1


def ball_mesh(radius: float) -> Mesh:
    unit = sphere(rings=24, sectors=48)
    return replace(unit, vertices=unit.vertices * np.float32(2 * radius))


@pytest.fixture(scope="module")
def field() -> Field:
    return random_model().autoencoder.field


@pytest.fixture(scope="module")
def weights(field: Field) -> list[torch.Tensor]:
    shape = (1, field.config.latent_tokens, field.config.latent_channels)
    with torch.no_grad():
        return field.weights(torch.rand(shape, generator=torch.Generator().manual_seed(1)) * 2 - 1)


def seen(mesh: Mesh) -> TexturedMesh:
    """What a viewer sees: colours by bilinear look-ups in the texture."""
    texture = mesh.texture
    assert texture is not None
    opaque = np.full((*texture.image.shape[:2], 1), 255, dtype=np.uint8)
    return TexturedMesh(
        vertices=mesh.vertices,
        faces=mesh.faces,
        face_materials=np.zeros(len(mesh.faces), dtype=np.int64),
        materials=(Material(texture=np.concatenate([texture.image, opaque], axis=-1)),),
        face_uvs=texture.uvs[texture.faces],
    )


@pytest.mark.parametrize("mesh", [cube_mesh(), grid_mesh(24)], ids=["cube", "sheet"])
def test_the_texture_has_the_fields_colours(field, weights, mesh):
    baked = seen(bake_texture(field, weights, mesh, size_px=512))
    places = sample_surface(mesh.vertices, mesh.faces, 5000, np.random.default_rng(0))
    positions = interpolate(mesh.vertices, mesh.faces, *places).astype(np.float32)
    wanted = surface_colors(field, weights, positions)
    error = np.abs(baked.surface_colors(*places)[:, :3] - wanted)
    # half a step of 8 bits is 0.002; at seams it is the nearest texel's colour, and random weights are steep
    assert error.mean() < 0.002
    assert np.quantile(error, 0.999) < 0.01
    assert error.max() < 0.03
    assert np.ptp(wanted, axis=0).max() > 0.1, "a field of one colour would show nothing"


def test_no_texel_next_to_a_chart_is_unpainted(field, weights):
    mesh = bake_texture(field, weights, cube_mesh(), size_px=128)
    assert mesh.texture is not None
    texels = covered_texels(unwrap(mesh.vertices, mesh.faces, size_px=128), 128)
    painted = mesh.texture.image.reshape(-1, 3)
    of_the_field = {tuple(color) for color in painted[texels.pixel].tolist()}
    assert {tuple(color) for color in painted.tolist()} == of_the_field
    assert 0.2 < len(texels.pixel) / 128**2 < 0.95


def test_texels_lie_in_their_triangles():
    mesh = cube_mesh()
    atlas = unwrap(mesh.vertices, mesh.faces, size_px=64)
    texels = covered_texels(atlas, 64)
    assert texels.barycentric.min() >= -1e-5
    uvs = np.einsum("nk,nkc->nc", texels.barycentric, atlas.uvs[atlas.faces[texels.face]])
    middles = np.column_stack([texels.pixel % 64 + 0.5, 64 - (texels.pixel // 64 + 0.5)]) / 64
    np.testing.assert_allclose(uvs, middles, atol=1e-5)


class Ball(PreparedField):
    """The distance to a ball of radius 1/2, and colours that tell it apart from all around it."""

    def at(self, positions: torch.Tensor, outputs: slice = slice(None)) -> torch.Tensor:
        outside = positions.norm(dim=-1, keepdim=True) - 0.5
        return -outside / TRUNCATION if outputs.start == 0 else (outside * 100).expand(-1, 3)


def test_projection_goes_to_the_fields_own_surface(field, weights, monkeypatch):
    ball = Ball(octaves=1, weight=(), bias=(), hidden=(), output_scale=torch.ones(12), dtype=torch.float32)
    monkeypatch.setattr(Field, "prepared", lambda self, weights, dtype: ball)
    knows_distances = Field(replace(field.config, signed_distance_truncation=TRUNCATION))
    larger = ball_mesh(0.52)
    there, projected = (
        bake_texture(knows_distances, weights, larger, size_px=64, project=project).texture
        for project in (False, True)
    )
    assert there is not None
    assert projected is not None
    # grey is the colour at the ball; 0.02 outside it is sigmoid(2) * 255 = 225
    assert 215 < there.image.mean() < 230
    assert abs(projected.image.mean() - 127.5) < 3
