"""What can be made of a latent."""

from dataclasses import asdict
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from shapewright import Asset, Pipeline
from shapewright.errors import AssetFileError, ConfigError, EmptySurfaceError, OutputError
from shapewright.geometry.cameras import turntable
from shapewright.geometry.mesh_files import load
from shapewright.geometry.sampling import interpolate, sample_surface
from shapewright.geometry.signed_distance import nearest_surface
from shapewright.pipeline import MeshOptions, RenderMode
from tiny_models import FakeText, random_model

RESOLUTION = 16


@pytest.fixture(scope="module")
def asset() -> Asset:
    return Pipeline(random_model(), text_encoder=FakeText(), device="cpu").generate("a chair", steps=1)[0]


def test_the_mesh_has_colours_and_lies_in_the_box(asset: Asset) -> None:
    mesh = asset.mesh(RESOLUTION)
    assert len(mesh.faces) > 10
    assert np.abs(mesh.vertices).max() <= 1 + 2 / RESOLUTION  # the closing border is one cell outside
    assert mesh.visual.kind == "vertex"
    assert mesh.is_watertight


def test_an_exported_file_holds_the_surface(asset: Asset, tmp_path: Path) -> None:
    asset.export(tmp_path / "chair.glb", resolution=RESOLUTION, smallest_part=0.0)
    read = load(tmp_path / "chair.glb")
    assert len(read.faces) == len(asset.surface(RESOLUTION).faces)
    surface = asset.surface(RESOLUTION)
    np.testing.assert_allclose(read.vertices[read.faces], surface.vertices[surface.faces], atol=1e-5)


def test_an_exported_file_is_cleaned_as_asked(asset: Asset, tmp_path: Path) -> None:
    options = MeshOptions(resolution=RESOLUTION, faces=600, smallest_part=0.05)
    clean = asset.clean_surface(options)
    assert len(clean.mesh.faces) <= 600
    assert "small floating part" in clean.told[0]
    assert asset.clean_surface(MeshOptions(**asdict(options))) is clean
    asset.export(tmp_path / "chair.glb", options)
    read = load(tmp_path / "chair.glb")
    np.testing.assert_allclose(read.vertices[read.faces], clean.mesh.vertices[clean.mesh.faces], atol=1e-5)


def test_new_vertices_have_the_colours_of_the_field(asset: Asset) -> None:
    clean = asset.clean_surface(MeshOptions(resolution=RESOLUTION, faces=600)).mesh
    positions = torch.from_numpy(clean.vertices)
    with torch.no_grad():
        field = random_model().autoencoder.field
        colors = field.query(field.weights(asset.latent[None]), positions[None]).stf_color[0]
    assert clean.vertex_colors is not None
    np.testing.assert_allclose(clean.vertex_colors, colors.numpy(), atol=1e-4)


def test_files_are_textured_unless_vertex_colours_are_asked_for(asset: Asset, tmp_path: Path) -> None:
    asset.export(tmp_path / "a.glb", resolution=RESOLUTION, texture_px=64)
    asset.export(tmp_path / "b.glb", resolution=RESOLUTION, texture_px=None)
    textured, light = load(tmp_path / "a.glb"), load(tmp_path / "b.glb")
    assert textured.materials[0].texture is not None
    assert textured.materials[0].texture.shape == (64, 64, 4)
    assert textured.vertex_colors is None
    assert light.materials[0].texture is None
    assert light.vertex_colors is not None


@pytest.mark.parametrize("suffix", [".glb", ".obj", ".usdz"])
def test_textured_files_look_like_the_field(asset: Asset, tmp_path: Path, suffix: str) -> None:
    wanted = {"resolution": RESOLUTION, "smallest_part": 0.0}
    asset.export(tmp_path / f"a{suffix}", **wanted, texture_px=512)
    surface, read = asset.surface(RESOLUTION), load(tmp_path / f"a{suffix}")
    np.testing.assert_allclose(read.vertices[read.faces], surface.vertices[surface.faces], atol=1e-5)
    places = sample_surface(surface.vertices, surface.faces, 2000, np.random.default_rng(0))
    points = asset.points(2000, **wanted)
    np.testing.assert_allclose(points.positions, interpolate(surface.vertices, surface.faces, *places))
    error = np.abs(read.surface_colors(*places)[:, :3] - points.colors)
    assert error.mean() < 0.005  # half a step of 8 bits is 0.002


@pytest.mark.parametrize(("suffix", "units_per_metre"), [(".glb", 1), (".3mf", 1), (".stl", 1000)])
def test_a_height_scales_the_file_and_puts_its_base_on_the_ground(
    asset: Asset, tmp_path: Path, suffix: str, units_per_metre: int
) -> None:
    asset.export(tmp_path / f"a{suffix}", resolution=RESOLUTION, height_m=0.9)
    vertices = load(tmp_path / f"a{suffix}").vertices / units_per_metre
    low, high = vertices.min(axis=0), vertices.max(axis=0)
    np.testing.assert_allclose([low[2], high[2]], [0.0, 0.9], atol=1e-6)
    np.testing.assert_allclose((low + high)[:2], 0.0, atol=1e-6)


def test_points_lie_on_the_surface_and_are_the_same_each_time(asset: Asset) -> None:
    first, second = (asset.points(500, resolution=RESOLUTION) for _ in range(2))
    assert len(first) == 500
    np.testing.assert_array_equal(first.positions, second.positions)
    surface = asset.surface(RESOLUTION)
    distance = nearest_surface(surface.vertices, surface.faces, first.positions).distance
    assert distance.max() < 1e-5
    tall = asset.points(500, resolution=RESOLUTION, height_m=2.0)
    assert np.ptp(tall.positions[:, 2]) == pytest.approx(2.0, rel=1e-5)
    with pytest.raises(ConfigError, match="at least one"):
        asset.points(0)


@pytest.mark.parametrize("mode", ["mesh", "nerf"])
def test_pictures_are_floats_in_the_unit_range(asset: Asset, mode: RenderMode) -> None:
    camera = turntable(3, size_px=12)[1]
    picture = asset.render(camera, mode=mode, resolution=RESOLUTION)
    assert picture.shape == (12, 12, 4)
    assert picture.dtype == np.float32
    assert picture.min() >= 0.0
    assert picture.max() <= 1.0
    opaque = asset.render(camera, mode=mode, background=(1, 1, 1), resolution=RESOLUTION)
    assert (opaque[..., 3] == 1.0).all()


def test_previews_and_turntables_are_pictures(asset: Asset, tmp_path: Path) -> None:
    asset.preview(tmp_path / "chair.png", size_px=16, resolution=RESOLUTION)
    with Image.open(tmp_path / "chair.png") as picture:
        assert picture.size == (64, 16)
    asset.turntable(tmp_path / "chair.gif", frames=3, size_px=16, resolution=RESOLUTION)
    with Image.open(tmp_path / "chair.gif") as picture:
        assert picture.size == (16, 16)
        assert getattr(picture, "n_frames", 1) == 3
    asset.picture(tmp_path / "one.png", turntable(3, size_px=16)[0], background=None, resolution=RESOLUTION)
    with Image.open(tmp_path / "one.png") as picture:
        assert picture.mode == "RGBA"
    assert {path.name for path in tmp_path.iterdir()} == {"chair.png", "chair.gif", "one.png"}


@pytest.mark.parametrize("name", ["chair.xyz", "chair"])
def test_unknown_suffixes_are_refused(asset: Asset, tmp_path: Path, name: str) -> None:
    writers = (
        lambda path: asset.export(path, resolution=RESOLUTION),
        asset.save,
        asset.preview,
        asset.turntable,
    )
    for write in writers:
        with pytest.raises(OutputError):
            write(tmp_path / name)
    assert list(tmp_path.iterdir()) == []


def test_a_latent_without_a_surface_says_so(tmp_path: Path) -> None:
    pipeline = Pipeline(random_model(empty=True), text_encoder=FakeText(), device="cpu")
    asset = pipeline.generate("a chair", steps=1)[0]
    with pytest.raises(EmptySurfaceError, match="no surface"):
        asset.export(tmp_path / "chair.glb", resolution=RESOLUTION)
    assert list(tmp_path.iterdir()) == []


def test_a_latent_of_another_shape_is_refused(asset: Asset) -> None:
    with pytest.raises(AssetFileError, match="decodes"):
        Asset(torch.zeros(3, 3), random_model().autoencoder.field, asset.origin)
