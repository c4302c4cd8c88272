"""Pictures to files through the command line, and models that take the one kind or the other."""

import re
from pathlib import Path

import pytest
from PIL import Image

from command_line import Shapewright
from shapewright.geometry.mesh_files import load
from shapewright.pipeline.latent_file import load_latent
from tiny_official import official_model, save_official

SMALL = ("--resolution", "16", "--device", "cpu")


@pytest.fixture(scope="session")
def image_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_official(tmp_path_factory.mktemp("image"), official_model("image", name="sees"))


@pytest.fixture(scope="session")
def text_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_official(tmp_path_factory.mktemp("text"), official_model("text", name="reads"))


@pytest.fixture
def pictures(here: Path) -> Path:
    """The current folder, with two lamps, and files that are no pictures of anything."""
    (here / "more").mkdir()
    for name, color in (("Desk Lamp.png", "green"), ("more/lamp.jpg", "red")):
        Image.new("RGB", (20, 30), color).save(here / name)
    Image.new("RGBA", (8, 8)).save(here / "clear.png")
    (here / "text.png").write_text("no picture")
    return here


def test_each_picture_makes_a_file_of_its_name(
    shapewright: Shapewright, image_folder: Path, pictures: Path
) -> None:
    outcome = shapewright(
        *("generate", "--image", "Desk Lamp.png", "more/lamp.jpg", "--model", image_folder, *SMALL),
        *("--n", "2", "--foreground-ratio", "0.7", "--latent", "latents/", "--json"),
    )
    assert outcome.code == 0, outcome
    assert outcome.err == ""
    rows = outcome.json["objects"]
    assert [(row["image"], row["seed"], row["output"]) for row in rows] == [
        ("Desk Lamp.png", 0, "desk-lamp_0.glb"),
        ("Desk Lamp.png", 1, "desk-lamp_1.glb"),
        ("more/lamp.jpg", 0, "lamp_0.glb"),
        ("more/lamp.jpg", 1, "lamp_1.glb"),
    ]
    for row in rows:
        load(pictures / row["output"])
        settings = load_latent(pictures / row["latent"])[1].settings
        assert settings["image"] == Path(row["image"]).name
        assert settings["foreground_ratio"] == 0.7


def test_what_it_takes_is_said_before_the_model_is_loaded(
    shapewright: Shapewright, image_folder: Path, pictures: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupted(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("shapewright.pipeline.pipeline.model_of", interrupted)
    outcome = shapewright("generate", "--image", "Desk Lamp.png", "--model", image_folder, *SMALL)
    assert outcome.code == 130
    assert "Making 1 object with 'sees' on cpu" in outcome.err
    # most of the memory is CLIP ViT-L/14's; the time is measured on this machine
    assert re.search(r"guidance 3: about \d+ s and 1\.6 GiB of memory\.", outcome.err)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["a lamp", "--image", "Desk Lamp.png"], "Give either prompts or --image, not both"),
        (["--prompts-file", "text.png", "--image", "Desk Lamp.png"], "not both"),
        (
            [],
            "No prompt was given: describe an object, for example 'a wooden chair', or show it with --image",
        ),
        (["--image"], "No prompt was given"),
        (["a lamp", "--foreground-ratio", "0.5"], "add --image"),
        (["a lamp", "--remove-background"], "add --image"),
        (["--image", "gone.png"], "There is no picture at gone.png"),
        (["--image", "text.png"], "Cannot read text.png"),
        (["--image", "more"], "Cannot read more"),
        (["--image", "Desk Lamp.png", "clear.png"], "'clear.png': The picture is fully transparent"),
        (["--image", "Desk Lamp.png", "--foreground-ratio", "2"], "foreground ratio"),
        (["--image", "Desk Lamp.png", "--remove-background"], "pip install 'rembg[cpu]'"),
        (["--image", "Desk Lamp.png", "Desk Lamp.png"], "gives the same file"),
    ],
)
def test_mistakes_are_told_in_one_sentence(
    shapewright: Shapewright,
    pictures: Path,
    monkeypatch: pytest.MonkeyPatch,
    arguments: list[str],
    message: str,
) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)  # nothing optional is installed
    before = sorted(pictures.rglob("*"))
    outcome = shapewright("generate", *arguments)
    assert outcome.code == 2
    assert outcome.is_one_sentence(), outcome
    assert message in outcome.err
    assert sorted(pictures.rglob("*")) == before


def test_a_model_of_pictures_says_so_to_a_prompt(
    shapewright: Shapewright, image_folder: Path, here: Path
) -> None:
    outcome = shapewright("generate", "a lamp", "--model", image_folder)
    assert outcome.code == 2
    assert outcome.is_one_sentence(), outcome
    assert (
        "'sees' makes objects from pictures, not from text; give a picture (image=..., --image)"
        in outcome.err
    )


def test_a_model_of_prompts_says_so_to_a_picture(
    shapewright: Shapewright, text_folder: Path, pictures: Path
) -> None:
    outcome = shapewright("generate", "--image", "Desk Lamp.png", "--model", text_folder)
    assert outcome.code == 2
    assert outcome.is_one_sentence(), outcome
    assert "makes objects from text, not from pictures; give a prompt" in outcome.err


def test_a_model_of_clips_prompts_makes_files(
    shapewright: Shapewright, text_folder: Path, here: Path
) -> None:
    outcome = shapewright("generate", "a lamp", "bed", "--model", text_folder, *SMALL, "--json")
    assert outcome.code == 0, outcome
    assert outcome.err == ""
    assert {path.name for path in here.iterdir()} == {"a-lamp_0.glb", "bed_0.glb"}


def test_clip_that_cannot_be_had_is_told_in_one_sentence(
    shapewright: Shapewright, text_folder: Path, here: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SHAPEWRIGHT_CLIP", "gone")
    outcome = shapewright("generate", "a lamp", "--model", text_folder, *SMALL, "--json")
    assert outcome.code == 2
    assert outcome.is_one_sentence(), outcome
    assert "SHAPEWRIGHT_CLIP takes CLIP from 'gone', which is not a folder; set the env" in outcome.err
    assert list(here.iterdir()) == []
