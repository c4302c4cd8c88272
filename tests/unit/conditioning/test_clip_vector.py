"""CLIP's vector of a picture, small and random."""

from pathlib import Path

import pytest
import torch
from PIL import Image
from transformers import CLIPModel

from shapewright.conditioning.clip import ClipText, clip_pixels
from shapewright.conditioning.clip_vector import ClipImageVector
from shapewright.errors import ModelError
from tiny_points import VECTOR, save_clip


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("clip")
    save_clip(folder)
    return folder


def test_the_vector_is_the_projected_class_token_of_unit_length(folder: Path) -> None:
    encoder = ClipImageVector(folder)
    pictures = [Image.effect_noise((40, 50), 80).convert("RGB"), Image.new("RGB", (28, 28), "red")]
    vectors = encoder.encode(pictures)
    assert vectors.shape == (2, encoder.width_pooled) == (2, VECTOR)
    model = CLIPModel.from_pretrained(folder).eval()
    with torch.no_grad():
        seen = model.vision_model(pixel_values=torch.stack([clip_pixels(one, 28) for one in pictures]))
        expected = torch.nn.functional.normalize(model.visual_projection(seen.pooler_output), dim=-1)
    torch.testing.assert_close(vectors, expected, rtol=1e-4, atol=1e-6)
    assert float((vectors[0] - vectors[1]).abs().max()) > 1e-3


def test_texts_and_pictures_come_from_one_folder_with_one_width(folder: Path) -> None:
    assert ClipText(folder).width_pooled == ClipImageVector(folder).width_pooled


def test_a_vector_does_not_depend_on_its_batch(folder: Path) -> None:
    encoder = ClipImageVector(folder)
    pictures = [Image.new("RGB", (28, 28), color) for color in ("red", "green", "blue")]
    together = encoder.encode(pictures)
    torch.testing.assert_close(encoder.encode(pictures[1:2])[0], together[1], rtol=1e-4, atol=1e-6)


def test_a_model_that_is_not_there_gets_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="Cannot load CLIP from"):
        ClipImageVector(tmp_path)
