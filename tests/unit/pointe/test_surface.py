"""Signed distances of clouds, and their meshes."""

import numpy as np
import pytest
import torch
from jaxtyping import Float
from torch import Tensor

from shapewright.errors import ConfigError, EmptySurfaceError, ModelError
from shapewright.geometry.point_cloud import PointCloud
from shapewright.pointe import PointCloudSdf, extract_point_mesh
from shapewright.pointe.surface import distance_values
from tiny_points import SDF, awake_sdf

RADIUS = 0.3


class Ball(PointCloudSdf):
    """Knows the distances of a ball around the middle of the cloud: the positive are inside."""

    def encode(self, positions: Float[Tensor, "b n 3"]) -> Float[Tensor, "b n 3"]:
        return positions

    def query(self, encoded: Float[Tensor, "b n 3"], queries: Float[Tensor, "b q 3"]) -> Float[Tensor, "b q"]:
        return RADIUS - (queries - encoded.mean(dim=1, keepdim=True)).norm(dim=-1)


def red_and_blue(offset: float = 0.0) -> PointCloud:
    """Blue on the left, red on the right of the middle."""
    positions = np.array([[-0.2, 0, 0], [0.2, 0, 0]], dtype=np.float32) + np.float32(offset)
    return PointCloud(positions=positions, colors=np.array([[0, 0, 1], [1, 0, 0]], dtype=np.float32))


def random_cloud(points: int = 32) -> PointCloud:
    rng = np.random.default_rng(0)
    return PointCloud(
        positions=rng.uniform(-0.5, 0.5, (points, 3)).astype(np.float32),
        colors=rng.uniform(0, 1, (points, 3)).astype(np.float32),
    )


def volume(vertices: np.ndarray, faces: np.ndarray) -> float:
    a, b, c = np.moveaxis(vertices[faces].astype(np.float64), 1, 0)
    return float(np.einsum("nc,nc->n", np.cross(a, b), c).sum() / 6)


@pytest.mark.parametrize("offset", [0.0, 0.15])
def test_a_ball_is_where_it_is_with_outward_normals_and_the_nearest_colours(offset: float) -> None:
    mesh = extract_point_mesh(Ball(SDF), red_and_blue(offset), resolution=48)
    centred = mesh.vertices - np.float32(offset)
    # linear interpolation between nodes 0.02 apart
    assert np.abs(np.linalg.norm(centred, axis=-1) - RADIUS).max() < 1e-3
    assert volume(centred, mesh.faces) == pytest.approx(4 / 3 * np.pi * RADIUS**3, rel=0.01)
    assert mesh.vertex_colors is not None
    assert np.array_equal(mesh.vertex_colors[:, 0] > 0.5, centred[:, 0] > 0)


def test_a_surface_that_is_cut_off_by_the_cube_is_closed() -> None:
    mesh = extract_point_mesh(Ball(SDF), red_and_blue(0.4), resolution=24)
    edges = np.sort(np.concatenate([mesh.faces[:, [i, (i + 1) % 3]] for i in range(3)]), axis=1)
    assert np.all(np.unique(edges, axis=0, return_counts=True)[1] == 2)


def test_the_grid_spans_the_cube() -> None:
    asked: list[Tensor] = []

    class Listening(Ball):
        def query(
            self, encoded: Float[Tensor, "b n 3"], queries: Float[Tensor, "b q 3"]
        ) -> Float[Tensor, "b q"]:
            asked.append(queries[0])
            return super().query(encoded, queries)

    told: list[tuple[int, int]] = []
    distance_values(
        Listening(SDF), red_and_blue(), 9, queries_at_once=100, progress=lambda *part: told.append(part)
    )
    assert told == [(done, 8) for done in range(1, 9)]
    assert [len(part) for part in asked] == [100] * 7 + [29]
    positions = torch.cat(asked)
    torch.testing.assert_close(positions.amin(dim=0), torch.full((3,), -0.51))
    torch.testing.assert_close(positions.amax(dim=0), torch.full((3,), 0.51))
    # z changes fastest
    torch.testing.assert_close(positions[1] - positions[0], torch.tensor([0.0, 0.0, 1.02 / 8]))


def test_a_distance_does_not_depend_on_what_else_is_asked() -> None:
    sdf, cloud = awake_sdf(), random_cloud()
    whole = distance_values(sdf, cloud, 8)
    parts = distance_values(sdf, cloud, 8, queries_at_once=37)
    # products of fewer rows round differently
    torch.testing.assert_close(parts, whole, rtol=1e-4, atol=1e-5)
    assert float(whole.std()) > 0.01


def test_the_order_of_the_points_does_not_matter() -> None:
    sdf, cloud = awake_sdf(), random_cloud()
    turned = PointCloud(positions=cloud.positions[::-1].copy(), colors=cloud.colors[::-1].copy())
    torch.testing.assert_close(
        distance_values(sdf, turned, 8), distance_values(sdf, cloud, 8), rtol=1e-4, atol=1e-5
    )


def test_no_surface_too_coarse_a_grid_and_damaged_weights() -> None:
    with pytest.raises(EmptySurfaceError, match="no surface"):
        extract_point_mesh(awake_sdf(inside=False), random_cloud(), resolution=8)
    assert len(extract_point_mesh(awake_sdf(inside=True), random_cloud(), resolution=8).faces) > 0
    with pytest.raises(ConfigError, match="at least 8"):
        extract_point_mesh(awake_sdf(), random_cloud(), resolution=7)
    damaged = awake_sdf()
    damaged.output_proj.bias.fill_(torch.nan)
    with pytest.raises(ModelError, match="not finite"):
        extract_point_mesh(damaged, random_cloud(), resolution=8)
