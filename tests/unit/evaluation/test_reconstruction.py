"""Figures of reconstructions whose pictures are known."""

from dataclasses import fields, replace

import numpy as np
import pytest
import torch

from shapewright.evaluation import reconstruction as module
from shapewright.evaluation.lpips import Lpips, alexnet_features
from shapewright.evaluation.metrics import psnr_db, ssim, surface_distance
from shapewright.evaluation.reconstruction import (
    Reconstruction,
    compare,
    mean_of,
    measure_reconstruction,
    near_normals,
    on_black,
    reconstruct,
    surface_samples,
    views_to_compare,
)
from shapewright.evaluation.volume import iou_of_asset
from shapewright.geometry.cameras import turntable
from shapewright.geometry.mesh import Mesh
from shapewright.pipeline import Pipeline
from solids import cube_mesh
from tiny_assets import Ball, PicturedRecord, record_of
from tiny_models import random_model, seeing_model
from unit.evaluation.solids import Known, Seen, coarse_surfaces, views_of

CAMERAS = turntable(3, size_px=16)


@pytest.fixture(autouse=True)
def _coarse(monkeypatch: pytest.MonkeyPatch) -> None:
    coarse_surfaces(monkeypatch)


@pytest.fixture(scope="module")
def pipeline() -> Pipeline:
    return Pipeline(random_model(with_prior=False))


def seen(pictures: list[np.ndarray]) -> Seen:
    return Seen(**vars(record_of("ball", Ball())), seen=views_of(pictures, CAMERAS))


def test_a_perfect_reconstruction(pipeline: Pipeline, monkeypatch: pytest.MonkeyPatch) -> None:
    cube = Known(cube_mesh(colors=np.full((8, 3), 0.6, dtype=np.float32)))
    monkeypatch.setattr(module, "reconstruct", lambda pipeline, record, refine, compared: cube)
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
        module, "reconstruct", lambda pipeline, record, refine, compared: asset
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
    mesh = [asset.render(camera, background=(0, 0, 0))[..., :3] for camera in CAMERAS[:2]]
    assert found.mesh_ssim == pytest.approx(
        np.mean([ssim(p, on_black(record.seen, i)) for i, p in enumerate(mesh)])
    )
    assert found.mesh_lpips is None
    assert found.iou == iou_of_asset(asset, record)


def test_a_field_without_a_surface_is_a_black_picture() -> None:
    grey = np.full((16, 16, 4), 0.5)
    found = measure_reconstruction(Pipeline(random_model(empty=True, with_prior=False)), seen([grey] * 3))
    # grey of 0.5 at half cover is 0.25 on black (128 of 255, twice)
    assert found.mesh_psnr_db == pytest.approx(-20 * np.log10((128 / 255) ** 2), abs=1e-4)
    assert (found.chamfer, found.fscore, found.normal_consistency, found.iou) == (1.0, 0.0, 0.0, 0.0)


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
    record = record_of("ball", Ball(), points=512, views=2, size_px=16)
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
    first = {f.name: 1.0 for f in fields(Reconstruction)}
    results = [Reconstruction(**first), Reconstruction(**first | {"mesh_psnr_db": 3.0, "nerf_lpips": None})]
    means = mean_of(results, "refined_")
    # what was not measured of every asset has no mean
    expected = {f"refined_{name}": value for name, value in first.items() if name != "nerf_lpips"}
    assert means == pytest.approx(expected | {"refined_mesh_psnr_db": 2.0})
    assert mean_of([]) == {}


def test_normals_of_a_record_are_those_of_its_solid() -> None:
    points, normals = near_normals(record_of("ball", Ball(0.6), queries=4096))
    assert len(points) > 200
    # positions and distances are half floats, normals bytes
    assert np.abs(np.linalg.norm(points, axis=1) - 0.6).max() < 2e-3
    assert np.abs(normals - points / 0.6).max() < 0.02


def test_pictures_of_the_first_view_and_their_perceptual_distance(pipeline: Pipeline) -> None:
    cameras = turntable(3, size_px=64)
    pictures = [np.random.default_rng(i).random((64, 64, 4)) for i in range(3)]
    record = Seen(**vars(record_of("ball", Ball())), seen=views_of(pictures, cameras))
    lpips = Lpips({f"features.{name}": value for name, value in alexnet_features().state_dict().items()})
    asset = reconstruct(pipeline, record)
    found = compare(asset, record, pipeline.model.config, views=1, nerf_views=1, lpips=lpips)
    assert np.array_equal(found.truth, on_black(record.seen, 0))
    assert found.figures.mesh_psnr_db == pytest.approx(psnr_db(found.mesh, found.truth))
    assert found.figures.nerf_psnr_db == pytest.approx(psnr_db(found.nerf, found.truth))
    assert found.figures.mesh_lpips == pytest.approx(lpips.distance(found.mesh, found.truth))
    assert found.figures.nerf_lpips == pytest.approx(lpips.distance(found.nerf, found.truth))


def test_an_encoder_of_views_is_judged_by_others(pipeline: Pipeline) -> None:
    config = pipeline.model.config
    assert views_to_compare(config, 3) == [0, 1, 2]
    seeing = seeing_model(views=2).config
    assert views_to_compare(seeing, 5) == [2, 3, 4, 0, 1]
    assert views_to_compare(seeing, 2) == [0, 1]


def test_an_encoder_of_views_is_shown_its_views() -> None:
    seeing = Pipeline(seeing_model(views=2))
    first = record_of("ball", Ball(), views=3, size_px=32)
    latent = reconstruct(seeing, first).latent
    darker = replace(first.views(), images=first.views().images // np.array([2, 2, 2, 1], dtype=np.uint8))
    other = PicturedRecord(**{**vars(first), "pictures": darker})
    assert not torch.equal(latent, reconstruct(seeing, other).latent)
    found = measure_reconstruction(seeing, first, views=1)
    assert 0 < found.mesh_psnr_db < 40
