"""File names from prompts."""

from pathlib import Path

import pytest

from shapewright.apps.cli.outputs import Job, plan_outputs, slug


@pytest.mark.parametrize(
    ("prompt", "name"),
    [
        ("a wooden chair", "a-wooden-chair"),
        ("  A/B: c..d?  ", "a-b-c-d"),
        ("../../etc/passwd", "etc-passwd"),
        ("ein grüner Stuhl", "ein-grüner-stuhl"),
        ("!!!", "object"),
        ("x" * 100, "x" * 60),
    ],
)
def test_a_prompt_becomes_a_harmless_name(prompt: str, name: str) -> None:
    assert slug(prompt) == name


def test_a_folder_with_a_dot_in_its_name_is_a_folder(tmp_path: Path) -> None:
    (tmp_path / "out.d").mkdir()
    job = Job(prompt="a chair", seed=1, index=0)
    (path,) = plan_outputs(str(tmp_path / "out.d"), [job], suffixes=(".glb",), option="--output")
    assert path == tmp_path / "out.d" / "a-chair_1.glb"
