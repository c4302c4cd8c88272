"""Figures of reconstructions whose pictures are known."""

from dataclasses import fields

import numpy as np
import pytest
import torch

from shapewright.evaluation import reconstruction as module
from shapewright.evaluation.metrics import psnr_db, surface_distance
from shapewright.evaluation.reconstruction import (
    Reconstruction,
    mean_of,
    measure_reconstruction,
    on_black,
    reconstruct,
    surface_samples,
)
from shapewright.geometry.cameras import turntable
from shapewright.geometry.mesh import Mesh
from shapewright.pipeline import Pipeline
from solids import cube_mesh
from tiny_assets import Ball, record_of
from tiny_models import random_model
from unit.evaluation.solids import Known, Seen, views_of

CAMERAS = turntable(3, size_px=16)


@pytest.fixture(scope="module")
def pipeline() -> Pipeline:
    return Pipeline(random_model(with_prior=False))


def seen(pictures: list[np.ndarray]) -> Seen:
    return Seen(**vars(record_of("ball", Ball())), seen=views_of(pictures, CAMERAS))


def test_a_perfect_reconstruction(pipeline: Pipeline, monkeypatch: pytest.MonkeyPatch) -> None:
    cube = Known(cube_mesh(colors=np.full((8, 3), 0.6, dtype=np.float32)))
    monkeypatch.setattr(module, "reconstruct", lambda pipeline, record, refine: cube)
    record = seen([cube.render(camera) for camera in CAMERAS])
    on_cube = surface_samples(cube.surface(), 256, seed=1)
    record.points[:] = on_cube
    found = measure_reconstruction(pipeline, record, views=3)
    # pictures are kept in 8 bits: steps of 1/255, uniform errors, -20 log10(1 / (255 sqrt(12))) = 59 dB
    assert found.mesh_psnr_db > 55
    # 256 points of 0.06 x 0.06 each: the nearest is within 0.02 for a tenth of the surface
    assert found.chamfer < 0.06
    assert found.fscore > 0.05
    # its field is that of no model at all
    assert found.nerf_psnr_db < 30


def test_the_figures_are_those_of_its_pictures_and_points(
    pipeline: Pipeline, monkeypatch: pytest.MonkeyPatch
) -> None:
    pictures = [np.random.default_rng(i).random((16, 16, 4)) for i in range(3)]
    record = seen(pictures)
    asset = reconstruct(pipeline, record)
    monkeypatch.setattr(
        module, "reconstruct", lambda pipeline, record, refine: asset
    )  # saves a second surface
    found = measure_reconstruction(pipeline, record, views=2, nerf_views=1)
    expected = {
        mode: [
            psnr_db(asset.render(camera, mode=mode, background=(0, 0, 0))[..., :3], on_black(record.seen, i))
            for i, camera in enumerate(CAMERAS)
        ]
        for mode in ("mesh", "nerf")
    }
    assert found.mesh_psnr_db == pytest.approx(np.mean(expected["mesh"][:2]))
    assert found.nerf_psnr_db == pytest.approx(expected["nerf"][0])
    points = record.points[:, :3].astype(np.float64)
    distance = surface_distance(surface_samples(asset.surface(), 4096)[:, :3], points)
    assert (found.chamfer, found.fscore) == (distance.chamfer, distance.fscore)


def test_a_field_without_a_surface_is_a_black_picture() -> None:
    grey = np.full((16, 16, 4), 0.5)
    found = measure_reconstruction(Pipeline(random_model(empty=True, with_prior=False)), seen([grey] * 3))
    # grey of 0.5 at half cover is 0.25 on black (128 of 255, twice)
    assert found.mesh_psnr_db == pytest.approx(-20 * np.log10((128 / 255) ** 2), abs=1e-4)
    assert (found.chamfer, found.fscore) == (1.0, 0.0)


def test_no_more_views_are_compared_than_there_are() -> None:
    nothing, record = Pipeline(random_model(empty=True, with_prior=False)), seen([np.ones((16, 16, 4))] * 3)
    assert measure_reconstruction(nothing, record, views=9, nerf_views=1) == measure_reconstruction(
        nothing, record, views=3, nerf_views=1
    )


def test_a_reconstruction_remembers_where_it_came_from(pipeline: Pipeline) -> None:
    asset = reconstruct(pipeline, record_of("ball", Ball(), points=512))
    assert asset.origin.settings == {"encoded_from": "test/ball"}
    assert asset.prompt == "ball"


def test_a_reconstruction_is_refined_on_the_records_own_queries(pipeline: Pipeline) -> None:
    record = record_of("ball", Ball(), points=512)
    plain, refined = reconstruct(pipeline, record), reconstruct(pipeline, record, refine=4)
    told = refined.origin.settings
    assert (told["encoded_from"], told["refine_steps"]) == ("test/ball", 4)
    assert told["iou_after"] > told["iou_before"]
    assert not torch.equal(plain.latent, refined.latent)


def test_samples_of_a_surface_with_its_colours() -> None:
    colors = (cube_mesh().vertices + 0.5).astype(np.float32)
    samples = surface_samples(cube_mesh(colors=colors), 100)
    assert np.abs(samples[:, :3]).max(axis=1) == pytest.approx(np.full(100, 0.5))
    assert samples[:, 3:] == pytest.approx(samples[:, :3] + 0.5, abs=1e-5)
    grey = surface_samples(Mesh(vertices=cube_mesh().vertices, faces=cube_mesh().faces), 10)
    assert grey[:, 3:] == pytest.approx(np.full((10, 3), 0.5))


def test_means() -> None:
    results = [
        Reconstruction(mesh_psnr_db=20.0, nerf_psnr_db=10.0, chamfer=0.1, fscore=1.0),
        Reconstruction(mesh_psnr_db=30.0, nerf_psnr_db=20.0, chamfer=0.3, fscore=0.0),
    ]
    means = mean_of(results)
    assert means == pytest.approx({"mesh_psnr_db": 25, "nerf_psnr_db": 15, "chamfer": 0.2, "fscore": 0.5})
    assert list(means) == [field.name for field in fields(Reconstruction)]
