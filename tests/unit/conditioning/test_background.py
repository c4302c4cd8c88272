"""Cutting out with rembg, which is not installed here: a stand-in module, called as the real one is."""

import importlib.machinery
import sys
from types import ModuleType, SimpleNamespace

import numpy as np
import pytest
from PIL import Image

from shapewright.conditioning.background import check_rembg, remove_background
from shapewright.errors import ConfigError, ImageError


def install(monkeypatch: pytest.MonkeyPatch, *names: str, **contents: object) -> None:
    for name in names:
        module = ModuleType(name)
        module.__spec__ = importlib.machinery.ModuleSpec(name, None)
        vars(module).update(contents)
        monkeypatch.setitem(sys.modules, name, module)


def uninstall(monkeypatch: pytest.MonkeyPatch, *names: str) -> None:
    for name in names:
        monkeypatch.setitem(sys.modules, name, None)
    find = importlib.util.find_spec
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None if name in names else find(name))


def left_half(picture: Image.Image, *, session: SimpleNamespace) -> Image.Image:
    assert session.name == "u2net"  # the default network's licence forbids commercial use
    pixels = np.array(picture)
    pixels[:, picture.width // 2 :, 3] = 0
    return Image.fromarray(pixels)


def test_what_rembg_gives_is_passed_on(monkeypatch: pytest.MonkeyPatch) -> None:
    new_session = lambda name: SimpleNamespace(name=name)  # noqa: E731
    install(monkeypatch, "rembg", "onnxruntime", remove=left_half, new_session=new_session)
    cut = remove_background(Image.new("RGB", (8, 4), "red"))
    assert cut.mode == "RGBA"
    assert cut.getchannel("A").getbbox() == (0, 0, 4, 4)


@pytest.mark.parametrize("missing", ["rembg", "onnxruntime"])
def test_without_it_one_sentence_says_how_to_get_it(monkeypatch: pytest.MonkeyPatch, missing: str) -> None:
    install(monkeypatch, "rembg", "onnxruntime")
    uninstall(monkeypatch, missing)
    with pytest.raises(ConfigError, match=r"pip install 'rembg\[cpu\]'"):
        check_rembg()


def test_its_failures_are_told_in_one_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(_: str) -> None:
        raise ConnectionError("no route to host\nand more")

    install(monkeypatch, "rembg", "onnxruntime", new_session=fail, remove=left_half)
    with pytest.raises(ImageError, match=r"^rembg could not remove the background \(no route to host\)"):
        remove_background(Image.new("RGB", (8, 4)))
