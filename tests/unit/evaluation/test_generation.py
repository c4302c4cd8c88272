"""The suite's parts on samples that are known."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from shapewright.errors import ConfigError, DatasetError, ModelError
from shapewright.evaluation.generation import (
    GenerationConfig,
    Judges,
    compare_described,
    distances_to_nearest,
    diversity_of,
    evaluate_generation,
    judge_samples,
    novelty_of,
    told_records,
)
from shapewright.evaluation.prompts import Prompt
from shapewright.evaluation.sample_set import Sample
from shapewright.evaluation.samples import Match
from shapewright.pipeline import Pipeline
from tiny_assets import shelf
from tiny_models import random_model

RED, BLUE = Prompt(text="red", nouns=("ball",), color="red"), Prompt(text="blue", nouns=("box",))
RECORDS = shelf(points=512)
NOTHING = Sample(prompt=RED, cloud=None, pictures=None)


def sample_of(index: int, prompt: Prompt = RED, color: str = "red") -> Sample:
    pictures = [Image.new("RGB", (4, 4), color)] * 2
    return Sample(prompt=prompt, cloud=RECORDS[index].points.astype(np.float32), pictures=pictures)


class Colors:
    """Knows red from blue."""

    name = "colours"

    def embed_texts(self, texts: Sequence[str]) -> np.ndarray:
        return np.array([(1.0, 0, 0) if text == "red" else (0, 0, 1) for text in texts], dtype=np.float32)

    def embed_pictures(self, pictures: Sequence[Image.Image]) -> np.ndarray:
        means = np.stack([np.asarray(picture, dtype=np.float32).mean(axis=(0, 1)) for picture in pictures])
        return means / np.linalg.norm(means, axis=1, keepdims=True)


def test_a_judge_retrieves_prompts() -> None:
    samples = [sample_of(0), sample_of(0, color="blue"), sample_of(3, BLUE, "blue"), NOTHING]
    judged = judge_samples(samples, [RED, BLUE], Colors(), 0.9)
    assert judged.retrieval.precision == 0.5  # nothing is never right
    assert judged.retrieval.nearest.tolist() == [0, 1, 1, -1]
    assert (judged.name, judged.ceiling) == ("colours", 0.9)


def matches_at(*distances: float) -> list[Match | None]:
    return [Match(record=RECORDS[0], distance=distance) for distance in distances]


def test_copies_are_nearer_than_held_out_assets() -> None:
    held_out = np.linspace(0.1, 0.2, 101)  # 5% of them are below 0.105
    found = novelty_of([*matches_at(0.0, 0.1049, 0.1051, 0.5), None], held_out)
    assert found["copies"] == 0.5
    assert found["samples"] == pytest.approx((0.1049 + 0.1051 + 0.5) / 4)
    assert found["held_out_assets"] == pytest.approx(0.15)
    assert novelty_of([None], np.zeros(0)) == {"samples": None, "held_out_assets": None, "copies": None}


def test_distances_to_the_nearest_training_asset() -> None:
    found = distances_to_nearest(RECORDS[:2], RECORDS[1:])
    assert found[1] == 0
    assert found[0] > 0.1
    assert len(distances_to_nearest([], RECORDS)) == 0


def test_samples_that_are_the_held_out_assets_match_them() -> None:
    found = compare_described([sample_of(i) for i in range(6)], RECORDS, RECORDS[:1])
    assert found["assets"] == 6
    assert found["generated"] == {"clouds": 6, "coverage": 1, "minimum_matching": 0, "nearest_neighbour": 0}
    assert found["training_assets"]["clouds"] == 1
    assert found["training_assets"]["coverage"] == pytest.approx(1 / 6)
    assert compare_described([NOTHING], RECORDS[:1], RECORDS)["generated"] is None


def test_diversity_within_and_across_prompts() -> None:
    same = diversity_of([sample_of(0), sample_of(0), sample_of(3, BLUE), sample_of(3, BLUE)], 2)
    assert same["within_prompt"] == 0
    assert same["across_prompts"] > 0.1
    varied = diversity_of([sample_of(0), sample_of(3), NOTHING, sample_of(3, BLUE)], 2)
    assert varied["within_prompt"] == pytest.approx(same["across_prompts"])


def test_nothing_is_said_of_the_held_out() -> None:
    silent = [replace(record, captions=[]) for record in RECORDS]
    assert told_records([*silent, RECORDS[2]]) == [RECORDS[2]]
    with pytest.raises(DatasetError, match="none has an English caption"):
        told_records(silent)


@pytest.mark.parametrize("settings", [{"prompts": ()}, {"seeds": 0}, {"described": -1}])
def test_settings_outside_their_range(settings: dict[str, object]) -> None:
    with pytest.raises(ConfigError, match="needs prompts, at least 1 seed"):
        GenerationConfig(**({"prompts": (RED,)} | settings))  # pyright: ignore[reportArgumentType]


def test_a_model_without_a_prior(tmp_path: Path) -> None:
    pipeline = Pipeline(random_model(with_prior=False))
    with pytest.raises(ModelError, match="makes nothing of prompts"):
        evaluate_generation(pipeline, tmp_path, GenerationConfig(prompts=(RED,)), Judges(), tmp_path)
