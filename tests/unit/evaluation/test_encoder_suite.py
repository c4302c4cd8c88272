"""The encoder's suite on a small data set: what is measured, kept, and not measured again."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from shapewright.dataset.loader import load_dataset
from shapewright.errors import ConfigError, ModelError, OutputError
from shapewright.evaluation.encoder_suite import ASSETS_FILE, EncoderConfig, EncoderSuite
from shapewright.evaluation.reconstruction import measure_reconstruction, on_black
from shapewright.pipeline import Model, Pipeline
from tiny_dataset import VIEW_PX, build_prisms
from tiny_models import random_model
from unit.evaluation.solids import coarse_surfaces

CONFIG = EncoderConfig(assets=2, views=1, nerf_views=1)


@pytest.fixture(autouse=True)
def _coarse(monkeypatch: pytest.MonkeyPatch) -> None:
    coarse_surfaces(monkeypatch)


@pytest.fixture(scope="module")
def prisms(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build_prisms(tmp_path_factory.mktemp("prisms"))


@pytest.fixture(scope="module")
def pipeline() -> Pipeline:
    """Its objects have no surface, which is quick; what has one is measured in test_reconstruction."""
    return Pipeline(random_model(empty=True, with_prior=False))


def test_figures_are_those_of_the_assets(pipeline: Pipeline, prisms: Path, tmp_path: Path) -> None:
    told: list[tuple[int, int, str]] = []
    suite = EncoderSuite(pipeline, prisms, CONFIG, tmp_path)
    results = suite.measure(lambda done, total, name: told.append((done, total, name)))
    assert [result.split for result in results] == ["val", "train", "train"]
    assert told == [(i, 3, result.name) for i, result in enumerate(results)]
    records = {record.id: record for record in load_dataset(prisms)}
    for result in results:
        record = records[result.id]
        assert result.figures == measure_reconstruction(pipeline, record, views=1)
        assert (result.name, result.category, result.refined) == (record.name, record.category, None)
        with Image.open(tmp_path / result.pictures) as image:
            strip = np.asarray(image)
        assert strip.shape == (VIEW_PX, 3 * VIEW_PX, 3)  # truth, mesh, NeRF
        truth = on_black(record.views(), 0)
        assert np.abs(strip[:, :VIEW_PX] / 255 - truth).max() < 1 / 255


def test_a_run_that_was_stopped_goes_on(
    pipeline: Pipeline, prisms: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def killed(done: int, total: int, name: str) -> None:
        if done == 2:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        EncoderSuite(pipeline, prisms, CONFIG, tmp_path).measure(killed)
    with (tmp_path / ASSETS_FILE).open("a") as file:
        file.write('{"settings": {"views"')  # killed in the middle of a line
    again = EncoderSuite(pipeline, prisms, CONFIG, tmp_path)
    assert len(again.missing) == 1
    told: list[int] = []
    results = again.measure(lambda done, total, name: told.append(done))
    assert told == [2]
    whole = [json.loads(line) for line in (tmp_path / ASSETS_FILE).read_text().splitlines()]
    assert [line["id"] for line in whole] == [result.id for result in results]
    # once more: nothing is left, and what is read is what was measured
    monkeypatch.delattr(EncoderSuite, "measure_one")
    assert EncoderSuite(pipeline, prisms, CONFIG, tmp_path).measure() == results


def test_other_settings_and_models_are_measured_anew(
    pipeline: Pipeline, prisms: Path, tmp_path: Path
) -> None:
    one = replace(CONFIG, splits=("val",))
    EncoderSuite(pipeline, prisms, one, tmp_path).measure()
    assert not EncoderSuite(pipeline, prisms, one, tmp_path).missing
    assert EncoderSuite(pipeline, prisms, replace(one, views=2), tmp_path).missing
    assert EncoderSuite(pipeline, prisms, replace(one, refine=3), tmp_path).missing
    other = Pipeline(replace(pipeline.model, sha256="another"))
    assert EncoderSuite(other, prisms, one, tmp_path).missing
    for path in (tmp_path / "pictures").iterdir():
        path.unlink()
    assert EncoderSuite(pipeline, prisms, one, tmp_path).missing  # its picture is gone


def test_refined_latents_have_figures_and_a_picture(prisms: Path, tmp_path: Path) -> None:
    pipeline = Pipeline(random_model(with_prior=False))
    config = replace(CONFIG, splits=("val",), refine=4)
    (result,) = EncoderSuite(pipeline, prisms, config, tmp_path).measure()
    (record,) = load_dataset(prisms, "val")
    assert result.refined == measure_reconstruction(pipeline, record, views=1, refine=4)
    assert result.refined != result.figures
    with Image.open(tmp_path / result.pictures) as image:
        assert image.size == (4 * VIEW_PX, VIEW_PX)
    assert EncoderSuite(pipeline, prisms, config, tmp_path).measure() == [result]


@pytest.mark.parametrize("line", ["no json", "[]", "{}", '{"settings": {}, "id": "x"}'])
def test_a_folder_with_something_else_in_it(
    pipeline: Pipeline, prisms: Path, tmp_path: Path, line: str
) -> None:
    settings = EncoderSuite(pipeline, prisms, CONFIG, tmp_path).settings
    text = line.replace('"settings": {}', f'"settings": {json.dumps(settings)}')
    (tmp_path / ASSETS_FILE).write_text(text + "\n")
    with pytest.raises(OutputError, match="does not hold figures of assets"):
        EncoderSuite(pipeline, prisms, CONFIG, tmp_path)


def test_a_decoder_alone(prisms: Path, tmp_path: Path) -> None:
    model: Model = random_model(with_prior=False)
    sizes = replace(model.config.autoencoder, encoder=None)
    decoder = replace(model, config=replace(model.config, autoencoder=sizes))
    with pytest.raises(ModelError, match="has no encoder"):
        EncoderSuite(Pipeline(decoder), prisms, CONFIG, tmp_path).measure()


@pytest.mark.parametrize(
    "settings", [{"assets": 0}, {"views": 0}, {"nerf_views": 0}, {"refine": -1}, {"splits": ()},
                 {"splits": ("val", "val")}]
)  # fmt: skip
def test_settings_outside_their_range(settings: dict[str, int | tuple[str, ...]]) -> None:
    with pytest.raises(ConfigError, match="must be"):
        EncoderConfig(**settings)
