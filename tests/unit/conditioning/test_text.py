"""Which prompts are accepted."""

import pytest

from shapewright.conditioning.text import MAX_PROMPT_CHARACTERS, checked_prompts
from shapewright.errors import PromptError


def test_white_space_around_a_prompt_does_not_count() -> None:
    assert checked_prompts([" a chair\n", "стол"]) == ["a chair", "стол"]


@pytest.mark.parametrize(
    ("prompts", "message"),
    [
        ([], "No prompt"),
        ([""], "is empty"),
        (["a chair", " \n\t"], "is empty"),
        (["chair " * 2000], "has 2000 words"),
        (["x" * (MAX_PROMPT_CHARACTERS + 1)], "has 1 words"),
    ],
)
def test_bad_prompts_get_one_sentence(prompts: list[str], message: str) -> None:
    with pytest.raises(PromptError, match=message) as caught:
        checked_prompts(prompts)
    assert "\n" not in str(caught.value)
    assert caught.value.exit_code == 2


def test_one_string_is_not_a_list_of_prompts() -> None:
    with pytest.raises(TypeError):
        checked_prompts("chair")
