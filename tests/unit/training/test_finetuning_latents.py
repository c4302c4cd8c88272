"""Latents to fine-tune on: varied where only points are seen, as they are where views are."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from own_models import few_steps
from shapewright.dataset.loader import AssetRecord
from shapewright.dataset.views import Views
from shapewright.errors import DatasetError
from shapewright.geometry.cameras import random_views
from shapewright.pipeline import Model
from shapewright.pipeline.latent_refinement import RefinementConfig, refine_latents
from shapewright.pipeline.refinement_targets import targets_of_record
from shapewright.training.finetuning_data import Material
from shapewright.training.finetuning_latents import latents_of
from tiny_assets import shelf
from tiny_models import random_model
from tiny_official import TRANSMITTER, official_model


def material() -> Material:
    records = shelf()
    return Material(records=records, captions={record.id: [record.name] for record in records})


def made(base: Model, run: Path, found: Material) -> tuple[torch.Tensor, list[str]]:
    latents = latents_of(base, found, run, few_steps("lora", base))
    assert [texts[0] for texts in latents.captions] == [name.removeprefix("test/") for name in latents.assets]
    return latents.latents, latents.assets


def test_draws_are_varied_and_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    base, found = random_model(), material()
    latents, assets = made(base, tmp_path, found)
    assert latents.shape == (12, 8, 8)
    assert assets[::2] == assets[1::2] == [record.id for record in found.records]
    clouds = torch.from_numpy(np.stack([record.points for record in found.records])).float()
    torch.testing.assert_close(latents[::2], base.autoencoder.eval().encode(clouds))
    assert not torch.allclose(latents[1::2], latents[::2])
    monkeypatch.setattr("shapewright.training.finetuning_latents.encode_records", None)
    again, _ = made(base, tmp_path, found)  # not encoded again
    assert torch.equal(again, latents)
    with pytest.raises(TypeError):  # but for another model
        made(replace(base, sha256="other"), tmp_path, found)


def test_refined_ones_answer_the_assets_own_targets_better(tmp_path: Path) -> None:
    base, found = random_model(), material()
    recipe = replace(few_steps("full", base), refine=12)
    told: list[tuple[str, int, int]] = []
    refined = latents_of(base, found, tmp_path / "refined", recipe, working=lambda *say: told.append(say))
    plain = latents_of(base, found, tmp_path / "plain", replace(recipe, refine=0, draws=1))
    assert refined.assets == plain.assets
    assert told[-1] == ("refine", 6, 6)
    field = base.autoencoder.field
    for record, before, after in zip(found.records, plain.latents, refined.latents, strict=True):
        targets = targets_of_record(record, field.config, with_rays=False)
        one_more = refine_latents(field, after[None], targets, RefinementConfig(steps=1))
        none_yet = refine_latents(field, before[None], targets, RefinementConfig(steps=1))
        assert one_more.before.loss < none_yet.before.loss
    recipe = replace(recipe, refine=0, draws=1)
    again = latents_of(base, found, tmp_path / "refined", recipe)
    assert torch.equal(again.latents, plain.latents), "those kept are not taken for others"


def test_damaged_ones_are_made_again(tmp_path: Path) -> None:
    base, found = random_model(), material()
    latents, _ = made(base, tmp_path, found)
    (tmp_path / "latents.safetensors").write_bytes(b"torn")
    assert torch.equal(made(base, tmp_path, found)[0], latents)


def views_of(count: int, size_px: int) -> Views:
    rng = np.random.default_rng(0)
    return Views(
        images=rng.integers(0, 256, (count, size_px, size_px, 4), dtype=np.uint8),
        depths=np.full((count, size_px, size_px), 4.0, dtype=np.float32),
        cameras=random_views(rng, count, size_px=size_px),
    )


def test_encoders_of_views_see_the_first_of_them(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    base, found = official_model("text", encoder=TRANSMITTER), material()
    monkeypatch.setattr(AssetRecord, "views", lambda record: views_of(6, 32))
    latents, assets = made(base, tmp_path, found)
    assert latents.shape == (6, 64, 32)
    assert assets == [record.id for record in found.records]  # one draw: views are of the asset as it is
    assert not torch.allclose(latents[0], latents[3])
    for count, size_px in ((3, 32), (4, 24)):
        monkeypatch.setattr(AssetRecord, "views", lambda record, c=count, s=size_px: views_of(c, s))
        with pytest.raises(DatasetError, match="sees 4 views of 32 px of an asset but the data set has"):
            made(base, tmp_path / "other", found)


def test_data_of_fewer_points_are_refused(tmp_path: Path) -> None:
    base = random_model()
    larger = replace(base, config=replace(base.config, points=512))
    with pytest.raises(DatasetError, match="reads 512 points of an asset but the data set has 256"):
        made(larger, tmp_path, material())
