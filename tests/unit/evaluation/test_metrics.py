"""Measures against closed forms."""

import numpy as np
import pytest

from shapewright.evaluation.metrics import chamfer_matrix, psnr_db, surface_distance


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
