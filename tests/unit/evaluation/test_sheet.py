"""The contact sheet of a model."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from shapewright.errors import ConfigError, ModelError, OutputError
from shapewright.evaluation import sheet
from shapewright.evaluation.prompts import HOUSEHOLD_PROMPTS
from shapewright.evaluation.sheet import front, household_sheet
from shapewright.pipeline import Pipeline
from solids import cube_mesh
from tiny_models import FakeText, random_model
from unit.evaluation.solids import Known


@pytest.fixture(autouse=True)
def _few_prompts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sheet, "HOUSEHOLD_PROMPTS", HOUSEHOLD_PROMPTS[:2])


@pytest.mark.parametrize("empty", [False, True])
def test_prompts_by_seeds(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, empty: bool) -> None:
    path, told = tmp_path / "new" / "sheet.png", list[tuple[int, int]]()
    pipeline = Pipeline(random_model())
    monkeypatch.setattr(pipeline, "generate", lambda prompt, n: [Known(None if empty else cube_mesh())] * n)
    household_sheet(pipeline, path, seeds=2, size_px=32, progress=lambda *done: told.append(done))
    assert told == [(1, 2), (2, 2)]
    with Image.open(path) as image:
        assert image.size == (3 * (64 + 8) + 8, 32 + 22 + 8 + 8)
        second = np.asarray(image)[8 + 22 : 8 + 22 + 32, 8 + 32 : 8 + 64]
    assert (second == 255).all() == empty


def test_the_front_left_fills_the_cell() -> None:
    picture = front(Known(cube_mesh()), 32)
    assert picture.shape == (32, 32, 4)
    assert 0.05 < picture[..., 3].mean() < 0.9
    assert front(Known(None), 32).min() == 1


def test_what_cannot_be_drawn(tmp_path: Path) -> None:
    with pytest.raises(OutputError, match=r"should end in '.png'"):
        household_sheet(Pipeline(random_model()), tmp_path / "sheet.jpg")
    with pytest.raises(ModelError, match="does not make objects from text"):
        household_sheet(Pipeline(random_model(with_prior=False)), tmp_path / "sheet.png")
    with pytest.raises(ConfigError, match="at least 1"):
        household_sheet(Pipeline(random_model(), text_encoder=FakeText()), tmp_path / "sheet.png", seeds=0)
    with pytest.raises(ConfigError, match="at least 1 pixel"):
        household_sheet(Pipeline(random_model()), tmp_path / "sheet.png", size_px=0)
    assert list(tmp_path.iterdir()) == []
