"""Our models through folders of the diffusers layout, without the library."""

import dataclasses
import json
import re
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file

from shapewright.errors import ConfigError, ModelError, OutputError
from shapewright.field import Field, FieldConfig, MixerConfig
from shapewright.interop.diffusers import DiffusersModel, clip_files, model_files, read_folder, write_folder
from shapewright.interop.diffusers_config import CLIP_PARTS, Kind
from shapewright.prior import Prior
from tiny_shap_e import TOKENS, tiny_shap_e

KINDS: tuple[Kind, ...] = ("text", "image")
WEIGHTS = "diffusion_pytorch_model.safetensors"


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Copied, not read, so a name in each part will do."""
    folder = tmp_path_factory.mktemp("clip")
    for part in (*CLIP_PARTS["text"], *CLIP_PARTS["image"]):
        (folder / part).mkdir()
        (folder / part / "file").write_text(part)
    return folder


@pytest.fixture
def written(clip: Path, tmp_path: Path) -> Path:
    write_folder(tiny_shap_e(), tmp_path / "model", clip=clip)
    return tmp_path / "model"


def same_weights(one: torch.nn.Module, other: torch.nn.Module) -> bool:
    ours, theirs = one.state_dict(), other.state_dict()
    return ours.keys() == theirs.keys() and all(torch.equal(ours[name], theirs[name]) for name in ours)


@pytest.mark.parametrize("kind", KINDS)
def test_there_and_back_again(kind: Kind, clip: Path, tmp_path: Path) -> None:
    model = tiny_shap_e(kind)
    write_folder(model, tmp_path / "model", clip=clip)
    again = read_folder(tmp_path / "model")
    assert (again.kind, again.sampler, again.prior.config) == (kind, model.sampler, model.prior.config)
    assert again.field.config == model.field.config
    assert again.renderer.resolution == model.renderer.resolution
    assert again.renderer.nerf.background == pytest.approx(model.renderer.nerf.background)
    assert same_weights(again.prior, model.prior)
    assert same_weights(again.field, model.field)
    for part in CLIP_PARTS[kind]:
        assert (tmp_path / "model" / part / "file").read_text() == part
    assert len(model_files(tmp_path / "model")) == 2


def test_a_prior_without_positions_comes_back_with_zeros(clip: Path, tmp_path: Path) -> None:
    write_folder(tiny_shap_e(use_pos_emb=False), tmp_path / "model", clip=clip)
    found = read_folder(tmp_path / "model").prior.pos_emb
    assert found is not None
    assert not found.any()


def edit_weights(path: Path, changes: dict[str, Any]) -> None:
    state = load_file(path) | changes
    save_file({name: part for name, part in state.items() if part is not None}, path)


@pytest.mark.parametrize(
    ("part", "name", "shape"),
    [
        ("prior", "transformer_blocks.0.attn1.to_k.weight", "(24, 24)"),
        ("prior", "positional_embedding", "(1, 32, 24)"),
        ("shap_e_renderer", "mlp.mlp.0.bias", "(8,)"),
        ("shap_e_renderer", "params_proj.projections.nerstf__mlp__1__weight.proj.weight", "(64, 6)"),
    ],
)
def test_parameters_that_do_not_fit_are_all_named(written: Path, part: str, name: str, shape: str) -> None:
    edit_weights(written / part / WEIGHTS, {name: None, "stranger": torch.zeros(1)})
    with pytest.raises(ModelError, match=rf"missing: {re.escape(name)}; left over: stranger"):
        read_folder(written)
    edit_weights(written / part / WEIGHTS, {name: torch.zeros(2, 3), "stranger": None})
    with pytest.raises(ModelError, match=rf"{re.escape(name)} is \(2, 3\), not {re.escape(shape)}"):
        read_folder(written)


def test_what_has_no_effect_may_be_absent(written: Path) -> None:
    edit_weights(written / "prior" / WEIGHTS, {"clip_mean": None, "clip_std": None})
    absent = ("mesh_decoder.cases", "mesh_decoder.masks", "mlp.mlp.0.weight", "void.background")
    edit_weights(written / "shap_e_renderer" / WEIGHTS, dict.fromkeys(absent))
    # without a stored one, the configuration's background is taken
    assert read_folder(written).renderer.nerf.background == pytest.approx((0.2, 0.4, 0.8))


def test_the_stored_background_goes_before_the_configured_one(written: Path) -> None:
    edit_weights(written / "shap_e_renderer" / WEIGHTS, {"void.background": torch.tensor([0.0, 1.0, 0.5])})
    assert read_folder(written).renderer.nerf.background == (0.0, 1.0, 0.5)
    edit_weights(written / "shap_e_renderer" / WEIGHTS, {"void.background": torch.zeros(4)})
    with pytest.raises(ModelError, match="one colour, but holds 4"):
        read_folder(written)


def test_prior_and_renderer_must_agree(written: Path, clip: Path, tmp_path: Path) -> None:
    other = tiny_shap_e(latent_tokens=20)
    with pytest.raises(ConfigError, match=rf"\(20, 6\), but the renderer takes \({TOKENS}, 6\)"):
        write_folder(other, tmp_path / "other", clip=clip)
    config = json.loads((written / "prior/config.json").read_text())
    (written / "prior/config.json").write_text(json.dumps(config | {"num_embeddings": 20}))
    edit_weights(written / "prior" / WEIGHTS, {"positional_embedding": torch.zeros(1, 20, 24)})
    with pytest.raises(ConfigError, match="but the renderer takes"):
        read_folder(written)


@pytest.mark.parametrize(
    "file", ["model_index.json", "prior/config.json", "scheduler/scheduler_config.json", f"prior/{WEIGHTS}"]
)
def test_missing_files_are_named(written: Path, file: str) -> None:
    (written / file).unlink()
    with pytest.raises(ModelError, match=Path(file).parts[0]):
        read_folder(written)


def unusual_model() -> DiffusersModel:
    config = FieldConfig(
        latent_tokens=16,
        latent_channels=6,
        hidden_width=8,
        position_octaves=2,
        direction_octaves=3,
        mixer=MixerConfig(width=8, layers=1, heads=2, channels=4),
    )
    usual = tiny_shap_e(predict_variance=False)
    prior = dataclasses.replace(usual.prior.config, text_pooled_width=None, text_token_width=8)
    return dataclasses.replace(usual, field=Field(config), prior=Prior(prior))


def test_everything_that_diffusers_does_not_have_is_named(clip: Path, tmp_path: Path) -> None:
    with pytest.raises(ModelError) as caught:
        write_folder(unusual_model(), tmp_path / "model", clip=clip)
    for obstacle in ("text tokens", "CLIP's text", "variance", "mixer", "several", "2 octaves", "3 octaves"):
        assert obstacle in str(caught.value)
    assert not (tmp_path / "model").exists()


def test_a_folder_in_use_is_not_touched(written: Path, clip: Path) -> None:
    before = (written / "model_index.json").stat().st_mtime_ns
    with pytest.raises(OutputError, match="is not empty: give a new one"):
        write_folder(tiny_shap_e(), written, clip=clip)
    assert (written / "model_index.json").stat().st_mtime_ns == before


def test_clip_as_a_whole_is_taken_apart(tmp_path: Path) -> None:
    """The files of `openai/clip-vit-large-patch14`."""
    tokenizer = [
        "merges.txt",
        "special_tokens_map.json",
        "tokenizer.json",
        "tokenizer_config.json",
        "vocab.json",
    ]
    encoder = ["config.json", "model.safetensors"]
    for name in (*tokenizer, *encoder, "preprocessor_config.json", "README.md"):
        (tmp_path / name).touch()
    assert [file.name for file in clip_files(tmp_path, "text_encoder")] == encoder
    assert [file.name for file in clip_files(tmp_path, "image_encoder")] == encoder
    assert [file.name for file in clip_files(tmp_path, "tokenizer")] == tokenizer
    assert [file.name for file in clip_files(tmp_path, "image_processor")] == ["preprocessor_config.json"]


def test_a_folder_without_clip_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="holds no text_encoder"):
        write_folder(tiny_shap_e(), tmp_path / "model", clip=tmp_path)
    with pytest.raises(ModelError, match="is not a folder"):
        write_folder(tiny_shap_e(), tmp_path / "model", clip=tmp_path / "nothing")
    assert list(tmp_path.iterdir()) == []
