"""Captions as conditions: their features, and which of them is told."""

from collections.abc import Sequence

import numpy as np
import pytest
import torch

from shapewright.conditioning import TextFeatures
from shapewright.errors import ConfigError, DatasetError
from shapewright.prior import Condition
from shapewright.training.conditions import (
    CaptionConditions,
    CaptionFeatures,
    CaptionsOrViews,
    caption_bounds,
    check_feature_width,
)
from tiny_models import FakeText

CAPTIONS = [["a chair", "a wooden chair"], ["a red lamp"], ["chair", "a chair"]]


class CountingText(FakeText):
    def __init__(self) -> None:
        super().__init__(max_tokens=6)
        self.asked: list[str] = []

    def encode(self, prompts: Sequence[str]) -> TextFeatures:
        self.asked += prompts
        return super().encode(prompts)


def test_features_of_captions_are_the_text_encoders() -> None:
    text = CountingText()
    features = CaptionFeatures([caption for captions in CAPTIONS for caption in captions], text)
    assert text.asked == ["a chair", "a wooden chair", "a red lamp", "chair"], "each once"
    wanted = ["chair", "a wooden chair", "chair"]
    condition = features.condition(wanted)
    told = Condition.from_text(FakeText(max_tokens=6).encode(wanted))
    assert told.text_tokens is not None
    assert condition.text_tokens is not None
    assert condition.text_mask is not None
    # kept in half precision: 11 bits
    torch.testing.assert_close(condition.text_pooled, told.text_pooled, rtol=1e-3, atol=1e-3)
    torch.testing.assert_close(condition.text_tokens, told.text_tokens[:, :3], rtol=1e-3, atol=1e-3)
    assert condition.text_mask.tolist() == [[True, False, False], [True] * 3, [True, False, False]]
    assert condition.text_pooled is not None
    assert condition.text_pooled.dtype == torch.float32


def test_a_prior_of_pooled_vectors_needs_no_tokens() -> None:
    features = CaptionFeatures(["a chair", "a lamp"], FakeText(), tokens=False)
    assert features.tokens is None
    condition = features.condition(["a lamp"])
    assert condition.text_tokens is None
    expected = FakeText().encode(["a lamp"]).pooled
    torch.testing.assert_close(condition.text_pooled, expected, rtol=1e-3, atol=1e-3)


def test_captions_are_encoded_in_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    captions = [f"chair number {i}" for i in range(7)]
    whole = CaptionFeatures(captions, FakeText())
    monkeypatch.setattr("shapewright.training.conditions.ENCODE_BATCH", 3)
    parts = CaptionFeatures(captions, FakeText())
    assert whole.tokens is not None
    assert parts.tokens is not None
    assert torch.equal(parts.tokens, whole.tokens)
    assert torch.equal(parts.mask, whole.mask)


def test_captions_that_many_samples_share_are_told_more_often() -> None:
    captions = [["ficus", "tree"], ["maple", "tree"], ["pine", "tree"], ["tree"]]
    alike, shared = caption_bounds(captions, 0.0), caption_bounds(captions, 1.0)
    np.testing.assert_allclose(alike[0], [0.5, 1.0])
    np.testing.assert_allclose(shared[0], [0.2, 1.0], err_msg="one sample is a ficus, four are trees")
    np.testing.assert_allclose(shared[3], [1.0])


def test_latents_without_a_caption_are_told() -> None:
    with pytest.raises(DatasetError, match="1 of 2 latents have no caption in English"):
        CaptionConditions([["a chair"], []], CaptionFeatures(["a chair"], FakeText()))


def test_an_encoder_of_another_width_is_told() -> None:
    check_feature_width("text_pooled_width", 8, 8)
    check_feature_width("text_pooled_width", None, 8)
    with pytest.raises(ConfigError, match=r"features of 768 numbers, .* gives 8: .* --set model\.text.*=8"):
        check_feature_width("text_pooled_width", 768, 8)


class Numbered:
    """Views whose only token says which row is shown, and by what mark."""

    def draw(self, rows: np.ndarray, marks: np.ndarray) -> Condition:
        told = torch.from_numpy(np.stack([rows, marks], axis=1)).float()
        return Condition(image_tokens=told[:, None])


def test_some_are_told_a_caption_and_the_others_shown_a_view() -> None:
    features = CaptionFeatures([text for texts in CAPTIONS for text in texts], FakeText())
    either = CaptionsOrViews(CaptionConditions(CAPTIONS, features), Numbered(), 0.4)
    condition = either.draw(np.array([2, 0, 1]), np.array([0.2, 0.45, 0.999]))
    assert condition.image_tokens is not None
    assert condition.image_mask is not None
    assert condition.text_mask is not None
    assert condition.image_mask[:, 0].tolist() == [True, False, False]
    assert condition.text_mask.any(dim=1).tolist() == [False, True, True]
    torch.testing.assert_close(condition.image_tokens[0, 0], torch.tensor([2.0, 0.5]))
    # of its two captions, the first: the mark is a twelfth of the way from 0.4 to 1
    assert condition.text_pooled is not None
    torch.testing.assert_close(
        condition.text_pooled[1:], features.condition(["a chair", "a red lamp"]).text_pooled
    )


def test_a_batch_without_pictures() -> None:
    features = CaptionFeatures([text for texts in CAPTIONS for text in texts], FakeText())
    condition = CaptionsOrViews(CaptionConditions(CAPTIONS, features), Numbered(), 0.4).draw(
        np.array([0, 1]), np.array([0.5, 0.9])
    )
    assert condition.image_tokens is None
