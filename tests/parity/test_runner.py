"""`shapewright parity`: files in, files out, for every kind of case."""

import json
from pathlib import Path

import numpy as np
import pytest

from parity.golden_case import GOLDEN, relative_error
from shapewright.errors import DatasetError, ModelError, UserError
from shapewright.interop.made_up_weights import made_up_weight
from shapewright.interop.parity import run_parity

INPUTS = {
    "prior_text_small": ["x", "t", "embeddings", "noise"],
    "prior_image_small": ["x", "t", "embeddings", "noise"],
    "transmitter_small": [
        "points",
        "views",
        "depths",
        "alphas",
        *(f"camera/{n}" for n in ("origin", *"xyz")),
    ],
    "decoder_small": [
        "latent",
        "query/position",
        "query/direction",
        *(f"camera/{n}" for n in ("origin", *"xyz")),
    ],
    "pointe_base40M": ["x", "t", "embeddings", "noise"],
    "pointe_base40M_textvec": ["x", "t", "embeddings", "noise"],
    "pointe_upsample": ["x", "t", "embeddings", "low_res", "noise"],
    "pointe_sdf": ["point_cloud", "query"],
}


def inputs_alone(name: str, folder: Path) -> Path:
    """The case's archive without the golden outputs."""
    with np.load(GOLDEN / f"{name}.npz") as archive:
        np.savez(folder / "inputs.npz", **{key: archive[key] for key in INPUTS[name]})
    return folder / "inputs.npz"


@pytest.mark.parametrize("name", list(INPUTS))
def test_every_golden_output_is_written_under_its_name(name: str, tmp_path: Path) -> None:
    outputs = tmp_path / "outputs.npz"
    names = run_parity(GOLDEN / f"{name}.json", inputs_alone(name, tmp_path), outputs)
    with np.load(GOLDEN / f"{name}.npz") as golden, np.load(outputs) as ours:
        assert set(names) == set(ours.files) == set(golden.files) - set(INPUTS[name])
        for key in names:
            if not key.startswith("mesh/"):
                assert ours[key].shape == golden[key].shape


@pytest.mark.parametrize("name", ["prior_text_small", "prior_image_small"])
def test_prior_values(name: str, tmp_path: Path) -> None:
    outputs = tmp_path / "outputs.npz"
    run_parity(GOLDEN / f"{name}.json", inputs_alone(name, tmp_path), outputs)
    with np.load(GOLDEN / f"{name}.npz") as golden, np.load(outputs) as ours:
        # measured 1e-6 for one evaluation, 2e-5 after the 127 of a sample
        for key in ("out", "sample", "sigmas", "alphas_cumprod"):
            assert relative_error(ours[key], golden[key]) < 1e-4


@pytest.mark.parametrize("name", ["pointe_base40M", "pointe_base40M_textvec", "pointe_upsample"])
def test_values_of_point_networks(name: str, tmp_path: Path) -> None:
    outputs = tmp_path / "outputs.npz"
    run_parity(GOLDEN / f"{name}.json", inputs_alone(name, tmp_path), outputs)
    with np.load(GOLDEN / f"{name}.npz") as golden, np.load(outputs) as ours:
        # measured 6e-7 for one evaluation, 1e-5 after the 47 of a sample
        for key in ("out", "sample"):
            assert relative_error(ours[key], golden[key]) < 1e-4


def test_values_of_the_sdf_model(tmp_path: Path) -> None:
    outputs = tmp_path / "outputs.npz"
    run_parity(GOLDEN / "pointe_sdf.json", inputs_alone("pointe_sdf", tmp_path), outputs)
    with np.load(GOLDEN / "pointe_sdf.npz") as golden, np.load(outputs) as ours:
        assert relative_error(ours["out"], golden["out"]) < 1e-4  # measured 7e-7


def test_a_case_of_another_kind_is_refused(tmp_path: Path) -> None:
    case = {"config": {"name": "PointNet"}, "state_dict_shapes": {}}
    (tmp_path / "case.json").write_text(json.dumps(case))
    with pytest.raises(UserError, match=r"no parity cases of 'PointNet'; known are CLIPImageGridPoint"):
        run_parity(tmp_path / "case.json", GOLDEN / "pointe_sdf.npz", tmp_path / "outputs.npz")


def changed_case(folder: Path, name: str, change: dict[str, object]) -> Path:
    case = json.loads((GOLDEN / f"{name}.json").read_text())
    for key, value in change.items():
        case["state_dict_shapes"][key] = value
    (folder / "case.json").write_text(json.dumps(case))
    return folder / "case.json"


def test_parameters_that_do_not_fit_are_listed(tmp_path: Path) -> None:
    case = changed_case(tmp_path, "prior_text_small", {"wrapped.extra": [3], "wrapped.ln_pre.bias": [5]})
    with pytest.raises(
        ModelError, match=r"left over: wrapped\.extra; of another shape: wrapped\.ln_pre\.bias"
    ):
        run_parity(case, GOLDEN / "prior_text_small.npz", tmp_path / "outputs.npz")


def test_a_missing_input_is_named(tmp_path: Path) -> None:
    np.savez(tmp_path / "inputs.npz", x=np.zeros((1, 24, 16)))
    with pytest.raises(DatasetError, match="lack 'embeddings'; they have x"):
        run_parity(GOLDEN / "prior_text_small.json", tmp_path / "inputs.npz", tmp_path / "outputs.npz")


@pytest.mark.parametrize("content", ["", "[]", "{}", '{"config": {}}'])
def test_a_file_that_is_no_case_is_refused(content: str, tmp_path: Path) -> None:
    (tmp_path / "case.json").write_text(content)
    with pytest.raises(DatasetError, match=r"case\.json"):
        run_parity(tmp_path / "case.json", GOLDEN / "prior_text_small.npz", tmp_path / "outputs.npz")


@pytest.mark.parametrize("content", [None, b"", b"not an archive", b"PK\x03\x04 cut off"])
def test_a_file_that_is_no_archive_is_refused(content: bytes | None, tmp_path: Path) -> None:
    if content is not None:
        (tmp_path / "inputs.npz").write_bytes(content)
    with pytest.raises(DatasetError, match=r"inputs\.npz"):
        run_parity(GOLDEN / "prior_text_small.json", tmp_path / "inputs.npz", tmp_path / "outputs.npz")


def test_the_rule_for_weights_is_the_golden_one() -> None:
    source: dict[str, object] = {}
    exec((GOLDEN / "fill.py").read_text(), source)
    fill = source["fill"]
    assert callable(fill)
    for name in ("decoder_small", "prior_image_small", "transmitter_patchconv_small"):
        shapes = json.loads((GOLDEN / f"{name}.json").read_text())["state_dict_shapes"]
        for parameter, shape in shapes.items():
            assert np.array_equal(made_up_weight(parameter, shape), fill(parameter, shape))
