"""Bulk generation: the cut into parts, and a cluster that makes the same files."""

from pathlib import Path

import pytest

from command_line import Shapewright
from ray_machines import TwoMachines
from shapewright.apps.cli.generation import Part, one_again, parts_of
from shapewright.apps.cli.wishes import Wishes

pytestmark = pytest.mark.xdist_group("ray")  # one cluster at a time


@pytest.fixture(autouse=True)
def _fake_text() -> None:
    """The real text encoder here: workers in other processes have that one too."""


@pytest.mark.parametrize(
    ("prompts", "n", "cut"),
    [
        (5, 1, ["012", "34"]),
        (3, 2, ["01", "23", "45"]),
        (2, 4, ["012", "3", "456", "7"]),
        (1, 1, ["0"]),
    ],
)
def test_parts_cover_the_whole_in_order(prompts: int, n: int, cut: list[str]) -> None:
    wishes = Wishes(prompts=tuple("abcde"[:prompts]))
    jobs = wishes.jobs(7, n)
    places = {"output": [Path(f"{job.prompt}{job.seed}") for job in jobs]}
    parts = list(parts_of(Part(wishes=wishes, seed=7, n=n, jobs=jobs, places=places), 3))
    assert ["".join(str(job.index) for job in part.jobs) for part in parts] == cut
    for part in parts:
        drawn = part.wishes.jobs(part.seed, part.n)
        assert [(job.prompt, job.seed) for job in drawn] == [(job.prompt, job.seed) for job in part.jobs]
        assert part.places["output"] == [Path(f"{job.prompt}{job.seed}") for job in part.jobs]


def test_a_cluster_makes_the_same_files(
    shapewright: Shapewright, model_folder: Path, here: Path, two_machines: TwoMachines
) -> None:
    asked = ("generate", "a chair", "a bed", "--n", "17", "--resolution", "12", "--device", "cpu")
    asked = (*asked, "--steps", "2", "--model", model_folder)
    there = shapewright(*asked, "--output", "there/", "--engine", "ray", "--address", two_machines.address)
    assert there.code == 0, there.err
    assert "Making 34 objects with 'random' on a Ray cluster" in there.err
    assert there.out.splitlines() == [f"there/a-{it}_{k}.glb" for it in ("chair", "bed") for k in range(17)]
    assert shapewright(*asked, "--output", "here/").code == 0
    for path in (here / "here").iterdir():
        assert path.read_bytes() == (here / "there" / path.name).read_bytes()


def test_a_part_keeps_the_guidance_of_its_prompts() -> None:
    wishes = Wishes(prompts=("a", "b", "c"), guidance=(1.0, 2.0, 3.0))
    whole = Part(wishes=wishes, seed=7, n=2, jobs=wishes.jobs(7, 2), places={})
    assert [part.wishes.guidance for part in parts_of(whole, 4)] == [(1.0, 2.0), (3.0,)]
    again = one_again(whole, whole.jobs[3], 2)
    assert (again.wishes.prompts, again.wishes.guidance, again.seed) == (("b",), (2.0,), 2_000_008)
    mixed = Wishes(prompts=("a", "b"), weights=(0.5, 0.5))
    whole = Part(wishes=mixed, seed=7, n=3, jobs=mixed.jobs(7, 3), places={})
    assert [(part.wishes, part.seed, part.n) for part in parts_of(whole, 2)] == [(mixed, 7, 2), (mixed, 9, 1)]


def test_a_cluster_edits_the_same(
    shapewright: Shapewright, model_folder: Path, here: Path, two_machines: TwoMachines
) -> None:
    asked = ("generate", "--resolution", "12", "--device", "cpu", "--steps", "3", "--model", model_folder)
    assert shapewright(*asked, "a bed", "--latent", "bed.safetensors").code == 0
    asked = (*asked, "--n", "2", "--mix", "a chair:0.6", "a lamp:0.4", "--init", "bed.safetensors")
    there = shapewright(*asked, "--output", "there/", "--engine", "ray", "--address", two_machines.address)
    assert there.code == 0, there.err
    assert shapewright(*asked, "--output", "here/").code == 0
    names = sorted(path.name for path in (here / "here").iterdir())
    assert names == ["a-chair-a-lamp_0.glb", "a-chair-a-lamp_1.glb"]
    for name in names:
        assert (here / "here" / name).read_bytes() == (here / "there" / name).read_bytes()


def test_an_object_without_a_surface_is_told_after_the_others_were_written(
    shapewright: Shapewright, empty_model_folder: Path, here: Path, two_machines: TwoMachines
) -> None:
    outcome = shapewright(
        *("generate", "a chair", "--model", empty_model_folder, "--resolution", "12", "--steps", "2"),
        *("--engine", "ray", "--address", two_machines.address, "--latent", "chair.safetensors", "--json"),
    )
    assert outcome.code == 2
    assert "'a chair' with seed 0" in outcome.err
    assert [path.name for path in here.iterdir()] == ["chair.safetensors"]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--address", "here:6379"], "add --engine ray"),
        (["--engine", "ray", "--address", "nowhere"], "No Ray cluster could be reached"),
        (["--engine", "ray", "--workers", "0"], "at least 1"),
    ],
)
def test_clusters_that_cannot_be(
    shapewright: Shapewright, model_folder: Path, here: Path, options: list[str], message: str
) -> None:
    outcome = shapewright("generate", "a chair", "--model", model_folder, *options, "--json")
    assert outcome.code == 2
    assert outcome.is_one_sentence()
    assert message in outcome.err
    assert list(here.iterdir()) == []
