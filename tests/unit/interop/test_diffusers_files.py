"""Weights and settings of a folder in every form, and files that are not what they should be."""

import json
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import save_file

from shapewright.errors import ModelError
from shapewright.interop.diffusers_files import read_json, read_weights, weight_files, write_weights

STEM = "diffusion_pytorch_model"
STATE = {"a": torch.arange(3.0), "b.weight": torch.ones(2, 2)}


def write_index(folder: Path, shards: dict[str, Any], name: str = f"{STEM}.safetensors.index.json") -> None:
    (folder / name).write_text(json.dumps({"metadata": {"total_size": 1}, "weight_map": shards}))


def test_full_precision_is_read_before_half(tmp_path: Path) -> None:
    write_weights(tmp_path, STATE, fp16=True)
    assert weight_files(tmp_path) == [tmp_path / f"{STEM}.safetensors"]
    assert read_weights(tmp_path)["a"].dtype == torch.float32
    (tmp_path / f"{STEM}.safetensors").unlink()
    assert read_weights(tmp_path)["a"].dtype == torch.float16


def test_integers_stay_integers_in_half_precision(tmp_path: Path) -> None:
    write_weights(tmp_path, {"cases": torch.arange(3), "masks": torch.ones(2, dtype=torch.bool)}, fp16=True)
    (tmp_path / f"{STEM}.safetensors").unlink()
    found = read_weights(tmp_path)
    assert (found["cases"].dtype, found["masks"].dtype) == (torch.int64, torch.bool)


@pytest.mark.parametrize("index", [f"{STEM}.safetensors.index.json", f"{STEM}.safetensors.index.fp16.json"])
def test_several_files_with_an_index(tmp_path: Path, index: str) -> None:
    for number, name in enumerate(STATE):
        save_file({name: STATE[name]}, tmp_path / f"part{number}.safetensors")
    write_index(tmp_path, {"a": "part0.safetensors", "b.weight": "part1.safetensors"}, index)
    found = read_weights(tmp_path)
    assert found.keys() == STATE.keys()
    assert torch.equal(found["a"], STATE["a"])


def test_torchs_own_format(tmp_path: Path) -> None:
    torch.save(STATE, tmp_path / f"{STEM}.bin")
    assert torch.equal(read_weights(tmp_path)["b.weight"], STATE["b.weight"])


class Anything:
    """What a pickle could bring to life."""


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ({"a": Anything()}, "as plain tensors"),
        ({"a": 1}, "named tensors and nothing else"),
        ([1], "named tensors"),
    ],
)
def test_nothing_but_tensors_is_unpickled(tmp_path: Path, content: Any, message: str) -> None:
    torch.save(content, tmp_path / f"{STEM}.bin")
    with pytest.raises(ModelError, match=message):
        read_weights(tmp_path)


def test_damaged_weights(tmp_path: Path) -> None:
    (tmp_path / f"{STEM}.safetensors").write_bytes(b"not a header")
    with pytest.raises(ModelError, match="Cannot read the weights"):
        read_weights(tmp_path)
    (tmp_path / f"{STEM}.safetensors").rename(tmp_path / f"{STEM}.bin")
    with pytest.raises(ModelError, match="Cannot read the weights"):
        read_weights(tmp_path)


def test_no_weights(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match=f"holds no weights; expected one of {STEM}.safetensors"):
        read_weights(tmp_path)


@pytest.mark.parametrize("shards", [{"a": "../elsewhere.safetensors"}, {}, {"a": 1}, ["a"], None])
def test_an_index_names_files_beside_it(tmp_path: Path, shards: Any) -> None:
    write_index(tmp_path, shards)
    with pytest.raises(ModelError, match="weight_map"):
        read_weights(tmp_path)


def test_a_file_that_the_index_names_is_missing(tmp_path: Path) -> None:
    write_index(tmp_path, {"a": "part.safetensors"})
    with pytest.raises(ModelError, match=r"part\.safetensors"):
        read_weights(tmp_path)


def test_a_tensor_twice(tmp_path: Path) -> None:
    for name in ("one.safetensors", "two.safetensors"):
        save_file({"a": torch.ones(1)}, tmp_path / name)
    write_index(tmp_path, {"a": "one.safetensors", "b": "two.safetensors"})
    with pytest.raises(ModelError, match="'a', which another file"):
        read_weights(tmp_path)


@pytest.mark.parametrize(
    ("text", "message"), [("{", "not a JSON file"), ("[1]", "a JSON object, not a list")]
)
def test_settings_that_are_none(tmp_path: Path, text: str, message: str) -> None:
    (tmp_path / "config.json").write_text(text)
    with pytest.raises(ModelError, match=message):
        read_json(tmp_path / "config.json")


def test_missing_settings(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="Cannot read"):
        read_json(tmp_path / "config.json")
