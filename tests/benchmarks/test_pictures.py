"""Ranks of samples among held-out assets, without a model."""

import numpy as np
import pytest

from benchmarks.scripts import script
from shapewright.evaluation.prompts import Prompt
from shapewright.evaluation.sample_set import Sample

PICTURES = script("pictures")
NOTHING = Prompt(text="", nouns=())


def cloud(radius: float) -> np.ndarray:
    points = np.random.default_rng(0).normal(size=(600, 6))
    points[:, :3] *= radius / np.linalg.norm(points[:, :3], axis=1, keepdims=True)
    return points


def test_a_sample_of_the_right_size_is_nearer_to_its_own() -> None:
    others = [("small", cloud(0.2)), ("middle", cloud(0.5)), ("large", cloud(0.9))]
    sample = Sample(prompt=NOTHING, cloud=cloud(0.45), pictures=None)
    assert PICTURES.nearer_than(sample, "middle", others) == 1
    assert PICTURES.nearer_than(sample, "large", others) == 0.0
    assert PICTURES.nearer_than(sample, "small", others) == pytest.approx(0.5)


def test_nothing_is_near_to_nothing() -> None:
    assert (
        PICTURES.nearer_than(Sample(prompt=NOTHING, cloud=None, pictures=None), "a", [("a", cloud(1))]) == 0
    )


def test_the_share_of_hits() -> None:
    found = PICTURES.summary(np.array([1.0, 0.9, 0.5, 0.0]))
    assert found["share_above_90_percent"] == 0.5
    assert found["nearer_than_mean"] == pytest.approx(0.6)
    assert found["nearer_than_median"] == pytest.approx(0.7)
