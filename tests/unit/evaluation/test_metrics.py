"""Measures against closed forms."""

import numpy as np
import pytest
from scipy.stats import special_ortho_group
from skimage.metrics import structural_similarity

from shapewright.evaluation.metrics import (
    chamfer_matrix,
    normal_consistency,
    psnr_db,
    ssim,
    surface_distance,
    volume_iou,
)


def plane(height: float, side: int = 21) -> np.ndarray:
    """A square grid of points with a spacing of 0.1."""
    x, y = np.meshgrid(np.arange(side), np.arange(side))
    return np.stack([x.ravel() * 0.1, y.ravel() * 0.1, np.full(side * side, height)], axis=1)


@pytest.mark.parametrize(("error", "decibels"), [(0.1, 20.0), (1.0, 0.0), (0.01, 40.0)])
def test_psnr_of_a_known_error(error: float, decibels: float) -> None:
    black = np.zeros((8, 8, 3), dtype=np.float32)
    assert psnr_db(black + np.float32(error), black) == pytest.approx(decibels, abs=1e-4)
    assert psnr_db(black - np.float32(error), black) == pytest.approx(decibels, abs=1e-4)


def test_psnr_of_a_few_wrong_pixels_and_of_none() -> None:
    black = np.zeros((10, 10))
    spotted = black.copy()
    spotted[0, 0] = 1
    assert psnr_db(spotted, black) == pytest.approx(20)
    assert psnr_db(black, black) == float("inf")


@pytest.mark.parametrize("noise", [0.02, 0.3])
def test_ssim_is_that_of_scikit_image(noise: float) -> None:
    rng = np.random.default_rng(0)
    picture = np.kron(rng.random((6, 8, 3)), np.ones((5, 5, 1)))
    other = (picture + noise * rng.normal(size=picture.shape)).clip(0, 1)
    mirrored = [np.pad(p, ((5, 5), (5, 5), (0, 0)), mode="reflect") for p in (picture, other)]
    _, theirs = structural_similarity(
        *mirrored, channel_axis=-1, data_range=1, gaussian_weights=True, sigma=1.5,
        use_sample_covariance=False, full=True,
    )  # fmt: skip
    assert ssim(other, picture) == pytest.approx(theirs[5:-5, 5:-5].mean(), abs=1e-6)
    assert ssim(picture.astype(np.float32), picture.astype(np.float32)) == pytest.approx(1)


@pytest.mark.parametrize("shift", [0.01, 0.03])
def test_a_shifted_plane_is_as_far_as_it_was_shifted(shift: float) -> None:
    found = surface_distance(plane(shift), plane(0.0))
    assert found.chamfer == pytest.approx(shift)
    assert found.fscore == (1.0 if shift < 0.02 else 0.0)
    assert surface_distance(plane(shift), plane(0.0), threshold=0.05).fscore == 1.0


def test_fscore_is_the_harmonic_mean_of_precision_and_recall() -> None:
    reference = plane(0.0)
    half = reference[: len(reference) // 2]
    kept = len(half) / len(reference)
    assert surface_distance(half, reference).fscore == pytest.approx(2 * kept / (1 + kept))
    far = np.concatenate([reference, plane(1.0)])  # half of the points are wrong, none is missing
    assert surface_distance(far, reference).fscore == pytest.approx(2 * 0.5 / 1.5)
    assert surface_distance(far, reference).chamfer == pytest.approx(0.25)


def test_chamfer_distances_of_all_pairs() -> None:
    clouds, references = [plane(0.0), plane(0.2)], [plane(0.0), plane(0.05), plane(1.0)]
    expected = [[0.0, 0.05, 1.0], [0.2, 0.15, 0.8]]
    assert chamfer_matrix(clouds, references) == pytest.approx(np.array(expected))
    pair = surface_distance(plane(0.0), plane(0.05)[:100])
    assert chamfer_matrix([plane(0.0)], [plane(0.05)[:100]])[0, 0] == pytest.approx(pair.chamfer)


def test_colours_may_count_as_further_columns() -> None:
    red, blue = (np.column_stack([plane(0.0), np.tile(rgb, (441, 1))]) for rgb in ((1, 0, 0), (0, 0, 1)))
    assert chamfer_matrix([red], [red, blue])[0] == pytest.approx([0, 2**0.5])


def sphere(count: int, seed: int) -> np.ndarray:
    points = np.random.default_rng(seed).normal(size=(count, 3))
    return points / np.linalg.norm(points, axis=1, keepdims=True)


def test_normals_of_the_same_surface_agree_whichever_way_they_point() -> None:
    points, others = sphere(4000, 0), sphere(4000, 1)
    # the nearest of 4,000 is 0.03 rad away: cosines of 0.9996
    assert normal_consistency(points, points, others, others) == pytest.approx(1, abs=2e-3)
    assert normal_consistency(points, -points, others, others) == pytest.approx(1, abs=2e-3)


def test_normals_turned_by_an_angle_agree_by_its_cosine() -> None:
    points = plane(0.0)
    up, tilted = np.tile([0, 0, 1.0], (441, 1)), np.tile([0, 0.6, 0.8], (441, 1))
    turn = special_ortho_group(3, seed=0).rvs()
    assert normal_consistency(points, up, points, tilted) == pytest.approx(0.8)
    assert normal_consistency(points @ turn, up @ turn, points @ turn, tilted @ turn) == pytest.approx(0.8)


def test_normal_consistency_is_the_mean_of_both_ways() -> None:
    up, side = np.array([[0, 0, 1.0]]), np.array([[1.0, 0, 0]])
    near, far = np.zeros((1, 3)), np.full((1, 3), 9.0)
    # the point alone finds its like; of the other two, one finds a normal at right angles
    found = normal_consistency(near, up, np.concatenate([near, far]), np.concatenate([up, side]))
    assert found == pytest.approx((1 + 0.5) / 2)


def test_iou_of_boxes_that_overlap_by_half() -> None:
    x = (np.arange(300) + 0.5) / 100
    first, second = x < 2, x > 1
    assert volume_iou(first, second) == pytest.approx(1 / 3)
    assert volume_iou(first, first) == 1
    assert volume_iou(first, x > 2) == 0
    assert volume_iou(x > 9, x > 9) == 1
    twice_as_dense = np.where(x > 2, 0.5, 1.0)  # there every point stands for half the room
    assert volume_iou(first, second, twice_as_dense) == pytest.approx(1 / 2.5)
