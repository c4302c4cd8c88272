"""R-Precision: closed forms, and a judge that knows what it is shown."""

from collections.abc import Sequence

import numpy as np
import pytest
from PIL import Image

from shapewright.evaluation.retrieval import VIEWS, judged_views, mean_embedding, retrieve


def test_each_object_nearest_to_its_own_prompt() -> None:
    prompts = np.eye(3)
    found = retrieve(prompts[[0, 1, 2, 2]], prompts, np.array([0, 1, 2, 2]))
    assert found.precision == 1
    assert found.chance == pytest.approx(1 / 3)
    assert found.similarity == pytest.approx(np.ones(4))


def test_half_of_them_are_taken_for_others() -> None:
    prompts = np.array([[1.0, 0.0], [0.0, 1.0]])
    tilted = np.array([[0.8, 0.6], [0.6, 0.8]])
    found = retrieve(tilted, prompts, np.array([0, 0]))
    assert found.precision == 0.5
    assert found.nearest.tolist() == [0, 1]
    assert found.similarity == pytest.approx([0.8, 0.6])


def test_what_is_not_seen_is_never_right() -> None:
    found = retrieve(np.zeros((2, 2)), np.eye(2), np.array([0, 1]))
    assert found.precision == 0
    assert found.nearest.tolist() == [-1, -1]


class Redness:
    """Sees how red a picture is."""

    name = "redness"

    def embed_texts(self, texts: Sequence[str]) -> np.ndarray:
        return np.array([[1.0, 0.0] if "red" in text else [0.0, 1.0] for text in texts], dtype=np.float32)

    def embed_pictures(self, pictures: Sequence[Image.Image]) -> np.ndarray:
        means = np.array([np.asarray(picture)[..., :3].mean(axis=(0, 1)) for picture in pictures])
        seen = np.stack([means[:, 0], means[:, 2]], axis=1)
        return (seen / np.linalg.norm(seen, axis=1, keepdims=True)).astype(np.float32)


def test_views_are_averaged() -> None:
    red, blue = Image.new("RGB", (8, 8), (255, 0, 0)), Image.new("RGB", (8, 8), (0, 0, 255))
    assert mean_embedding(Redness(), [red, blue]) == pytest.approx([0.5**0.5, 0.5**0.5])
    assert mean_embedding(Redness(), [red, red, red]) == pytest.approx([1, 0])


def test_objects_are_seen_from_all_sides() -> None:
    cameras = judged_views()
    assert len(cameras) == VIEWS
    mean = np.mean([camera.origin for camera in cameras], axis=0)
    assert mean[:2] == pytest.approx([0, 0], abs=1e-6)
    assert mean[2] > 0.5, "from above"
