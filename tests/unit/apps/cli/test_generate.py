"""Prompts to files through the command line."""

from pathlib import Path

import pytest
from PIL import Image

from command_line import Shapewright
from shapewright import prior
from shapewright.apps.cli import command
from shapewright.errors import EmptySurfaceError
from shapewright.geometry.mesh import Mesh
from shapewright.geometry.mesh_files import load
from shapewright.pipeline import Asset
from shapewright.pipeline.latent_file import load_latent

SMALL = ("--resolution", "16", "--device", "cpu")


def test_one_prompt_makes_one_file(shapewright: Shapewright, model_folder: Path, here: Path) -> None:
    outcome = shapewright("generate", "a wooden chair", "--model", model_folder, *SMALL)
    assert outcome.code == 0
    assert outcome.out == "a-wooden-chair_0.glb\n"
    assert "Making 1 object with 'random' on cpu" in outcome.err
    assert "about" in outcome.err
    assert [path.name for path in here.iterdir()] == ["a-wooden-chair_0.glb"]
    assert len(load(here / "a-wooden-chair_0.glb").faces) > 10


def test_everything_at_once(shapewright: Shapewright, model_folder: Path, here: Path) -> None:
    (here / "prompts.txt").write_text("a lamp\n\n  a bed \n")
    outcome = shapewright(
        *("generate", "a chair", "--prompts-file", "prompts.txt", "--model", model_folder, *SMALL),
        *("--n", "2", "--seed", "5", "--steps", "2", "--guidance", "1", "--json"),
        *("--output", "out/{index}-{prompt}-{seed}.ply", "--latent", "latents/"),
    )
    assert outcome.code == 0
    assert outcome.err == ""
    rows = outcome.json["objects"]
    assert [(row["prompt"], row["seed"]) for row in rows] == [
        (prompt, seed) for prompt in ("a chair", "a lamp", "a bed") for seed in (5, 6)
    ]
    assert rows[3]["output"] == "out/3-a-lamp-6.ply"
    assert rows[3]["latent"] == "latents/a-lamp_6.safetensors"
    for row in rows:
        load(here / row["output"])
        assert load_latent(here / row["latent"])[1].prompt == row["prompt"]
    assert len([path for path in here.rglob("*") if path.is_file()]) == 1 + 2 * 6


def test_meshes_are_cleaned_as_asked_and_told(
    shapewright: Shapewright, model_folder: Path, here: Path
) -> None:
    outcome = shapewright(
        *("generate", "a chair", "a bed", "--model", model_folder, *SMALL, "--steps", "2"),
        *("--faces", "500", "--watertight", "--height", "0.2", "--output", "{prompt}.stl"),
    )
    assert outcome.code == 0
    assert outcome.err.count(".stl: For printing: closed, ") == 2
    assert "a-bed.stl: Removed " in outcome.err
    assert "x 200 mm" in outcome.err
    assert all(len(load(here / name).faces) <= 500 for name in ("a-chair.stl", "a-bed.stl"))


def test_another_solver_is_told_and_remembered(
    shapewright: Shapewright, model_folder: Path, here: Path
) -> None:
    outcome = shapewright(
        *("generate", "a chair", "--model", model_folder, *SMALL, "--steps", "3"),
        *("--solver", "dpmpp2m", "--latent", "chair.safetensors"),
    )
    assert outcome.code == 0
    assert "3 steps (dpmpp2m, 3 evaluations)" in outcome.err
    settings = load_latent(here / "chair.safetensors")[1].settings
    assert (settings["steps"], settings["method"]) == (3, "dpmpp2m")


def test_the_command_knows_the_solvers_there_are() -> None:
    assert command.Solver == prior.Solver


def test_pictures_come_with_it(shapewright: Shapewright, model_folder: Path, here: Path) -> None:
    outcome = shapewright(
        *("generate", "a chair", "--model", model_folder, *SMALL, "--output", "chair.glb"),
        *("--preview", "views/", "--turntable", "turns/{prompt}{seed}.gif"),
    )
    assert outcome.code == 0
    assert outcome.out.splitlines() == ["chair.glb", "views/a-chair_0.png", "turns/a-chair0.gif"]
    with Image.open(here / "views/a-chair_0.png") as picture:
        assert picture.width == 4 * picture.height
    with Image.open(here / "turns/a-chair0.gif") as picture:
        assert picture.format == "GIF"


def test_a_seed_gives_the_same_file_alone_and_in_company(
    shapewright: Shapewright, model_folder: Path, here: Path
) -> None:
    shapewright(
        "generate", "a chair", "a bed", "--n", "3", "--output", "all/", "--model", model_folder, *SMALL
    )
    shapewright("generate", "a bed", "--seed", "2", "--output", "one.glb", "--model", model_folder, *SMALL)
    assert (here / "all/a-bed_2.glb").read_bytes() == (here / "one.glb").read_bytes()


def test_the_same_prompt_twice_makes_two_files(
    shapewright: Shapewright, model_folder: Path, here: Path
) -> None:
    outcome = shapewright("generate", "a bed", "a bed", "--output", "x/", "--model", model_folder, *SMALL)
    assert outcome.code == 0
    assert sorted(path.name for path in (here / "x").iterdir()) == ["a-bed_0_0.glb", "a-bed_0_1.glb"]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "No prompt was given"),
        ([""], "prompt is empty"),
        (["  "], "prompt is empty"),
        (["chair " * 2000], "2000 words"),
        (["a chair", "--prompts-file", "nothing.txt"], "nothing.txt"),
        (["--prompts-file", "blank.txt"], "holds no prompt"),
        (["--prompts-file", "picture.bin"], "cannot be read as text"),
        (["a chair", "--model", "homewear"], "did you mean 'homeware'?"),
        (["a chair", "--model", "openai/shap-e"], "run 'shapewright models pull openai/shap-e' once"),
        (["a chair", "--model", "."], "not a model folder"),
        (["a chair", "--output", "blank.txt/chair.glb"], "is a file, not a folder"),
        (["a chair", "--output", "/proc/chair.glb"], "Cannot write"),
        (["a chair", "--output", "chair.xyz"], "what can be written is .glb"),
        (["a chair", "--output", "{colour}.glb"], "asks for {colour}"),
        (["a chair", "--output", "{prompt.glb"], "not a valid pattern"),
        (["a chair", "a bed", "--output", "one.glb"], "gives the same file"),
        (["a chair", "--n", "2", "--output", "{prompt}.glb"], "gives the same file"),
        (["a chair", "--preview", "chair.jpg"], "what can be written is .png"),
        (["a chair", "--turntable", "chair.avi"], "what can be written is .gif"),
        (["a chair", "--latent", "chair.pt"], "what can be written is .safetensors"),
        (["a chair", "--n", "0"], "--n must be at least 1"),
        (["a chair", "--retry", "-1"], "--retry must not be negative"),
        (["a chair", "--strength", "0.5"], "add --init LATENT"),
        (["a chair", "--init", "nothing.safetensors"], "There is no latent file"),
        (["a chair", "--init", "picture.bin", "--strength", "1.5"], "--strength must be above 0"),
        (["--guidance", "1,2", "a chair"], "one for each of 1 prompts or pictures, not 2"),
        (["--guidance", "much", "a chair"], "takes a number, or several with commas between, not 'much'"),
        (["a chair", "--mix", "a sofa:1"], "--mix holds the prompts"),
        (["--mix", "a sofa", "a lamp:0.5"], "such as 'a sofa:0.6', not 'a sofa'"),
        (["--mix", "a sofa:-1"], "positive weight"),
        (["a chair", "--seed", "-1"], "--seed must not be negative"),
        (["a chair", "--faces", "3"], "at least 4 faces"),
        (["a chair", "--height", "0"], "positive number of metres"),
        (["a chair", "--resolution", "4"], "resolution of the surface must be in 8..1024"),
    ],
)
@pytest.mark.parametrize("as_json", [False, True])
def test_mistakes_are_told_in_one_sentence_before_any_work(
    shapewright: Shapewright, here: Path, arguments: list[str], message: str, as_json: bool
) -> None:
    (here / "blank.txt").write_text("\n\n")
    (here / "picture.bin").write_bytes(b"\xff\xfe\x00\xff")
    before = sorted(here.rglob("*"))
    outcome = shapewright("generate", *arguments, *(["--json"] if as_json else []))
    assert outcome.code == 2
    assert outcome.is_one_sentence(), outcome
    assert message in outcome.err
    assert sorted(here.rglob("*")) == before


@pytest.mark.parametrize(("option", "message"), [("--steps", "1 step"), ("--guidance", "guidance")])
def test_settings_out_of_range_are_refused(
    shapewright: Shapewright, model_folder: Path, here: Path, option: str, message: str
) -> None:
    outcome = shapewright("generate", "a chair", option, "-1", "--model", model_folder)
    assert outcome.code == 2
    assert message in outcome.err
    assert list(here.iterdir()) == []


def test_what_edits_is_told_and_remembered(shapewright: Shapewright, model_folder: Path, here: Path) -> None:
    common = ("--model", model_folder, *SMALL, "--json")
    outcome = shapewright(
        *("generate", "a chair", "a bed", "--guidance", "2,5", "--negative", "a lamp", *common),
        *("--latent", "{prompt}.safetensors"),
    )
    assert outcome.code == 0, outcome.err
    for name, guidance in (("a-chair", 2.0), ("a-bed", 5.0)):
        settings = load_latent(here / f"{name}.safetensors")[1].settings
        assert (settings["guidance"], settings["negative"]) == (guidance, "a lamp")
    outcome = shapewright(
        *("generate", "--mix", "a chair:3", "a long bed:1", "--init", "a-bed.safetensors", *common),
        *("--strength", "0.9", "--latent", "mixed.safetensors", "--output", "{prompt}.ply"),
    )
    assert outcome.code == 0, outcome.err
    (row,) = outcome.json["objects"]
    assert (row["mix"], row["output"]) == ({"a chair": 3, "a long bed": 1}, "a-chair-a-long-bed.ply")
    settings = load_latent(here / "mixed.safetensors")[1].settings
    assert settings["mix"] == [["a chair", 0.75], ["a long bed", 0.25]]
    assert (settings["init"], settings["strength"]) == ("a-bed.safetensors", 0.9)


def test_an_object_without_a_surface_is_drawn_again(
    shapewright: Shapewright, model_folder: Path, here: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    surface = Asset.surface

    def empty_for_small_seeds(asset: Asset, resolution: int) -> Mesh:
        if asset.prompt == "a bed" and (asset.seed or 0) in (1, 1_000_001):
            raise EmptySurfaceError("nothing here.")
        return surface(asset, resolution)

    monkeypatch.setattr(Asset, "surface", empty_for_small_seeds)
    asked = ("generate", "a chair", "a bed", "--n", "2", "--model", model_folder, *SMALL)
    asked = (*asked, "--output", "{prompt}_{seed}.ply", "--latent", "{prompt}_{seed}.safetensors")
    once = shapewright(*asked, "--retry", "1", "--json")
    assert once.code == 2
    assert "1 of 4 objects came out without a surface: 'a bed' with seed 1;" in once.err
    outcome = shapewright(*asked, "--retry", "2")
    assert outcome.code == 0
    assert "a-bed_1.ply: Drawn with seed 2000001, for with seed 1 there was no surface." in outcome.err
    assert load_latent(here / "a-bed_1.safetensors")[1].seed == 2_000_001
    assert load_latent(here / "a-bed_0.safetensors")[1].seed == 0
    rows = shapewright(*asked, "--retry", "2", "--json").json["objects"]
    assert [row["seed"] for row in rows] == [0, 1, 0, 2_000_001]
    assert all((here / row["output"]).is_file() for row in rows)


def test_objects_without_a_surface_leave_no_file(
    shapewright: Shapewright, empty_model_folder: Path, here: Path
) -> None:
    outcome = shapewright("generate", "a chair", "--n", "2", "--model", empty_model_folder, "--json", *SMALL)
    assert outcome.code == 2
    assert outcome.is_one_sentence(), outcome
    assert "2 of 2 objects came out without a surface: 'a chair' with seed 0" in outcome.err
    assert list(here.iterdir()) == []


def test_many_prompts_make_one_sheet(shapewright: Shapewright, model_folder: Path, here: Path) -> None:
    options = ("--model", model_folder, "--steps", "1", "--n", "2", "--resolution", "16", "--output", "out/")
    pictures = ("--sheet", "all.png", "--turntable", "turns/{prompt}_{seed}.webp", "--frames", "2")
    outcome = shapewright("generate", "a", "b", *options, *pictures, "--preview-size", "24")
    assert outcome.code == 0, outcome.err
    with Image.open(here / "all.png") as sheet:
        assert sheet.width >= 48
        assert sheet.height >= 48
    with Image.open(here / "turns/b_1.webp") as turn:
        assert turn.size == (24, 24)
    refused = shapewright("generate", "a", "--sheet", "x.png", "--engine", "ray")
    assert refused.code == 2
    assert "--sheet" in refused.err
