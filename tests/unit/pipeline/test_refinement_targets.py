"""Targets of a mesh whose distances have a formula, of one with a hole, and of a data set's record."""

from pathlib import Path

import numpy as np
import pytest
import torch

from shapewright.dataset.field_targets import SHEET_THICKNESS, SOLID_THICKNESS
from shapewright.dataset.normalize import HALF_SIDE
from shapewright.field import FieldConfig
from shapewright.geometry.cameras import turntable
from shapewright.geometry.light import shade
from shapewright.geometry.mesh import Mesh
from shapewright.geometry.mesh_files import save
from shapewright.pipeline.asset_input import read_source
from shapewright.pipeline.refinement_targets import (
    RefinementTargets,
    rays_of_views,
    stacked,
    targets_of_mesh,
    targets_of_record,
)
from solids import cube_mesh, grid_mesh
from tiny_assets import Ball, Brick, record_of
from tiny_models import random_model
from tiny_official import FIELD
from unit.evaluation.solids import views_of

TAUGHT = random_model(with_prior=False).config.autoencoder.field
GREEN = np.tile(np.array([0.2, 0.8, 0.1], dtype=np.float32), (8, 1))


def targets_of(mesh: Mesh, folder: Path, config: FieldConfig = TAUGHT) -> RefinementTargets:
    save(mesh, folder / "mesh.ply")
    return targets_of_mesh(read_source(folder / "mesh.ply"), config, queries=2048)


def test_a_cube_in_the_standard_place(tmp_path: Path) -> None:
    found = targets_of(cube_mesh(half_side=3.0, colors=GREEN), tmp_path)
    assert found.queries.shape == (1, 2048, 3)
    exact = Brick((HALF_SIDE,) * 3).distance(found.queries[0].double().numpy()) + SOLID_THICKNESS
    # the mesh is in single precision
    assert np.abs(found.signed_distance[0].numpy() - exact).max() < 1e-5
    torch.testing.assert_close(
        found.colors, torch.tensor([0.2, 0.8, 0.1]).expand(1, 2048, 3), atol=2e-3, rtol=0
    )
    assert bool((found.lit <= found.colors + 1e-6).all())
    assert found.rays is not None


def test_a_cube_without_one_side_is_solid_where_it_looks_solid(tmp_path: Path) -> None:
    cube = cube_mesh()
    standing = [face for face in cube.faces if not (cube.vertices[face][:, 2] < 0).all()]
    assert len(standing) == 10
    found = targets_of(Mesh(vertices=cube.vertices, faces=np.array(standing)), tmp_path)
    middle = found.queries[0].abs().amax(dim=1) < 0.6
    assert middle.any()
    assert bool((found.signed_distance[0, middle] > 0).all())


def test_a_sheet_has_the_thickness_that_the_data_build_gives_it(tmp_path: Path) -> None:
    sheet = grid_mesh(12)
    flat = Mesh(vertices=sheet.vertices * np.array([1, 1, 0], dtype=np.float32), faces=sheet.faces)
    found = targets_of(flat, tmp_path)
    assert float(found.signed_distance.max()) == pytest.approx(SHEET_THICKNESS, abs=2e-3)


def test_the_same_mesh_gives_the_same_targets(tmp_path: Path) -> None:
    one, again = (targets_of(cube_mesh(), tmp_path, FIELD) for _ in range(2))
    assert torch.equal(one.queries, again.queries)
    assert one.rays is not None
    assert again.rays is not None
    assert torch.equal(one.rays.color, again.rays.color)


def test_which_fields_were_taught_at_points() -> None:
    assert TAUGHT.taught_at_points
    assert not FIELD.taught_at_points


@pytest.mark.parametrize("config", [TAUGHT, FIELD])
def test_rays_see_the_mesh(config: FieldConfig, tmp_path: Path) -> None:
    rays = targets_of(cube_mesh(half_side=3.0, colors=GREEN), tmp_path, config).rays
    assert rays is not None
    # a third to two thirds of the rays through the box meet a cube that nearly fills it, and more
    covered = rays.transmittance[0] == 0
    assert 0.5 < covered.float().mean() < 1
    assert bool((rays.color[0, covered, 1] > rays.color[0, covered, 0]).all()), "the cube is green"
    assert float(rays.color[0, rays.transmittance[0] == 1].abs().max()) == 0


def test_rays_are_those_of_the_pictures() -> None:
    cameras = turntable(2, size_px=8)
    pictures = [np.random.default_rng(i).random((8, 8, 4)) for i in range(2)]
    views = views_of(pictures, cameras)
    rays = rays_of_views(views, count=20)
    pixels = {
        tuple(direction.tolist()): rgba
        for camera, image in zip(cameras, views.images, strict=True)
        for direction, rgba in zip(camera.rays()[1].reshape(-1, 3), image.reshape(-1, 4) / 255, strict=True)
    }
    assert rays.origins.shape == (1, 20, 3)
    for direction, color, passed in zip(
        rays.directions[0], rays.color[0], rays.transmittance[0], strict=True
    ):
        rgba = pixels[tuple(direction.numpy().tolist())]
        assert color.tolist() == pytest.approx(rgba[:3] * rgba[3], abs=1e-6)
        assert passed.item() == pytest.approx(1 - rgba[3], abs=1e-6)


def test_views_that_are_to_be_compared_are_not_looked_at() -> None:
    record = record_of("ball", Ball(), views=3, size_px=16)
    cameras = record.views().cameras

    def origins(unseen: range) -> set[tuple[float, ...]]:
        rays = targets_of_record(record, TAUGHT, unseen=unseen).rays
        assert rays is not None
        return {tuple(origin) for origin in rays.origins[0].tolist()}

    places = [tuple(camera.origin.astype(np.float32).tolist()) for camera in cameras]
    assert origins(range(2)) == {places[2]}
    assert origins(range(3)) == set(places), "there are no others"


def test_a_record_holds_its_own_targets_and_batches_are_stacked() -> None:
    records = [
        record_of(name, solid, views=1, size_px=16) for name, solid in (("ball", Ball()), ("brick", Brick()))
    ]
    parts = [targets_of_record(record, TAUGHT) for record in records]
    both = stacked(parts)
    for row, record in enumerate(records):
        assert np.array_equal(both.signed_distance[row].numpy(), record.signed_distance.astype(np.float32))
        colors, normals = record.query_colors / 255, record.query_normals / 127
        assert np.allclose(both.lit[row].numpy(), shade(colors, normals), atol=1e-5)
    assert both.to(torch.device("meta")).colors.device.type == "meta"
