import numpy as np
import pytest
import torch

from shapewright.errors import ConfigError
from shapewright.geometry.cameras import look_at, turntable
from shapewright.geometry.raycast import Raycaster
from shapewright.render import rasterize as module
from shapewright.render.rasterize import project, rasterize
from solids import grid_mesh

CAMERA = turntable(5, size_px=40)[1]


def soup(count: int, size: float) -> tuple[np.ndarray, np.ndarray]:
    """Triangles of about `size` anywhere in the box."""
    rng = np.random.default_rng(0)
    middle = rng.uniform(-0.8, 0.8, size=(count, 1, 3))
    corners = middle + rng.normal(size=(count, 3, 3)) * size
    return corners.reshape(-1, 3).astype(np.float32), np.arange(3 * count).reshape(-1, 3)


@pytest.mark.parametrize(("count", "size"), [(30, 0.4), (3000, 0.02)])
def test_the_same_triangles_are_seen_as_by_ray_casting(count: int, size: float) -> None:
    vertices, faces = soup(count, size)
    seen = rasterize(project(torch.from_numpy(vertices), CAMERA), torch.from_numpy(faces))
    origins, directions = CAMERA.rays()
    hits = Raycaster(vertices, faces).cast(origins.reshape(-1, 3), directions.reshape(-1, 3))
    differ = seen.triangle.numpy() != hits.face_index
    assert (hits.face_index >= 0).sum() > 100
    # centres that lie on an edge, or where two triangles meet, up to rounding
    assert differ.sum() <= 2
    depth = hits.distance * (directions.reshape(-1, 3) @ CAMERA.z)
    np.testing.assert_allclose(seen.inverse_depth.numpy()[~differ], 1 / depth[~differ], rtol=1e-4)


def test_neighbours_leave_no_gap_even_at_pixel_centres() -> None:
    # edges of this sheet pass through pixel centres, corners too
    mesh = grid_mesh(41)
    flat = torch.from_numpy(mesh.vertices) * torch.tensor([1.0, 1.0, 0.0])
    camera = look_at(np.array([0.0, 0.0, 4.0]), np.zeros(3), size_px=41, fov_rad=2 * np.arctan(0.25))
    seen = rasterize(project(flat * 1.01, camera), torch.from_numpy(mesh.faces))
    assert (seen.triangle >= 0).all()


def test_many_candidates_are_taken_in_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    vertices, faces = soup(100, 0.1)
    whole = rasterize(project(torch.from_numpy(vertices), CAMERA), torch.from_numpy(faces))
    monkeypatch.setattr(module, "CANDIDATES_AT_ONCE", 50)
    parts = rasterize(project(torch.from_numpy(vertices), CAMERA), torch.from_numpy(faces))
    assert torch.equal(whole.triangle, parts.triangle)


def test_what_is_behind_the_camera_or_outside_the_picture_is_not_drawn() -> None:
    vertices = torch.tensor([[-1.0, 0, -1], [1, 0, -1], [0, 0, 1]])
    faces = torch.tensor([[0, 1, 2]])
    away = look_at(np.array([0.0, -2.0, 0.0]), np.array([0.0, -4.0, 0.0]), size_px=8)
    aside = look_at(np.array([0.0, -2.0, 0.0]), np.array([4.0, -2.0, 0.0]), size_px=8, fov_rad=0.3)
    across = look_at(np.array([0.0, 0.0, 0.5]), np.array([0.0, 0.1, 0.5]), size_px=8)
    for camera in (away, aside, across):
        seen = rasterize(project(vertices, camera), faces)
        assert (seen.triangle == -1).all()
        assert (seen.inverse_depth == 0).all()


@pytest.mark.parametrize("supersample", [1, 3])
def test_points_on_a_ray_appear_at_its_pixel(supersample: int) -> None:
    for row, column in ((0, 0), (39, 0), (7, 22)):
        for sample in range(supersample):
            offset = (sample + 0.5) / supersample - 0.5
            origins, directions = CAMERA.rays(offset_px=(offset, offset))
            point = origins[row, column] + 3.3 * directions[row, column]
            found = project(torch.from_numpy(point[None].copy()), CAMERA, supersample)
            expected = [column * supersample + sample, row * supersample + sample]
            assert found.points[0].tolist() == pytest.approx(expected, abs=1e-3)
            assert found.depth.item() == pytest.approx(3.3 * directions[row, column] @ CAMERA.z, rel=1e-5)


def test_a_picture_of_one_pixel_is_refused() -> None:
    with pytest.raises(ConfigError, match="at least 2 x 2"):
        project(torch.zeros(1, 3), turntable(1, size_px=1)[0])
