"""A Point-E model survives its folder; damage and misfits are noticed."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch

from shapewright.config import from_dict, to_dict
from shapewright.errors import ConfigError, ModelError
from shapewright.models import POINTS_FORMAT, folder_format
from shapewright.pipeline import PointEConfig, load_model, load_points_model, save_points_model
from tiny_points import BASE_POINTS, base_stage, random_points_model, upsampler_stage


def test_a_model_survives_its_folder(tmp_path: Path) -> None:
    model = random_points_model()
    save_points_model(tmp_path, model, card="# Card\n", dtype=torch.float32)
    again = load_points_model(tmp_path)
    assert again.config == model.config
    assert again.folder == tmp_path
    assert len(again.sha256) == 64
    for name in ("base", "upsampler", "sdf"):
        before, after = getattr(model, name).state_dict(), getattr(again, name).state_dict()
        assert before.keys() == after.keys()
        assert all(torch.equal(before[key], after[key]) for key in before)
        assert not any(part.requires_grad for part in getattr(again, name).parameters())
    assert {path.name for path in tmp_path.iterdir()} == {"config.json", "model.safetensors", "README.md"}
    assert folder_format(tmp_path) == POINTS_FORMAT


def test_a_base_alone_is_a_model(tmp_path: Path) -> None:
    save_points_model(tmp_path, random_points_model(with_parts=False), card="")
    again = load_points_model(tmp_path)
    assert (again.upsampler, again.sdf) == (None, None)
    assert next(again.base.parameters()).dtype == torch.float32  # stored as half of that


def test_the_two_formats_are_told_apart(tmp_path: Path) -> None:
    save_points_model(tmp_path, random_points_model(with_parts=False), card="")
    with pytest.raises(ModelError, match="not of the format shapewright-model-1"):
        load_model(tmp_path)
    config = json.loads((tmp_path / "config.json").read_text())
    (tmp_path / "config.json").write_text(json.dumps(config | {"format": "shapewright-model-1"}))
    with pytest.raises(ModelError, match=f"not of the format {POINTS_FORMAT}"):
        load_points_model(tmp_path)


def test_damage_is_noticed(tmp_path: Path) -> None:
    save_points_model(tmp_path, random_points_model(), card="")
    weights = bytearray((tmp_path / "model.safetensors").read_bytes())
    weights[-1] ^= 1
    (tmp_path / "model.safetensors").write_bytes(weights)
    with pytest.raises(ModelError, match="damaged"):
        load_points_model(tmp_path)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"colour": 1}, "colour"),
        ({"name": 3}, "should be str"),
        ({"sdf": None}, "a part 'sdf' that its config does not name"),
        ({"sdf": {"width": 64}}, "do not fit"),
    ],
)
def test_a_config_that_does_not_fit_is_refused(tmp_path: Path, change: dict[str, Any], message: str) -> None:
    save_points_model(tmp_path, random_points_model(), card="")
    config = json.loads((tmp_path / "config.json").read_text())
    config["model"] |= change
    (tmp_path / "config.json").write_text(json.dumps(config))
    with pytest.raises(ModelError, match=message):
        load_points_model(tmp_path)


VECTOR_BASE = base_stage(text_pooled_width=8)
OTHER_COUNT = replace(
    upsampler_stage(),
    prior=replace(upsampler_stage().prior, low_res=replace(upsampler_stage().prior.low_res, points=3)),
)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"base": base_stage(), "text": "clip"}, "one without has neither"),
        ({"base": VECTOR_BASE}, "needs 'text' or 'image'"),
        ({"base": base_stage(image_token_width=8), "text": "clip"}, "does not take a text's vector"),
        ({"base": upsampler_stage(), "image": "clip"}, "The base should draw points"),
        ({"base": VECTOR_BASE, "text": "clip", "upsampler": VECTOR_BASE}, "should take low-resolution"),
        ({"base": VECTOR_BASE, "text": "clip", "upsampler": OTHER_COUNT}, f"draws {BASE_POINTS} points"),
        ({"base": VECTOR_BASE, "text": "clip", "image_tokens": 0}, "image_tokens"),
    ],
)
def test_parts_that_do_not_fit_each_other(settings: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        PointEConfig(name="x", **settings)


def test_the_config_survives_json() -> None:
    config = random_points_model("image").config
    assert from_dict(PointEConfig, json.loads(json.dumps(to_dict(config)))) == config


@pytest.mark.parametrize("content", [None, "", "[]", "{", '{"format": 3}'])
def test_what_is_no_model_folder_has_no_format_of_ours(tmp_path: Path, content: str | None) -> None:
    if content is not None:
        (tmp_path / "config.json").write_text(content)
    assert folder_format(tmp_path) in ("", "3")
