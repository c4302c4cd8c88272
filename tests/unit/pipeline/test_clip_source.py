"""From what a config names to CLIP's folder. The hub is a stand-in: nothing is fetched."""

from pathlib import Path
from typing import Any

import pytest
import torch
from huggingface_hub import HfApi
from huggingface_hub.errors import LocalEntryNotFoundError
from PIL import Image

from shapewright.errors import ModelError
from shapewright.pipeline.clip_source import (
    CLIP_VARIABLE,
    clip_folder,
    load_clip_image,
    load_clip_text,
)
from tiny_clip import save_clip, save_text_tower, save_tokenizer, save_vision_tower

CPU = torch.device("cpu")
HUB_ID = "openai/clip-vit-large-patch14"


@pytest.fixture(autouse=True)
def _no_variable(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(CLIP_VARIABLE, raising=False)


def test_folders_are_found_by_full_name_and_inside_the_model_folder(tmp_path: Path) -> None:
    (tmp_path / "model" / "clip").mkdir(parents=True)
    (tmp_path / "elsewhere").mkdir()
    assert clip_folder("clip", tmp_path / "model", "text") == tmp_path / "model" / "clip"
    assert clip_folder(str(tmp_path / "elsewhere"), tmp_path / "model", "text") == tmp_path / "elsewhere"
    assert clip_folder(str(tmp_path / "elsewhere"), None, "text") == tmp_path / "elsewhere"


def test_the_variable_goes_before_the_config(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("mine", "model/clip"):
        (tmp_path / name).mkdir(parents=True)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv(CLIP_VARIABLE, "mine")
    assert clip_folder("clip", tmp_path / "model", "text").resolve() == tmp_path / "mine"
    monkeypatch.setenv(CLIP_VARIABLE, "gone")
    with pytest.raises(ModelError, match=f"{CLIP_VARIABLE} takes CLIP from 'gone', which is not a folder"):
        clip_folder("clip", tmp_path / "model", "text")


@pytest.mark.parametrize("name", ["clip", "./openai/clip", "/nowhere/clip", "a/b/c"])
def test_a_folder_that_is_not_there_is_told_with_what_to_do(tmp_path: Path, name: str) -> None:
    with pytest.raises(ModelError, match=f"set the environment variable {CLIP_VARIABLE}") as caught:
        clip_folder(name, tmp_path, "text")
    assert name in str(caught.value)


def test_both_layouts_give_the_same_features(tmp_path: Path) -> None:
    save_clip(tmp_path / "flat")
    save_text_tower(tmp_path / "parts/text_encoder")
    save_tokenizer(tmp_path / "parts/tokenizer")
    save_vision_tower(tmp_path / "parts/image_encoder")
    picture = Image.new("RGB", (28, 28), "red")
    texts = [load_clip_text(name, tmp_path, CPU).encode(["bed"]).pooled for name in ("flat", "parts")]
    grids = [load_clip_image(name, tmp_path, CPU).encode([picture]) for name in ("flat", "parts")]
    # products may round differently with weights at other places in memory
    torch.testing.assert_close(texts[0], texts[1], rtol=1e-5, atol=1e-6)
    torch.testing.assert_close(grids[0], grids[1], rtol=1e-4, atol=1e-5)


class Hub:
    """What the hub's library would do."""

    def __init__(self, folder: Path, *, cached: bool, online: bool) -> None:
        self.folder, self.cached, self.online = folder, cached, online
        self.downloads: list[list[str]] = []

    def snapshot_download(
        self, name: str, *, allow_patterns: list[str], local_files_only: bool = False
    ) -> str:
        assert name == HUB_ID
        if local_files_only:
            if not self.cached:
                raise LocalEntryNotFoundError("not in the cache")
        else:
            self.downloads.append(allow_patterns)
            (self.folder / "model.safetensors").touch()
        return str(self.folder)

    def model_info(self, *_: Any, **__: Any) -> None:
        if not self.online:
            raise ConnectionError("Name or service not known\nand more")


@pytest.fixture
def hub(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Hub:
    hub = Hub(tmp_path, cached=False, online=True)
    monkeypatch.setattr("huggingface_hub.snapshot_download", hub.snapshot_download)
    monkeypatch.setattr(HfApi, "model_info", hub.model_info)
    return hub


def test_a_cached_copy_needs_no_network(hub: Hub) -> None:
    hub.cached, hub.online = True, False
    (hub.folder / "model.safetensors").touch()
    assert clip_folder(HUB_ID, None, "text") == hub.folder
    assert hub.downloads == []


@pytest.mark.parametrize("cached", [False, True])
def test_what_the_cache_lacks_is_downloaded(hub: Hub, cached: bool) -> None:
    hub.cached = cached  # a cache may hold other files of the model than those wanted
    assert clip_folder(HUB_ID, None, "image") == hub.folder
    (wanted,) = hub.downloads
    assert {"config.json", "model.safetensors", "image_encoder/model.safetensors"} <= set(wanted)
    assert not any(pattern.endswith((".bin", ".h5", ".msgpack", "*")) for pattern in wanted)


def test_without_a_network_one_sentence_says_what_to_do(hub: Hub) -> None:
    hub.online = False
    with pytest.raises(ModelError, match=r"cannot be fetched from the hub \(Name or service not") as caught:
        clip_folder(HUB_ID, None, "text")
    assert f"set the environment variable {CLIP_VARIABLE} to a folder" in str(caught.value)
    assert "\n" not in str(caught.value)
    assert hub.downloads == []
