"""CLIP's towers, small and random, written and read back as real ones are."""

from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from transformers import CLIPTextModelWithProjection, CLIPVisionModel

from shapewright.conditioning.clip import PIXEL_MEAN, PIXEL_STD, ClipImage, ClipText, clip_pixels
from shapewright.errors import ModelError, PromptError
from tiny_clip import VOCABULARY, save_clip, save_text_tower, save_tokenizer, save_vision_tower


@pytest.fixture(scope="module")
def text_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("clip_text")
    save_text_tower(folder / "text_encoder")
    save_tokenizer(folder / "tokenizer")
    return folder


@pytest.fixture(scope="module")
def vision_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("clip_vision")
    save_vision_tower(folder)
    return folder


@pytest.fixture(scope="module")
def clip_text(text_folder: Path) -> ClipText:
    return ClipText(text_folder, model_subfolder="text_encoder", tokenizer_subfolder="tokenizer")


def test_text_features_have_the_announced_shapes(clip_text: ClipText) -> None:
    features = clip_text.encode(["bed", "lamp"])
    assert features.pooled.shape == (2, clip_text.width_pooled) == (2, 8)
    assert features.tokens.shape == (2, clip_text.max_tokens, clip_text.width_tokens) == (2, 12, 16)
    assert features.mask.sum(dim=1).tolist() == [5, 6]
    torch.testing.assert_close(features.pooled.norm(dim=1), torch.ones(2))


def test_the_pooled_vector_is_the_projected_end_mark(clip_text: ClipText, text_folder: Path) -> None:
    """The same by hand, without padding: causal attention never sees it."""
    model = CLIPTextModelWithProjection.from_pretrained(text_folder / "text_encoder").eval()
    ids = [VOCABULARY.index(token) for token in ("<|startoftext|>", "b", "e", "d</w>", "<|endoftext|>")]
    with torch.no_grad():
        hidden = model.text_model(input_ids=torch.tensor([ids])).last_hidden_state[:, -1]
        expected = torch.nn.functional.normalize(model.text_projection(hidden), dim=-1)
    torch.testing.assert_close(clip_text.encode(["bed"]).pooled, expected, rtol=1e-4, atol=1e-6)


def test_text_does_not_depend_on_its_batch(clip_text: ClipText) -> None:
    together = clip_text.encode(["bed", "lamp", "sofa"])
    torch.testing.assert_close(clip_text.encode(["lamp"]).pooled[0], together.pooled[1], rtol=1e-5, atol=1e-6)


def test_a_long_prompt_is_cut_with_a_warning_and_an_empty_one_refused(clip_text: ClipText) -> None:
    with pytest.warns(UserWarning, match="first 12 of 18 tokens"):
        assert bool(clip_text.encode(["abcdefgh ijklmnop"]).mask.all())
    with pytest.raises(PromptError):
        clip_text.encode([" "])


def test_image_features_are_the_grid_before_the_last_norm(vision_folder: Path) -> None:
    clip_image = ClipImage(vision_folder)
    pictures = [Image.effect_noise((40, 50), 80).convert("RGB"), Image.new("RGB", (28, 28), "red")]
    features = clip_image.encode(pictures)
    assert features.shape == (2, 16, clip_image.width_tokens) == (2, 16, 16)
    model = CLIPVisionModel.from_pretrained(vision_folder).eval()
    with torch.no_grad():
        pixels = torch.stack([clip_pixels(picture, 28) for picture in pictures])
        states = model(pixel_values=pixels, output_hidden_states=True).hidden_states
    assert states is not None
    torch.testing.assert_close(features, states[-1][:, 1:])


def test_pixels_are_resized_cropped_and_scaled() -> None:
    picture = Image.new("RGB", (80, 40), "black")
    picture.paste((255, 255, 255), (20, 0, 60, 40))
    pixels = clip_pixels(picture, 28)
    mean, std = np.array(PIXEL_MEAN), np.array(PIXEL_STD)
    # the centre crop is the white part alone, but for the blur of bicubic resizing at its edge
    np.testing.assert_allclose(pixels[:, 14, 14].numpy(), (1 - mean) / std, rtol=1e-5)
    assert pixels.shape == (3, 28, 28)


@pytest.mark.parametrize("size", [(28, 28), (1, 28), (29, 31), (400, 3)])
def test_any_size_is_handled(size: tuple[int, int]) -> None:
    assert clip_pixels(Image.new("RGB", size), 28).shape == (3, 28, 28)


def test_a_model_that_is_not_there_gets_one_sentence(tmp_path: Path) -> None:
    for load in (ClipText, ClipImage):
        with pytest.raises(ModelError, match="Cannot load CLIP from") as caught:
            load(tmp_path)
        assert "\n" not in str(caught.value)


def test_both_towers_are_found_in_one_file_and_nothing_is_printed(
    tmp_path: Path, clip_text: ClipText, vision_folder: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    save_clip(tmp_path)
    capfd.readouterr()
    pooled, picture = ClipText(tmp_path).encode(["bed"]).pooled, Image.new("RGB", (28, 28), "red")
    grid = ClipImage(tmp_path).encode([picture])
    assert capfd.readouterr().err == ""
    # the same weights, but at other places in memory, for which products may round differently
    torch.testing.assert_close(pooled, clip_text.encode(["bed"]).pooled, rtol=1e-5, atol=1e-6)
    torch.testing.assert_close(grid, ClipImage(vision_folder).encode([picture]), rtol=1e-4, atol=1e-5)


def test_half_precision_files_are_computed_with_in_full(tmp_path: Path) -> None:
    save_text_tower(tmp_path, dtype=torch.float16)
    save_tokenizer(tmp_path)
    assert ClipText(tmp_path).encode(["bed"]).pooled.dtype == torch.float32


def test_weights_are_not_made_up(tmp_path: Path, text_folder: Path) -> None:
    """transformers fills in what is missing with random numbers, and takes a config of another tower."""
    save_text_tower(tmp_path / "half", without="text_projection.weight")
    save_tokenizer(tmp_path / "half")
    with pytest.raises(ModelError, match=r"1 weights .* missing, text_projection.weight"):
        ClipText(tmp_path / "half")
    with pytest.raises(ModelError, match="Cannot load CLIP"):
        ClipImage(text_folder / "text_encoder")


def test_a_tokenizer_is_not_made_up(tmp_path: Path) -> None:
    save_text_tower(tmp_path)
    with pytest.raises(ModelError, match=r"tokenizer knows \d+ tokens, its network 54"):
        ClipText(tmp_path)
