"""`parity`: files in, files out."""

from pathlib import Path

import numpy as np
import pytest

from command_line import Shapewright

GOLDEN = Path(__file__).parents[3] / "parity" / "golden"


def test_a_case_gives_its_outputs(shapewright: Shapewright, here: Path) -> None:
    case, inputs = GOLDEN / "prior_text_small.json", GOLDEN / "prior_text_small.npz"
    outcome = shapewright("parity", case, inputs, "out/prior.npz", "--json")
    assert outcome.code == 0
    with np.load(here / "out/prior.npz") as archive:
        assert sorted(archive.files) == outcome.json["arrays"]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["nothing.json", "nothing.npz", "x.npz"], "nothing.json"),
        (["nothing.json", "nothing.npz", "x.txt"], ".npz"),
        (["nothing.json", "nothing.npz", "/proc/x.npz"], "Cannot write"),
        ([str(GOLDEN / "prior_text_small.json"), "nothing.npz", "x.npz"], "nothing.npz"),
    ],
)
def test_mistakes_are_told_in_one_sentence(
    shapewright: Shapewright, here: Path, arguments: list[str], message: str
) -> None:
    outcome = shapewright("parity", *arguments)
    assert outcome.code == 2
    assert outcome.err.splitlines()[-1].startswith("shapewright: ")
    assert message in outcome.err
    assert list(here.iterdir()) == []
