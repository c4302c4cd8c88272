"""`bench` on tiny models: what it says of a measurement, and mistakes."""

from pathlib import Path
from typing import Any

import pytest

from command_line import Shapewright
from shapewright.autoencoder import AutoencoderConfig
from shapewright.encoder import EncoderConfig
from shapewright.evaluation import random_300m
from shapewright.field import FieldConfig
from shapewright.pipeline import ModelConfig
from shapewright.prior import PriorConfig
from tiny_models import random_model, saved

FIGURES = {
    "job",
    "model",
    "device",
    "precision",
    "runs",
    "ours_s",
    "plain_fp32_s",
    "ratio",
    "peak_memory_bytes",
}


@pytest.fixture
def small_300m(monkeypatch: pytest.MonkeyPatch) -> None:
    """random-300m's structure at sizes for tests."""
    config = ModelConfig(
        name="random-300m",
        autoencoder=AutoencoderConfig(
            encoder=EncoderConfig(width=16, heads=2, self_layers=1),
            field=FieldConfig(latent_tokens=64, latent_channels=16, hidden_width=16),
        ),
        prior=PriorConfig(
            latent_tokens=64, latent_channels=16, width=32, layers=2, heads=2, text_pooled_width=768
        ),
        text="clip",
    )
    monkeypatch.setattr(random_300m, "random_300m_config", lambda: config)


def check(figures: dict[str, Any], *, compared: bool) -> None:
    assert figures["ours_s"] > 0
    assert figures["peak_memory_bytes"] > 1e8  # Python and torch alone take more
    if compared:
        assert figures["ratio"] == pytest.approx(figures["plain_fp32_s"] / figures["ours_s"])
    else:
        assert figures["plain_fp32_s"] is None
        assert figures["ratio"] is None


@pytest.mark.parametrize(
    ("job", "more"),
    [
        (("prior", "--batch", "2", "--precision", "bf16"), {"guidance": 3.0, "batch_size": 2}),
        (("generate", "--steps", "1", "--resolution", "8"), {"steps": 1, "resolution": 8, "batch_size": 1}),
        (("decode", "--resolution", "16"), {"resolution": 16}),
        (("render", "--size-px", "8"), {"size_px": 8, "mode": "nerf"}),
    ],
)
def test_figures_of_a_model_beside_its_plain_twin(
    shapewright: Shapewright, model_folder: Path, job: tuple[str, ...], more: dict[str, Any]
) -> None:
    outcome = shapewright("bench", *job, "--model", model_folder, "--runs", "1", "--compare-plain", "--json")
    assert outcome.code == 0, outcome
    figures = outcome.json
    extra = {"assets_per_s"} if "batch_size" in more else set()
    assert set(figures) == FIGURES | set(more) | extra
    assert {key: figures[key] for key in more} == more
    assert (figures["job"], figures["model"], figures["runs"]) == (job[0], "random", 1)
    assert figures["precision"] == ("bf16" if job[0] == "prior" else "fp32")
    check(figures, compared=True)


@pytest.mark.parametrize(
    "job", [("encode",), ("render", "--mode", "mesh", "--size-px", "8", "--resolution", "8")]
)
def test_views_of_meshes_and_encoding_beside_their_twins(
    shapewright: Shapewright, model_folder: Path, job: tuple[str, ...]
) -> None:
    asked = ("bench", *job, "--model", model_folder, "--runs", "1", "--json")
    outcome = shapewright(*asked)
    assert outcome.code == 0, outcome
    check(outcome.json, compared=False)
    check(shapewright(*asked, "--compare-plain").json, compared=True)


def test_training_is_measured_in_assets(shapewright: Shapewright) -> None:
    asked = ("bench", "train", "--recipe", "tiny", "--batch", "2", "--runs", "1", "--compare-plain", "--json")
    outcome = shapewright(*asked)
    assert outcome.code == 0, outcome
    figures = outcome.json
    assert (figures["recipe"], figures["batch_size"], figures["precision"]) == ("tiny", 2, "bf16")
    assert figures["assets_per_s"] == pytest.approx(2 / figures["ours_s"])
    check(figures, compared=True)


@pytest.mark.usefixtures("small_300m")
@pytest.mark.parametrize(
    "job", [("prior",), ("generate", "--steps", "1", "--resolution", "0"), ("decode", "--resolution", "8")]
)
def test_made_up_weights_need_no_files(shapewright: Shapewright, job: tuple[str, ...]) -> None:
    outcome = shapewright("bench", *job, "--model", "random-300m", "--runs", "1", "--precision", "fp32")
    assert outcome.code == 0, outcome
    assert outcome.out.splitlines()[0].split() == ["job", job[0]]
    assert "random-300m" in outcome.out
    assert f"Measuring '{job[0]}' 1 times" in outcome.err


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("prior", "--runs", "0"), "--runs must be at least 1"),
        (("prior", "--batch", "0"), "--batch must be at least 1"),
        (("generate", "--n", "0"), "--n must be at least 1"),
        (("render", "--size-px", "0"), "--size-px must be at least 1"),
        (("train", "--recipe", "tiny", "--batch", "0"), "--batch must be at least 1"),
        (("prior", "--model", "nonesuch"), "nonesuch"),
    ],
)
def test_mistakes_are_told_in_one_sentence(
    shapewright: Shapewright, arguments: tuple[str, ...], message: str
) -> None:
    outcome = shapewright("bench", *arguments, "--json")
    assert outcome.code == 2
    assert message in outcome.err
    assert outcome.is_one_sentence(), outcome


def test_a_model_without_a_prior(shapewright: Shapewright, tmp_path: Path) -> None:
    saved(random_model("bare", with_prior=False), tmp_path)
    outcome = shapewright("bench", "prior", "--model", tmp_path, "--json")
    assert outcome.code == 2
    assert "has no prior to measure" in outcome.err
