"""Batches of conditions."""

import pytest
import torch

from shapewright.conditioning import TextFeatures
from shapewright.prior import Condition

MASK = torch.tensor([[True, True, False, False], [True, True, True, False], [True, False, False, False]])


@pytest.fixture
def text() -> Condition:
    features = TextFeatures(pooled=torch.ones(3, 5), tokens=torch.ones(3, 4, 6), mask=MASK)
    return Condition.from_text(features)


def test_dropped_samples_become_zeros_and_hide_their_tokens(text: Condition) -> None:
    dropped = text.drop(torch.tensor([False, True, False]))
    assert dropped.text_pooled is not None
    assert dropped.text_tokens is not None
    assert dropped.text_mask is not None
    assert dropped.text_pooled.sum(dim=1).tolist() == [5, 0, 5]
    assert dropped.text_tokens.sum(dim=(1, 2)).tolist() == [24, 0, 24]
    assert dropped.text_mask.sum(dim=1).tolist() == [2, 0, 1]


def test_dropped_image_tokens_stay_in_sight_as_zeros() -> None:
    dropped = Condition(image_tokens=torch.full((2, 3, 4), torch.inf)).drop(torch.tensor([True, False]))
    assert dropped.image_tokens is not None
    assert dropped.image_tokens[0].tolist() == [[0.0] * 4] * 3
    assert bool(dropped.image_tokens[1].isinf().all())


def test_unconditional_is_everything_dropped(text: Condition) -> None:
    everything = text.drop(torch.ones(3, dtype=torch.bool))
    for name in ("text_pooled", "text_tokens", "text_mask"):
        assert torch.equal(getattr(text.unconditional(), name), getattr(everything, name))


def test_rows_can_be_chosen_repeated_and_joined(text: Condition) -> None:
    chosen = text.select(torch.tensor([2, 2, 1]))
    assert chosen.text_mask is not None
    assert torch.equal(chosen.text_mask, MASK[[2, 2, 1]])
    joined = text.joined(chosen)
    assert joined.batch_size == 6
    assert joined.text_mask is not None
    assert torch.equal(joined.text_mask[3:], chosen.text_mask)


def test_trimming_leaves_only_columns_that_somebody_uses(text: Condition) -> None:
    trimmed = text.trimmed()
    assert trimmed.text_tokens is not None
    assert trimmed.text_tokens.shape == (3, 3, 6)
    assert trimmed.text_mask is not None
    assert torch.equal(trimmed.text_mask, MASK[:, :3])
    empty = text.unconditional().trimmed()
    assert empty.text_tokens is not None
    assert empty.text_tokens.shape[1] == 1


def test_a_condition_without_parts_fits_any_batch() -> None:
    nothing = Condition()
    assert nothing.batch_size is None
    assert nothing.trimmed() == nothing.unconditional() == nothing.joined(nothing) == nothing


def test_coarse_points_are_never_dropped() -> None:
    given = Condition(image_tokens=torch.ones(2, 3, 4), low_res=torch.full((2, 5, 6), torch.nan))
    for dropped in (given.unconditional(), given.drop(torch.tensor([True, True]))):
        assert dropped.image_tokens is not None
        assert dropped.image_tokens.abs().sum() == 0
        assert dropped.low_res is given.low_res
    chosen = given.select(torch.tensor([1, 1, 0])).joined(given)
    assert chosen.low_res is not None
    assert chosen.low_res.shape == (5, 5, 6)


def test_tokens_without_a_mask_are_refused() -> None:
    with pytest.raises(AssertionError):
        Condition(text_tokens=torch.ones(1, 2, 3))
