"""Scores of samples that are known to be right, or wrong."""

import numpy as np
import pytest

from shapewright.evaluation.prompts import Prompt
from shapewright.evaluation.samples import is_called, score_samples
from tiny_assets import RED, Ball, Brick, record_of, shelf
from unit.evaluation.solids import Known, confetti

BALL = Prompt(text="a red ball", nouns=("ball",), color="red")
BOX = Prompt(text="a box", nouns=("box", "crate"))
BLUE_BOX = Prompt(text="a blue box", nouns=("box",), color="blue")
NOTHING = Known(None)


def remembered(index: int) -> Known:
    """A training asset as a sample: triangles at points that the scores do not look at."""
    return Known(confetti(shelf(points=1024)[index].points[512:]))


def test_samples_like_training_assets_of_the_right_kind_are_all_right() -> None:
    drawn = [(BALL, remembered(0)), (BALL, remembered(2)), (BOX, remembered(4)), (BLUE_BOX, remembered(5))]
    scores = score_samples(drawn, shelf(points=1024))
    assert scores.samples == 4
    assert scores.category == 1.0
    assert scores.color == 1.0
    assert scores.empty == 0.0
    assert scores.chance == 0.5  # of six records three are balls
    assert scores.by_prompt == {"a red ball": 1.0, "a box": 1.0, "a blue box": 1.0}


def test_it_is_the_nearest_asset_that_counts() -> None:
    """With one of each kind, the farthest is of the other kind."""
    records = shelf(points=1024)
    scores = score_samples([(BALL, remembered(0)), (BOX, remembered(3))], [records[0], records[3]])
    assert scores.category == 1.0


def test_samples_of_the_wrong_kind_or_colour_are_wrong() -> None:
    drawn = [(BALL, remembered(3)), (BALL, remembered(1)), (BOX, remembered(3)), (BOX, remembered(0))]
    scores = score_samples(drawn, shelf(points=1024))
    assert scores.category == 0.5
    assert scores.color == 0.0  # asked for red twice, got blue; boxes were to be of any colour
    assert scores.by_prompt == {"a red ball": 0.5, "a box": 0.5}


def test_samples_without_a_surface_count_against_it() -> None:
    scores = score_samples([(BALL, remembered(0)), (BOX, NOTHING)], shelf(points=1024))
    assert (scores.category, scores.empty, scores.samples) == (0.5, 0.5, 2)
    assert scores.by_prompt == {"a red ball": 1.0, "a box": 0.0}
    nothing = score_samples([(BOX, NOTHING)], shelf(points=1024))
    assert (nothing.category, nothing.empty, nothing.color) == (0.0, 1.0, 0.0)


def test_colours_that_no_training_asset_of_the_kind_has_are_counted_apart() -> None:
    green_ball = Prompt(text="a green ball", nouns=("ball",), color="green")
    drawn = [
        (BALL, remembered(0)),
        (BLUE_BOX, remembered(5)),
        (green_ball, remembered(0)),
        (green_ball, NOTHING),
    ]
    scores = score_samples(drawn, shelf(points=1024))
    assert (scores.new, scores.new_obeyed) == (2, 0.0), "a red ball is none, and what is empty is none"
    red_box, blue_ones = Prompt(text="a red box", nouns=("box",), color="red"), (1, 5)
    red = record_of("box 3", Brick((0.9, 0.3, 0.3)), rgb=RED, seed=7, points=1024)
    drawn = [(red_box, Known(confetti(red.points))), (red_box, remembered(5)), (red_box, remembered(1))]
    scores = score_samples(drawn, [shelf(points=1024)[index] for index in blue_ones])
    assert (scores.new, scores.new_obeyed) == (3, pytest.approx(1 / 3)), "one is blue, and one a blue ball"


@pytest.mark.parametrize(
    ("name", "nouns", "called"),
    [
        ("Red Chair 2", ("chair",), True),
        ("Orchids", ("orchid",), True),  # its plural
        ("Carpet", ("car",), False),  # whole words only
        ("Sofa", ("sofa", "couch"), True),
        ("Lamp", ("sofa", "couch"), False),
    ],
)
def test_what_an_asset_is_called(name: str, nouns: tuple[str, ...], called: bool) -> None:
    assert is_called(record_of(name, Ball()), nouns) is called


def test_the_other_names_of_an_asset_count_too() -> None:
    record = record_of("armchair", Ball())
    assert "chair" in record.nouns
    assert is_called(record, ("chair",))


def test_points_are_few_and_of_the_beginning() -> None:
    """The nearest record is found with its first 512 points: farthest-point order makes them cover it."""
    records = shelf(points=1024)
    for record in records:
        record.points[512:, :3] = np.nan
    assert score_samples([(BALL, remembered(0))], records).category == 1.0
