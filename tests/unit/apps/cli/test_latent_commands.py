"""encode, export, render, interpolate: files to latents and latents to files."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from command_line import Shapewright
from shapewright.apps.cli.interpolate import FILM_SUFFIXES
from shapewright.geometry.mesh import Mesh
from shapewright.geometry.mesh_files import load, save
from shapewright.pipeline.latent_file import load_latent
from shapewright.render.turntable import MOVIE_WRITERS
from solids import cube_mesh, grid_mesh


@pytest.fixture
def cube_latent(shapewright: Shapewright, model_folder: Path, here: Path) -> Path:
    save(cube_mesh(), here / "cube.glb")
    outcome = shapewright("encode", "cube.glb", "--model", model_folder, "--refine", "0")
    assert outcome.code == 0
    assert "refinement" not in outcome.err
    assert outcome.out == "cube.latent.safetensors\n"
    (here / "cube.glb").unlink()
    return here / "cube.latent.safetensors"


def test_a_latent_becomes_a_mesh(
    shapewright: Shapewright, model_folder: Path, here: Path, cube_latent: Path
) -> None:
    assert load_latent(cube_latent)[1].settings == {"encoded_from": "cube.glb"}
    outcome = shapewright(
        "export",
        cube_latent,
        "--output",
        "x/cube.stl",
        "--resolution",
        "16",
        "--model",
        model_folder,
        "--json",
    )
    assert outcome.code == 0
    assert outcome.json["output"] == "x/cube.stl"
    assert outcome.json["faces"] == len(load(here / "x/cube.stl").faces)


def test_a_latent_becomes_a_textured_file_of_a_height(
    shapewright: Shapewright, model_folder: Path, here: Path, cube_latent: Path
) -> None:
    common = ("export", cube_latent, "--model", model_folder, "--resolution", "16")
    assert shapewright(*common, "--output", "a.obj", "--texture-size", "64", "--height", "0.5").code == 0
    assert {path.name for path in here.glob("a*")} == {"a.obj", "a.mtl", "a_texture.png"}
    mesh = load(here / "a.obj")
    assert np.ptp(mesh.vertices, axis=0)[2] == pytest.approx(0.5, rel=1e-4)
    texture = mesh.materials[-1].texture
    assert texture is not None
    assert texture.shape == (64, 64, 4)
    assert shapewright(*common, "--output", "b.obj", "--vertex-colors").code == 0
    assert {path.name for path in here.glob("b*")} == {"b.obj"}


def test_a_latent_becomes_points(
    shapewright: Shapewright, model_folder: Path, here: Path, cube_latent: Path
) -> None:
    common = ("export", cube_latent, "--model", model_folder, "--resolution", "16", "--points")
    outcome = shapewright(*common, "200", "--output", "cloud.ply", "--json")
    assert outcome.code == 0
    assert outcome.json == {"output": "cloud.ply", "points": 200}
    assert b"element vertex 200\n" in (here / "cloud.ply").read_bytes()
    assert shapewright(*common, "200", "--output", "cloud.obj").code == 2
    outcome = shapewright(*common, "0", "--output", "none.ply")
    assert outcome.code == 2
    assert "--points must be at least 1" in outcome.err


def test_a_latent_is_refined(shapewright: Shapewright, model_folder: Path, here: Path) -> None:
    save(cube_mesh(), here / "cube.glb")
    outcome = shapewright("encode", "cube.glb", "--model", model_folder, "--refine", "3")
    assert outcome.code == 0
    assert outcome.out == "cube.latent.safetensors\n"
    assert "for 3 steps of refinement" in outcome.err
    settings = load_latent(here / "cube.latent.safetensors")[1].settings
    assert settings["refine_steps"] == 3
    assert f"(IoU) {settings['iou_before']:.2f} before, {settings['iou_after']:.2f} after." in outcome.err
    again = shapewright("encode", "cube.glb", "--model", model_folder, "--refine", "3", "--json")
    told = {name: again.json[name] for name in ("refine_steps", "iou_before", "iou_after")}
    assert told | {"encoded_from": "cube.glb"} == settings
    assert "for 60 steps of refinement" in shapewright("encode", "cube.glb", "--model", model_folder).err


def test_a_latent_becomes_pictures(
    shapewright: Shapewright, model_folder: Path, here: Path, cube_latent: Path
) -> None:
    common = (cube_latent, "--model", model_folder, "--size-px", "16", "--resolution", "16")
    assert shapewright("render", *common).code == 0
    assert shapewright("render", *common, "--output", "clear.png", "--background", "transparent").code == 0
    assert shapewright("render", *common, "--output", "nerf.png", "--mode", "nerf").code == 0
    assert shapewright("render", *common, "--output", "turn.gif", "--frames", "3").code == 0
    for name, mode in (("render.png", "RGBA"), ("clear.png", "RGBA"), ("nerf.png", "RGBA")):
        with Image.open(here / name) as picture:
            assert (picture.size, picture.mode) == ((16, 16), mode)
    with Image.open(here / "render.png") as picture:
        assert np.asarray(picture)[..., 3].min() == 255


def test_two_latents_have_others_between(
    shapewright: Shapewright, model_folder: Path, here: Path, cube_latent: Path
) -> None:
    outcome = shapewright(
        *("interpolate", cube_latent, cube_latent, "--count", "3", "--resolution", "16"),
        *("--model", model_folder, "--output", "way/", "--faces", "300", "--json"),
    )
    assert outcome.code == 0
    assert outcome.json["outputs"] == [mesh["output"] for mesh in outcome.json["meshes"]]
    assert all(
        mesh["faces"] == len(load(here / mesh["output"]).faces) <= 300 for mesh in outcome.json["meshes"]
    )
    assert len(list((here / "way").iterdir())) == 3


@pytest.mark.parametrize("path", ["latent", "prompts"])
def test_two_prompts_have_others_between(
    shapewright: Shapewright, model_folder: Path, here: Path, path: str
) -> None:
    common = ("--resolution", "16", "--model", model_folder, "--seed", "4")
    way = ("interpolate", "a chair", "a long red bed", "--frames", "3", "--path", path, *common)
    assert shapewright(*way, "--output", "{index}.ply").code == 0
    ends = ("generate", "a chair", "a long red bed", "--output", "end_{index}.ply", *common)
    assert shapewright(*ends).code == 0
    between = [load(here / f"{index}.ply").vertices for index in range(3)]
    for index, end in ((0, 0), (2, 1)):
        wanted = load(here / f"end_{end}.ply").vertices
        # batches of other shapes round differently
        assert np.abs(between[index].mean(axis=0) - wanted.mean(axis=0)).max() < 0.01
    assert all(between[1].shape != end.shape for end in (between[0], between[2]))


def test_a_way_is_pictured_there_and_back(
    shapewright: Shapewright, model_folder: Path, here: Path, cube_latent: Path
) -> None:
    outcome = shapewright(
        *("interpolate", cube_latent, "a chair", "--frames", "4", "--resolution", "16", "--size-px", "24"),
        *("--model", model_folder, "--output", "way.gif", "--json"),
    )
    assert outcome.code == 0
    assert outcome.json == {"output": "way.gif", "frames": 4}
    with Image.open(here / "way.gif") as picture:
        assert (picture.format, picture.n_frames, picture.size) == ("GIF", 6, (24, 24))


def test_a_million_triangles_are_encoded(shapewright: Shapewright, model_folder: Path, here: Path) -> None:
    mesh = grid_mesh(708)
    assert len(mesh.faces) > 990_000
    save(mesh, here / "large.ply")
    assert shapewright("encode", "large.ply", "--model", model_folder).code == 0
    assert load_latent(here / "large.latent.safetensors")[0].isfinite().all()


def write_bad_files(folder: Path) -> None:
    cube = cube_mesh()
    (folder / "zero.glb").touch()
    (folder / "rubbish.glb").write_bytes(b"rubbish" * 100)
    (folder / "model.fbx").touch()
    (folder / "no-faces.obj").write_text("v 0 0 0\nv 1 0 0\nv 0 1 0\n")
    (folder / "flat.obj").write_text("v 0 0 0\nv 1 0 0\nv 2 0 0\nf 1 2 3\n")
    save(Mesh(vertices=np.full_like(cube.vertices, np.nan), faces=cube.faces), folder / "nan.ply")


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("nothing.glb", "nothing.glb"),
        (".", "suffix"),
        ("zero.glb", "empty"),
        ("rubbish.glb", "cannot be read"),
        ("model.fbx", "suffix"),
        ("no-faces.obj", "no-faces.obj"),
        ("flat.obj", "flat.obj"),
        ("nan.ply", "not finite"),
    ],
)
def test_unusable_files_are_told_in_one_sentence(
    shapewright: Shapewright, model_folder: Path, here: Path, name: str, message: str
) -> None:
    write_bad_files(here)
    before = sorted(here.rglob("*"))
    outcome = shapewright("encode", name, "--model", model_folder, "--output", "x.safetensors", "--json")
    assert outcome.code == 2
    assert outcome.is_one_sentence(), outcome
    assert message in outcome.err
    assert sorted(here.rglob("*")) == before


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["export", "nothing.safetensors"], "There is no latent file"),
        (["export", "rubbish.safetensors"], "cannot be read as a latent file"),
        (["render", "nothing.safetensors"], "There is no latent file"),
        (
            ["render", "nothing.safetensors", "--output", "x.bmp"],
            "what can be written is .png, .gif, .webp, .mp4",
        ),
        (["render", "nothing.safetensors", "--output", "/proc/x.png"], "Cannot write"),
        (["render", "x", "--size-px", "1"], "--size-px"),
        (["render", "x", "--frames", "1"], "--frames"),
        (["render", "x", "--elevation-deg", "90"], "--elevation-deg"),
        (["interpolate", "nothing.safetensors", "x", "--count", "1"], "--frames must be at least 2"),
        (["interpolate", "nothing.safetensors", "x", "--output", "x.gif"], "There is no latent file"),
        (["interpolate", "x.safetensors", "x", "--path", "prompts"], "'x.safetensors' is a latent"),
        (["interpolate", "", "a bed", "--frames", "2"], "prompt is empty"),
        (["interpolate", "nothing.safetensors", "x", "--output", "one.glb"], "gives the same file"),
        (["encode", "cube.glb", "--refine", "-5"], "--refine takes a number of steps, 0 or more; got -5"),
        (["encode", "cube.glb", "--output", "x.pt"], "what can be written is .safetensors"),
        (["encode", "cube.glb", "--output", "rubbish.safetensors/x.safetensors"], "is a file, not a folder"),
    ],
)
def test_mistakes_are_told_in_one_sentence(
    shapewright: Shapewright, here: Path, arguments: list[str], message: str
) -> None:
    (here / "rubbish.safetensors").write_bytes(b"rubbish" * 10)
    before = sorted(here.rglob("*"))
    outcome = shapewright(*arguments, "--json")
    assert outcome.code == 2
    assert outcome.is_one_sentence(), outcome
    assert message in outcome.err
    assert sorted(here.rglob("*")) == before


def test_a_latent_of_an_unnamed_model_asks_for_its_folder(
    shapewright: Shapewright, cube_latent: Path
) -> None:
    outcome = shapewright("export", cube_latent)
    assert outcome.code == 2
    assert "give its folder with --model" in outcome.err


def test_a_latent_of_another_model_is_refused(
    shapewright: Shapewright, empty_model_folder: Path, cube_latent: Path
) -> None:
    outcome = shapewright("export", cube_latent, "--model", empty_model_folder)
    assert outcome.code == 2
    assert outcome.err.startswith("shapewright: ")
    assert "cannot be decoded" in outcome.err


def test_a_mesh_for_printing_is_reported(
    shapewright: Shapewright, model_folder: Path, here: Path, cube_latent: Path
) -> None:
    asked = ("export", cube_latent, "--resolution", "16", "--model", model_folder)
    cleaned = (*asked, "--output", "cube.glb", "--faces", "400", "--watertight", "--height", "0.1")
    outcome = shapewright(*cleaned)
    assert outcome.code == 0
    assert outcome.out == "cube.glb\n"
    assert "small floating part" in outcome.err
    assert "For printing: closed, " in outcome.err
    facts = shapewright(*cleaned, "--json").json
    assert facts["faces"] == facts["print_report"]["faces"] == len(load(here / "cube.glb").faces) <= 400
    assert facts["print_report"]["closed"]
    assert facts["print_report"]["size_mm"][2] == 100.0
    assert facts["notes"][0] in outcome.err
    assert "print_report" in shapewright(*asked, "--output", "cube.stl", "--json").json
    assert "print_report" not in shapewright(*asked, "--output", "cube.ply", "--json").json


def test_too_few_faces_are_refused(
    shapewright: Shapewright, model_folder: Path, here: Path, cube_latent: Path
) -> None:
    outcome = shapewright(
        "export", cube_latent, "--resolution", "16", "--model", model_folder, "--faces", "5"
    )
    assert outcome.code == 2
    assert "cannot be simplified to 5 faces" in outcome.err
    assert [path.name for path in here.iterdir()] == [cube_latent.name]


def test_model_files_and_latents_share_a_sheet(
    shapewright: Shapewright, model_folder: Path, here: Path, cube_latent: Path
) -> None:
    save(cube_mesh(), here / "cube.glb")
    common = ("--model", model_folder, "--size-px", "32", "--resolution", "16")
    assert shapewright("render", "cube.glb", "--size-px", "32", "--views", "3").code == 0
    with Image.open(here / "render.png") as picture:
        assert picture.size == (96, 32)
    outcome = shapewright("render", cube_latent, "cube.glb", *common, "--output", "sheet.png")
    assert outcome.out == "sheet.png\n"
    with Image.open(here / "sheet.png") as picture:
        assert min(picture.size) > 40
    outcome = shapewright("render", cube_latent, "cube.glb", *common, "--output", "x.gif")
    assert outcome.code == 2
    assert "one object" in outcome.err


@pytest.mark.parametrize("suffix", [".gif", ".webp"])
def test_a_model_file_turns_once_at_the_wanted_speed(
    shapewright: Shapewright, here: Path, suffix: str
) -> None:
    colors = np.random.default_rng(0).random((8, 3)).astype(np.float32)  # equal frames would be joined
    save(cube_mesh(colors=colors), here / "cube.glb")
    options = ("--size-px", "17", "--frames", "4", "--fps", "20", "--background", "#f0e0d0")
    assert shapewright("render", "cube.glb", "--output", f"turn{suffix}", *options).code == 0
    with Image.open(here / f"turn{suffix}") as picture:
        assert picture.size == (17, 17)
        assert getattr(picture, "n_frames") == 4  # noqa: B009
        corner = np.asarray(picture.convert("RGB"))[0, 0].astype(int)
    # WebP is lossy, and in a picture this small the object shares its block with the corner
    assert np.abs(corner - [0xF0, 0xE0, 0xD0]).max() <= (0 if suffix == ".gif" else 8)


def test_a_file_is_compared_with_its_latent(shapewright: Shapewright, model_folder: Path, here: Path) -> None:
    save(cube_mesh(), here / "cube.glb")
    options = ("--model", model_folder, "--compare", "x/both.png", "--compare-size", "24", "--json")
    outcome = shapewright("encode", "cube.glb", *options)
    assert outcome.code == 0
    assert outcome.json["compare"] == "x/both.png"
    with Image.open(here / "x/both.png") as picture:
        width, height = picture.size
    assert width >= 4 * 24
    assert height >= 2 * 24


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--background", "blueish"], "no background"),
        (["--background", "transparent", "--output", "x.mp4"], "no alpha"),
        (["--fps", "0", "--output", "x.gif"], "Frames per second"),
        (["--views", "0"], "--views"),
    ],
)
def test_impossible_pictures_are_told_before_anything_is_read(
    shapewright: Shapewright, here: Path, options: list[str], message: str
) -> None:
    outcome = shapewright("render", "nothing.glb", *options)
    assert outcome.code == 2
    assert message in outcome.err
    assert list(here.iterdir()) == []


def test_films_are_those_that_can_be_written() -> None:
    assert tuple(MOVIE_WRITERS) == FILM_SUFFIXES
