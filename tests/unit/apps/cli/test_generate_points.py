"""`generate` with a model that draws point clouds."""

from pathlib import Path

import pytest
import trimesh

from command_line import Shapewright
from shapewright.pipeline import save_points_model
from tiny_points import ADDED_POINTS, BASE_POINTS, random_points_model, save_clip

SMALL = ("--resolution", "12", "--device", "cpu")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("points")
    save_points_model(folder, random_points_model(), card="")
    save_clip(folder / "clip")
    return folder


@pytest.fixture(scope="module")
def base_alone(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("base")
    save_points_model(folder, random_points_model(with_parts=False), card="")
    save_clip(folder / "clip")
    return folder


def test_prompts_become_files_of_points(shapewright: Shapewright, folder: Path, here: Path) -> None:
    outcome = shapewright("generate", "bed", "lamp", "--n", "2", "--seed", "3", "--model", folder, *SMALL)
    assert outcome.code == 0, outcome.err
    assert outcome.out.splitlines() == ["bed_3.glb", "bed_4.glb", "lamp_3.glb", "lamp_4.glb"]
    assert "Drawing 4 point clouds with 'random points' on cpu" in outcome.err
    assert "3 and 2 steps, guidance 3: about" in outcome.err
    (cloud,) = trimesh.load_scene(here / "lamp_4.glb").geometry.values()
    assert isinstance(cloud, trimesh.PointCloud)
    assert len(cloud.vertices) == BASE_POINTS + ADDED_POINTS


def test_a_mesh_of_the_points(shapewright: Shapewright, folder: Path, here: Path) -> None:
    outcome = shapewright(
        *("generate", "bed", "--model", folder, *SMALL, "--steps", "2", "--guidance", "1"),
        *("--mesh", "--output", "out/{prompt}.obj", "--json"),
    )
    assert (outcome.code, outcome.err) == (0, "")
    (told,) = outcome.json["objects"]
    assert (told["prompt"], told["seed"], told["output"]) == ("bed", 0, "out/bed.obj")
    assert len(trimesh.load_mesh(here / "out/bed.obj").faces) == told["faces"] > 0


def test_a_mesh_of_the_points_is_cleaned_as_asked(shapewright: Shapewright, folder: Path, here: Path) -> None:
    outcome = shapewright(
        *("generate", "bed", "--model", folder, *SMALL, "--steps", "2", "--guidance", "1"),
        *("--mesh", "--output", "bed.stl", "--faces", "200", "--watertight"),
    )
    assert outcome.code == 0, outcome.err
    assert "bed.stl: For printing: closed, " in outcome.err
    mesh = trimesh.load_mesh(here / "bed.stl")
    assert mesh.is_watertight
    assert len(mesh.faces) <= 200


def test_what_a_mesh_costs_is_said_before(shapewright: Shapewright, folder: Path, here: Path) -> None:
    outcome = shapewright("generate", "bed", "--mesh", "--model", folder, *SMALL)
    assert outcome.code == 0, outcome.err
    assert "then 1 s for each mesh." in outcome.err


def test_a_seed_gives_the_same_file_alone_and_in_company(
    shapewright: Shapewright, base_alone: Path, here: Path
) -> None:
    shapewright("generate", "bed", "lamp", "--n", "2", "--output", "all/", "--model", base_alone, *SMALL)
    shapewright("generate", "lamp", "--seed", "1", "--output", "one.glb", "--model", base_alone, *SMALL)
    together, alone = (
        next(iter(trimesh.load_scene(path).geometry.values()))
        for path in (here / "all/lamp_1.glb", here / "one.glb")
    )
    assert together.vertices == pytest.approx(alone.vertices, abs=2e-2)  # as in the pipeline's tests


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "No prompt was given"),
        (["bed", "--output", "bed.obj"], "what can be written is .glb, .ply"),
        (["bed", "--preview", "bed.png"], "--preview is for models of latents"),
        (["bed", "--turntable", "bed.gif"], "--turntable is for models of latents"),
        (["bed", "--latent", "bed.safetensors"], "--latent is for models of latents"),
        (["bed", "--solver", "unipc"], "--solver is for models of latents"),
        (["bed", "--mesh"], "has no SDF network"),
        (["bed", "--faces", "100"], "add --mesh"),
        (["bed", "--steps", "0"], "1 step"),
        (["bed", "--output", "/proc/bed.ply"], "Cannot write"),
    ],
)
def test_mistakes_are_told_in_one_sentence(
    shapewright: Shapewright, base_alone: Path, here: Path, arguments: list[str], message: str
) -> None:
    outcome = shapewright("generate", *arguments, "--model", base_alone, "--json")
    assert outcome.code == 2
    assert outcome.is_one_sentence(), outcome
    assert message in outcome.err
    assert list(here.iterdir()) == []


def test_clouds_without_a_surface_leave_no_file(
    shapewright: Shapewright, tmp_path_factory: pytest.TempPathFactory, here: Path
) -> None:
    folder = tmp_path_factory.mktemp("empty")
    model = random_points_model()
    assert model.sdf is not None
    model.sdf.output_proj.bias.fill_(-1000.0)
    save_points_model(folder, model, card="")
    save_clip(folder / "clip")
    outcome = shapewright("generate", "bed", "--n", "2", "--mesh", "--model", folder, *SMALL, "--json")
    assert outcome.code == 2
    assert outcome.is_one_sentence(), outcome
    assert "2 of 2 point clouds came out without a surface: 'bed' with seed 0" in outcome.err
    assert list(here.iterdir()) == []
