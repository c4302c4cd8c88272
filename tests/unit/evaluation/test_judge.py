"""The judge's file and its embeddings; how it is trained is tested with training."""

from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from safetensors.torch import save_file

from shapewright.errors import ModelError
from shapewright.evaluation import judge as judges
from shapewright.evaluation.judge import Judge, load_judge, save_judge
from shapewright.evaluation.text_image import TextImageModel


@pytest.fixture(scope="module")
def judge() -> Judge:
    return Judge.untrained()


def test_embeddings_are_of_unit_length(judge: Judge) -> None:
    model: TextImageModel = judge
    texts = model.embed_texts(["a chair", "a red lamp"])
    pictures = model.embed_pictures([Image.new("RGB", (64, 64), "red"), Image.new("RGBA", (32, 48), "blue")])
    assert texts.shape == pictures.shape == (2, 192)
    assert np.linalg.norm(np.concatenate([texts, pictures]), axis=1) == pytest.approx(np.ones(4), abs=1e-5)
    assert not np.allclose(pictures[0], pictures[1], atol=1e-3)


def test_a_saved_judge_judges_alike(judge: Judge, tmp_path: Path) -> None:
    told = Judge(heads=judge.heads, network=judge.network, reader=judge.reader, figures={"val": {"pairs": 3}})
    save_judge(told, tmp_path / "judge.safetensors")
    again = load_judge(tmp_path / "judge.safetensors")
    assert again.figures == {"val": {"pairs": 3}}
    before, after = (each.embed_texts(["a chair", "a lamp"]) for each in (told, again))
    # kept in half precision
    assert after == pytest.approx(before, abs=5e-3)


def test_files_that_are_no_judge(judge: Judge, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(ModelError, match="cannot be read as a judge"):
        load_judge(tmp_path / "nothing.safetensors")
    (tmp_path / "text.safetensors").write_text("no tensors at all")
    with pytest.raises(ModelError, match="cannot be read as a judge"):
        load_judge(tmp_path / "text.safetensors")
    save_file({"a": torch.zeros(1)}, tmp_path / "other.safetensors")
    with pytest.raises(ModelError, match="is no judge"):
        load_judge(tmp_path / "other.safetensors")
    monkeypatch.setattr(judges, "WEIGHTS_SHA256", "another network's")
    save_judge(judge, tmp_path / "old.safetensors")
    monkeypatch.undo()
    with pytest.raises(ModelError, match="another image network"):
        load_judge(tmp_path / "old.safetensors")
