"""Judges by held-out assets: the same answer whenever they are asked."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from seen_assets import cubes, look_briefly
from shapewright.autoencoder import Autoencoder
from shapewright.errors import DatasetError
from shapewright.render import render_mesh
from shapewright.training import validation
from shapewright.training.loop import LoopConfig
from shapewright.training.objectives.latent_table import TabledAutoencoder
from shapewright.training.pictures import CELL_PX, save_pictures
from shapewright.training.recipes.encoder import tiny
from shapewright.training.tracker import Tracker
from shapewright.training.validation import (
    AutoencoderJudge,
    HeldOutLosses,
    autoencoder_judge,
    held_out_records,
    small_view,
)
from shapewright.training.watcher import Judge
from solids import cube_mesh
from tiny_models import random_model

SUPERVISION = replace(tiny().objective, points=256, queries=64)
LOOP = LoopConfig(steps=4, batch_size=2, learning_rate=1e-3, validate_every=2)


class Doubling:
    """An objective whose losses are its model's answers to the batch's number."""

    model = nn.Linear(1, 1, bias=False)

    def batch(self, step: int) -> Tensor:
        return torch.full((1, 1), float(step))

    def losses(self, model: nn.Module, batch: Tensor, generator: torch.Generator) -> dict[str, Tensor]:
        losses = {"loss": model(batch).sum(), "drawn": torch.rand((), generator=generator)}
        return losses if float(batch) else {**losses, "first": torch.tensor(4.0)}

    def asset_names(self, batch: Tensor) -> list[str]:
        return ["x"]


def test_any_objective_can_judge() -> None:
    judge = HeldOutLosses(Doubling(), batches=3)
    assert isinstance(judge, Judge)
    model = nn.Linear(1, 1, bias=False)
    nn.init.constant_(model.weight, 2.0)
    with torch.no_grad():
        figures = judge.validate(model)
        assert figures["loss"] == pytest.approx(2.0), "the mean of 0, 2 and 4, by the model it was given"
        assert figures["first"] == 4, "a loss that only some batches have is the mean over those"
        assert judge.validate(model) == figures
    assert judge.pictures(model) == []


@pytest.fixture
def briefly(monkeypatch: pytest.MonkeyPatch) -> None:
    look_briefly(monkeypatch)


@pytest.fixture(scope="module")
def autoencoder() -> Autoencoder:
    """Its field has a surface, whatever it encodes."""
    return random_model(with_prior=False).autoencoder.eval()


@pytest.mark.usefixtures("briefly")
def test_an_autoencoder_is_judged_by_fields_and_pictures(autoencoder: Autoencoder) -> None:
    judge = AutoencoderJudge(autoencoder, cubes(), SUPERVISION)
    assert isinstance(judge, Judge)
    with torch.no_grad():
        figures = judge.validate(autoencoder)
        assert figures == judge.validate(autoencoder)
        table = TabledAutoencoder(autoencoder, torch.zeros(2, 8, 8))
        assert judge.validate(table) == figures, "whatever is trained beside it"
    assert {"loss", "iou", "signed_distance", "mesh_psnr_db", "nerf_psnr_db"} <= figures.keys()
    assert all(np.isfinite(value) for value in figures.values())


@pytest.mark.usefixtures("briefly")
def test_pictures_show_source_mesh_and_nerf(autoencoder: Autoencoder, tmp_path: Path) -> None:
    judge = AutoencoderJudge(autoencoder, cubes(), SUPERVISION)
    with torch.no_grad():
        strips = judge.pictures(autoencoder)
        empty = judge.pictures(random_model(empty=True, with_prior=False).autoencoder.eval())
    assert [strip.caption for strip in strips] == ["cube", "die", "block"]
    source, mesh, nerf = strips[1].pictures
    red, _, blue = source[source[..., 3] > 0.9][:, :3].mean(axis=0)
    assert blue > red, "the die is blue"
    assert mesh[..., 3].max() == 1
    assert nerf.shape[-1] == 4
    assert not empty[0].pictures[1].any(), "no surface, no picture"
    tracker = Tracker(tmp_path, 0, tensorboard=False)
    save_pictures(tmp_path, tracker, 30, strips)
    save_pictures(tmp_path, tracker, 40, [])
    tracker.close()
    (written,) = (tmp_path / "pictures").iterdir()
    assert written.name == "step-0000030.png"
    assert written.stat().st_size > CELL_PX


def test_the_small_view_looks_where_the_large_one_does() -> None:
    """A render of the same mesh agrees with it."""
    record = cubes()[0]
    views = record.views()
    camera, truth = small_view(views)
    assert (camera.width_px, truth.shape) == (32, (32, 32, 3))
    colors = np.tile(record.points[:1, 3:].astype(np.float32), (8, 1))
    half = float(np.abs(record.points[:, :3].astype(np.float64)).max())
    again = render_mesh(cube_mesh(half_side=half, colors=colors), camera, background=(0.0, 0.0, 0.0))
    # they differ at edges only, where pixels of two sizes blend: some tens of 1024
    assert np.median(np.abs(again[..., :3] - truth)) < 0.01
    assert np.mean(np.abs(again[..., :3] - truth) > 0.1) < 0.05


def test_held_out_assets(monkeypatch: pytest.MonkeyPatch, autoencoder: Autoencoder) -> None:
    asked: list[str] = []
    found = cubes()
    monkeypatch.setattr(validation, "load_dataset", lambda data, split: (asked.append(split), found)[1])
    names = [record.name for record in held_out_records(Path("data"), 2)]
    assert names == [record.name for record in held_out_records(Path("data"), 2)]
    assert len(names) == 2
    assert asked == ["val", "val"]
    assert autoencoder_judge(Path("data"), autoencoder, SUPERVISION, replace(LOOP, validate_every=0)) is None
    judge = autoencoder_judge(Path("data"), autoencoder, SUPERVISION, LOOP)
    assert judge is not None
    assert len(judge.records) == 3
    found = []
    with pytest.raises(DatasetError, match=r"no assets of the split 'val'.*loop.validate_every"):
        autoencoder_judge(Path("data"), autoencoder, SUPERVISION, LOOP)
