"""Surfaces of solids that are known, held too far out and moved back."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from shapewright.errors import ConfigError
from shapewright.field import FieldConfig
from shapewright.pipeline import Pipeline
from shapewright.render.fast_surface import extract_mesh_fast
from shapewright.render.surface import extract_mesh
from unit.render.solids import SMALL, WEIGHTS, Distance, Solid, box, sphere

OFFSET = 0.02


def held_out(distance: Distance, offset: float = OFFSET) -> Solid:
    """A field that holds the solid `offset` too large, and says so."""
    field = Solid(lambda positions: distance(positions) + offset)
    field.config = replace(SMALL, surface_offset=offset)
    return field


def test_a_solid_is_as_large_as_it_was_and_keeps_the_colours_of_the_field() -> None:
    mesh = extract_mesh(held_out(sphere(0.5)), WEIGHTS, resolution=48)
    larger = extract_mesh(Solid(sphere(0.5 + OFFSET)), WEIGHTS, resolution=48)
    assert np.linalg.norm(mesh.vertices, axis=1) == pytest.approx(0.5, abs=2e-3)
    assert np.linalg.norm(larger.vertices, axis=1) == pytest.approx(0.52, abs=2e-3)
    assert np.array_equal(mesh.faces, larger.faces)
    assert mesh.vertex_colors == pytest.approx(larger.vertex_colors)


def test_a_plate_thinner_than_the_offset_stays_a_plate() -> None:
    half = 0.004
    mesh = extract_mesh(held_out(box((0, 0, 0.003), (0.5, 0.5, half))), WEIGHTS, resolution=64)
    above = mesh.vertices[(np.abs(mesh.vertices[:, :2]) < 0.4).all(axis=1) & (mesh.vertices[:, 2] > 0.003)]
    below = mesh.vertices[(np.abs(mesh.vertices[:, :2]) < 0.4).all(axis=1) & (mesh.vertices[:, 2] < 0.003)]
    thickness = above[:, 2].min() - below[:, 2].max()
    # the field says 0.048; of each half at most six tenths go
    assert 0.4 * 2 * (half + OFFSET) - 0.003 < thickness < 2 * (half + OFFSET)


def test_the_fast_twin_moves_the_surface_of_the_shipped_model_alike() -> None:
    pipeline = Pipeline.from_pretrained("homeware", device="cpu")
    field = pipeline.model.autoencoder.field
    assert field.config.surface_offset == pytest.approx(0.011)
    latent = torch.tanh(torch.randn(1, 32, 32, generator=torch.Generator().manual_seed(0)))
    with torch.no_grad():
        weights = field.weights(latent)
    fast, plain = (extract(field, weights, resolution=40) for extract in (extract_mesh_fast, extract_mesh))
    assert np.array_equal(fast.faces, plain.faces)
    assert fast.vertices == pytest.approx(plain.vertices, abs=2e-3)  # thickness is asked for in bf16


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"surface_offset": -0.01, "signed_distance_truncation": 0.03}, "surface_offset must be in"),
        ({"surface_offset": 0.01}, "needs a signed_distance_truncation"),
    ],
)
def test_an_offset_that_means_nothing_is_refused(changes: dict[str, float], said: str) -> None:
    with pytest.raises(ConfigError, match=said):
        FieldConfig(**changes)
