"""Models from one form into another."""

import json
from pathlib import Path

import pytest
import torch
from safetensors import safe_open
from safetensors.torch import load_file

from official_models import write_official_files
from shapewright.errors import ModelError, OutputError
from shapewright.interop.diffusers import write_folder
from shapewright.models import sha256
from shapewright.pipeline import load_model
from shapewright.pipeline.convert import KINDS, WRITERS, convert
from tiny_clip import save_text_parts
from tiny_models import random_model, saved
from tiny_shap_e import tiny_shap_e


def names(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir()}


def test_published_files_there_and_back_again(tmp_path: Path) -> None:
    write_official_files(tmp_path / "first", "transmitter", "text_cond")
    convert([tmp_path / "first"], tmp_path / "ours")
    assert names(tmp_path / "ours") == {"config.json", "model.safetensors", "README.md"}
    files = convert([tmp_path / "ours"], tmp_path / "back", to="official")
    assert [path.name for path in files] == [
        "text_cond.pt",
        "text_cond_config.yaml",
        "transmitter.pt",
        "transmitter_config.yaml",
    ]
    convert([tmp_path / "back"], tmp_path / "again", name="ours")
    first, again = load_model(tmp_path / "ours"), load_model(tmp_path / "again")
    assert again.config == first.config
    assert again.sha256 == first.sha256  # the same weights to the last bit
    assert first.config.name == "ours"


def test_files_may_be_named_one_by_one(tmp_path: Path) -> None:
    paths = write_official_files(tmp_path / "first", "vector_decoder", "text_cond", "image_cond")
    convert([paths[0], paths[2]], tmp_path / "ours", name="decoder and image")
    model = load_model(tmp_path / "ours")
    assert (model.config.name, model.config.image, model.autoencoder.encoder) == (
        "decoder and image",
        "clip",
        None,
    )


@pytest.mark.parametrize(("dtype", "stored"), [(torch.float32, "F32"), (torch.bfloat16, "BF16")])
def test_weights_are_stored_as_asked(tmp_path: Path, dtype: torch.dtype, stored: str) -> None:
    (path,) = write_official_files(tmp_path, "vector_decoder")
    convert([path], tmp_path / "ours", dtype=dtype)
    with safe_open(tmp_path / "ours" / "model.safetensors", framework="pt") as file:
        assert {file.get_slice(name).get_dtype() for name in file.keys()} == {stored}  # noqa: SIM118  # no mapping
    card = (tmp_path / "ours" / "README.md").read_text()
    assert f"weights are in {str(dtype).removeprefix('torch.')}" in card


def test_the_card_says_what_the_model_is_made_of(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    paths = write_official_files(tmp_path, "transmitter", "text_cond")
    convert(paths, tmp_path / "ours", name="mine")
    card = (tmp_path / "ours" / "README.md").read_text()
    assert card.startswith("# mine\n")
    for path in paths:
        assert f"| {path.name} | {sha256(path)} | not a published file |" in card
    assert "Licence: that of the files it was made from" in card
    assert "encodes 3D files, decodes latents, makes objects from text" in card
    assert "CLIP (openai/clip-vit-large-patch14)" in card


def test_our_own_folder_keeps_its_card(tmp_path: Path) -> None:
    saved(random_model(), tmp_path / "first")
    convert([tmp_path / "first"], tmp_path / "second", dtype=torch.float32)
    assert (tmp_path / "second" / "README.md").read_text() == "# A random model\n"
    again = load_model(tmp_path / "second")
    assert again.statistics is not None
    assert again.config.name == "second"


def test_a_failure_leaves_nothing(tmp_path: Path) -> None:
    paths = write_official_files(tmp_path / "first", "transmitter", "text_cond")
    paths[1].write_bytes(b"damaged")
    with pytest.raises(ModelError, match="damaged"):
        convert(paths, tmp_path / "ours")
    saved(random_model(), tmp_path / "own")
    with pytest.raises(ModelError, match="no published form"):
        convert([tmp_path / "own"], tmp_path / "out", to="official")
    assert names(tmp_path) == {"first", "own"}


def test_a_folder_with_something_in_it_is_left_alone(tmp_path: Path) -> None:
    (path,) = write_official_files(tmp_path / "first", "vector_decoder")
    with pytest.raises(OutputError, match="is not empty"):
        convert([path], tmp_path / "first")
    (tmp_path / "empty").mkdir()
    convert([path], tmp_path / "empty")
    assert json.loads((tmp_path / "empty" / "config.json").read_text())["model"]["name"] == "empty"


def test_what_cannot_be_converted_is_said(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="no file or folder"):
        convert([tmp_path / "nothing"], tmp_path / "out")
    (tmp_path / "note.txt").touch()
    with pytest.raises(ModelError, match=r"not a model that can be converted; known are: a folder of a Poi"):
        convert([tmp_path / "note.txt"], tmp_path / "out")
    (path,) = write_official_files(tmp_path / "first", "vector_decoder")
    with pytest.raises(
        ModelError, match="cannot be written as 'blender'; possible are shapewright, official, diffusers"
    ):
        convert([path], tmp_path / "out", to="blender")


def test_latents_that_do_not_fit_each_other_are_refused(tmp_path: Path) -> None:
    (decoder,) = write_official_files(tmp_path / "first", "vector_decoder")
    (prior,) = write_official_files(tmp_path / "second", "text_cond")
    config = prior.with_name("text_cond_config.yaml")
    config.write_text(config.read_text().replace("d_latent: 1536", "d_latent: 768"))
    with pytest.raises(ModelError, match="do not fit"):
        convert([decoder, prior], tmp_path / "out")


def test_a_diffusers_folder_there_and_back_again(tmp_path: Path) -> None:
    save_text_parts(tmp_path / "clip")
    write_folder(tiny_shap_e(), tmp_path / "first", clip=tmp_path / "clip")
    convert([tmp_path / "first"], tmp_path / "ours")
    model = load_model(tmp_path / "ours")
    assert (model.config.text, model.config.clip) == ("clip", "clip")
    assert names(tmp_path / "ours" / "clip") == {"text_encoder", "tokenizer"}
    convert([tmp_path / "ours"], tmp_path / "back", to="diffusers")
    for part in ("prior", "shap_e_renderer", "text_encoder"):
        first, back = (only_weights(tmp_path / place / part) for place in ("first", "back"))
        assert first.keys() == back.keys()
        # our folder has no place for the colour behind NeRF pictures: the published one is written
        different = {name for name in first if not torch.equal(first[name], back[name])}
        assert different <= {"void.background"}
    with pytest.raises(ModelError, match="not in bf16"):
        convert([tmp_path / "ours"], tmp_path / "out", to="diffusers", dtype=torch.bfloat16)


def only_weights(folder: Path) -> dict[str, torch.Tensor]:
    (path,) = folder.glob("*.safetensors")
    return load_file(path)


def test_every_kind_of_model_can_be_written_in_every_form() -> None:
    assert all(set(WRITERS) <= set(kind.targets) for kind in KINDS if "Point-E" not in kind.title)
