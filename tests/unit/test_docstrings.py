"""The examples of the public way in, run as they stand, one after the other, with the shipped model."""

import doctest
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from shapewright import Pipeline
from shapewright.geometry import cameras
from shapewright.pipeline import asset, pipeline

EXAMPLES = {
    pipeline: ["Pipeline", "Pipeline.encode", "Pipeline.generate", "Pipeline.interpolate"],
    asset: ["Asset", "Asset.export", "Asset.render", "Asset.turntable"],
    cameras: ["look_at", "turntable"],
}


@pytest.fixture(scope="module")
def shown(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """What the example of `Pipeline` defines, which the others go on from."""
    pipe = Pipeline.from_pretrained("homeware", device="cpu")
    chair = pipe.generate("a wooden chair", seed=0)[0]
    folder = tmp_path_factory.mktemp("examples")
    chair.export(folder / "chair.glb", resolution=64)
    return {"pipe": pipe, "asset": chair, "folder": folder}


@pytest.mark.parametrize("module", EXAMPLES, ids=lambda module: module.__name__.rpartition(".")[2])
def test_examples_give_what_they_say(
    module: ModuleType, shown: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    folder: Path = shown["folder"]
    monkeypatch.chdir(folder)
    names = {key: value for key, value in shown.items() if key != "folder"}
    examples = [test for test in doctest.DocTestFinder().find(module, extraglobs=names) if test.examples]
    told: list[str] = []
    runner = doctest.DocTestRunner()
    for example in examples:
        runner.run(example, out=told.append)
    assert runner.summarize(verbose=False).failed == 0, "".join(told)
    shown_names = {example.name.removeprefix(f"{module.__name__}.") for example in examples}
    assert shown_names >= set(EXAMPLES[module])


def test_every_public_method_has_an_example() -> None:
    for owner in (pipeline.Pipeline, asset.Asset):
        methods = [
            member for name, member in vars(owner).items() if callable(member) and not name.startswith("_")
        ]
        assert len(methods) > 5
        assert [method.__name__ for method in methods if ">>>" not in (method.__doc__ or "")] == []
