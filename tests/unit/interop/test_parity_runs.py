"""Parity cases of other sizes and settings than the golden ones, with weights by the golden rule."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from shapewright.errors import ConfigError, DatasetError
from shapewright.interop.official_names import to_official
from shapewright.interop.official_points import sdf_config, stage_config
from shapewright.interop.parity import Case, made_up_state, read_case, read_inputs, run_case
from shapewright.interop.parity_inputs import Inputs, Optics, sampler_config
from shapewright.pointe import PointCloudSdf, PointPrior

GOLDEN = Path(__file__).parents[2] / "parity" / "golden"
SMALL: dict[str, Any] = {
    "heads": 2,
    "init_scale": 0.25,
    "input_channels": 6,
    "layers": 1,
    "n_ctx": 5,
    "output_channels": 12,
    "time_token_cond": True,
    "width": 16,
}
NAMES = {
    "PointDiffusionTransformer": {},
    "CLIPImagePointDiffusionTransformer": {"embeddings": (3, 10)},
    "CLIPImageGridPointDiffusionTransformer": {"embeddings": (3, 12, 4)},
    "UpsamplePointDiffusionTransformer": {"low_res": (3, 6, 7)},
    "CLIPImageGridUpsamplePointDiffusionTransformer": {"embeddings": (3, 12, 4), "low_res": (3, 6, 7)},
}
KARRAS: dict[str, Any] = {
    "steps": 3,
    "sigma_min": 0.01,
    "sigma_max": 80,
    "rho": 7,
    "sampler": "heun",
    "s_churn": 0.0,
}
SETTINGS: dict[str, Any] = {
    "diffusion": {"schedule": "cosine", "timesteps": 100, "mean_type": "epsilon"},
    "karras": KARRAS,
    "guidance_scale": 2.0,
}


def case_of(name: str, **settings: Any) -> Case:
    config = SMALL | {"name": name}
    width = NAMES[name].get("embeddings", (0, None))[1]
    with torch.device("meta"):
        shapes = {
            key: list(value.shape)
            for key, value in to_official(PointPrior(stage_config(config, clip_width=width))).items()
        }
    return Case(config=config, state=made_up_state(shapes, {}), settings=SETTINGS | settings)


def inputs_of(name: str, rows: int = 3) -> Inputs:
    rng = np.random.default_rng(0)

    def draw(*shape: int) -> np.ndarray:
        return rng.standard_normal(shape).astype(np.float32)

    arrays = {key: draw(*shape) for key, shape in NAMES[name].items()}
    arrays |= {"x": draw(rows, 6, 5), "t": np.array([0.0, 40.5, 99.0])[:rows], "noise": draw(2, 6, 5)}
    return Inputs(arrays)


@pytest.mark.parametrize("name", list(NAMES))
def test_every_kind_of_point_network_and_any_batch(name: str) -> None:
    case, inputs = case_of(name), inputs_of(name)
    together = run_case(case, inputs)
    assert together["out"].shape == (3, 12, 5)
    assert together["sample"].shape == (2, 6, 5)
    first = {key: value[:1] for key, value in inputs.arrays.items()}
    alone = run_case(case, Inputs(first))
    # products of fewer rows round differently
    np.testing.assert_allclose(alone["out"], together["out"][:1], rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(alone["sample"], together["sample"][:1], rtol=1e-3, atol=1e-3)


@pytest.mark.parametrize(
    "change",
    [
        {"karras": KARRAS | {"steps": 4}},
        {"karras": KARRAS | {"sampler": "dpm"}},
        {"karras": KARRAS | {"s_churn": 5.0}},
        {"karras": KARRAS | {"sigma_max": 40}},
        {"guidance_scale": 4.0},
        {"diffusion": SETTINGS["diffusion"] | {"schedule": "linear"}},
        {"diffusion": SETTINGS["diffusion"] | {"mean_type": "x_start"}},
        {"diffusion": SETTINGS["diffusion"] | {"timesteps": 50}},
        {"diffusion": SETTINGS["diffusion"] | {"channel_scales": [2.0] * 6}},
    ],
)
def test_settings_are_honoured(change: dict[str, Any]) -> None:
    name = "CLIPImagePointDiffusionTransformer"
    plain = run_case(case_of(name), inputs_of(name))
    changed = run_case(case_of(name, **change), inputs_of(name))
    assert np.array_equal(changed["out"], plain["out"])
    assert np.abs(changed["sample"] - plain["sample"]).max() > 1e-3


def test_channels_are_restored_after_sampling() -> None:
    name = "PointDiffusionTransformer"
    scaled = SETTINGS["diffusion"] | {"channel_scales": [2.0] * 6, "channel_biases": [0.5] * 6}
    plain = run_case(case_of(name), inputs_of(name))["sample"]
    changed = run_case(case_of(name, diffusion=scaled), inputs_of(name))["sample"]
    np.testing.assert_allclose(changed, (plain - 0.5) / 2, rtol=1e-5, atol=1e-6)


def test_outputs_are_those_whose_inputs_are_there() -> None:
    name = "CLIPImageGridUpsamplePointDiffusionTransformer"
    arrays = inputs_of(name).arrays
    for left, found in ((["x", "t"], {"sample"}), (["noise"], {"out"})):
        rest = {key: value for key, value in arrays.items() if key not in left}
        assert run_case(case_of(name), Inputs(rest)).keys() == found
    zeros = np.zeros((3, 12, 256))
    free = {key: value for key, value in arrays.items() if key != "embeddings"}
    without = run_case(case_of(name), Inputs(free))
    np.testing.assert_allclose(
        without["out"], run_case(case_of(name), Inputs(free | {"embeddings": zeros}))["out"]
    )
    with pytest.raises(DatasetError, match="neither 'x' nor 'noise'"):
        run_case(case_of(name), Inputs({"low_res": arrays["low_res"]}))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"embeddings": None}, "lack 'embeddings'"),
        ({"t": np.zeros(2)}, r"'t' is \(2,\); it should be \(3\)"),
        ({"x": np.zeros((3, 5, 6))}, r"'x' is \(3, 5, 6\); it should be \(any, 6, 5\)"),
        ({"embeddings": np.zeros((1, 10))}, "has 1 rows, but 3 are needed"),
        ({"embeddings": np.zeros((3, 11))}, r"it should be \(any, 10\)"),
        ({"noise": np.array(["a"])}, "not numbers"),
    ],
)
def test_inputs_that_do_not_fit_are_named(change: dict[str, np.ndarray | None], message: str) -> None:
    name = "CLIPImagePointDiffusionTransformer"
    arrays = {key: value for key, value in (inputs_of(name).arrays | change).items() if value is not None}
    with pytest.raises(DatasetError, match=message):
        run_case(case_of(name), Inputs(arrays))


def test_sdf_models_of_any_size_and_batch() -> None:
    config = {
        "name": "CrossAttentionPointCloudSDFModel",
        "width": 16,
        "encoder_layers": 1,
        "encoder_heads": 2,
    }
    config |= {"decoder_layers": 2, "decoder_heads": 4, "n_ctx": 9}
    shapes = {name: list(part.shape) for name, part in PointCloudSdf(sdf_config(config)).state_dict().items()}
    case = Case(config=config, state=made_up_state(shapes, {}), settings={})
    rng = np.random.default_rng(0)
    cloud, query = rng.standard_normal((2, 3, 7)), rng.standard_normal((2, 3, 21))
    out = run_case(case, Inputs({"point_cloud": cloud, "query": query}))["out"]
    assert out.shape == (2, 21)
    second = run_case(case, Inputs({"point_cloud": cloud[1:], "query": query[1:]}))["out"]
    np.testing.assert_allclose(second, out[1:], rtol=1e-4, atol=1e-5)


def test_what_a_note_says_of_cameras() -> None:
    note = "camera: width=height=24, x_fov=y_fov=0.5 rad. Rendered with 512 coarse + 1024 fine samples"
    assert Optics.of_note({"note": note}) == Optics(width=24, height=24, x_fov=0.5, y_fov=0.5)
    several = Optics.of_note({"note": "width=32, height = 8; x_fov=0.9, y_fov=0.3"})
    assert several == Optics(width=32, height=8, x_fov=0.9, y_fov=0.3)
    assert Optics.of_note({}) == Optics()


def test_the_published_names_of_sampler_settings() -> None:
    # where guidance is 0 the published sampler does not guide: the condition is followed
    assert sampler_config({"guidance_scale": 0.0}).guidance == 1.0
    assert sampler_config({}, sigma_max=120.0).sigma_max == 120.0
    sampler = sampler_config({"karras": KARRAS | {"s_churn": 3}, "guidance_scale": 15})
    assert (sampler.steps, sampler.churn, sampler.guidance, sampler.clip) == (3, 3.0, 15.0, 1.0)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"sampler": "ancestral"}, "'ancestral'; this package implements heun, dpm"),
        ({"s_noise": 1.1}, "only implements 1.0"),
        ({"order": 3}, r"karras\.order"),
    ],
)
def test_sampler_settings_that_are_not_ours_are_refused(change: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        sampler_config({"karras": KARRAS | change})


def decoder_case(**changes: Any) -> Case:
    case = read_case(GOLDEN / "decoder_small.json")
    return replace(case, **changes)


def test_a_decoders_pictures_are_of_the_size_that_the_note_says() -> None:
    arrays = read_inputs(GOLDEN / "decoder_small.npz").arrays
    given = {name: value for name, value in arrays.items() if name == "latent" or name.startswith("camera/")}
    settings = {"note": "width=3, height=2, x_fov=y_fov=0.3"}
    outputs = run_case(decoder_case(settings=settings), Inputs(given))
    assert outputs["nerf/dir/channels"].shape == (2, 3, 3)
    assert outputs["nerf/nodir/transmittance"].shape == (2, 3, 1)
    assert not any(name.startswith("query/") for name in outputs)


def test_a_decoder_without_a_surface_has_a_mesh_without_triangles() -> None:
    state = dict(decoder_case().state)
    state["renderer.nerstf.mlp.6.bias"] = state["renderer.nerstf.mlp.6.bias"] - 100
    latent = read_inputs(GOLDEN / "decoder_small.npz").arrays["latent"]
    outputs = run_case(decoder_case(state=state), Inputs({"latent": latent}))
    assert [outputs[f"mesh/{name}"].shape for name in ("verts", "faces", "rgb")] == [(0, 3)] * 3
    with pytest.raises(DatasetError, match=r"'latent' is \(5, 24\)"):
        run_case(decoder_case(), Inputs({"latent": latent[:5]}))


def test_a_transmitters_angle_of_view_is_that_of_the_note() -> None:
    case = read_case(GOLDEN / "transmitter_small.json")
    inputs = read_inputs(GOLDEN / "transmitter_small.npz")
    golden = inputs.arrays["channels"]
    wide = run_case(replace(case, settings={"note": "x_fov=y_fov=0.9"}), inputs)["channels"]
    assert np.abs(wide - golden).max() > 1e-2
    assert np.abs(run_case(replace(case, settings={}), inputs)["channels"] - golden).max() < 1e-4
    few = {name: value[:2] if len(value) == 3 else value for name, value in inputs.arrays.items()}
    assert run_case(case, Inputs(few))["channels"].shape == golden.shape
    with pytest.raises(DatasetError, match=r"'depths' is \(2, 32, 32\); it should be \(3, 32, 32\)"):
        run_case(case, Inputs(inputs.arrays | {"depths": few["depths"]}))


def test_several_samples_of_a_latent_prior() -> None:
    case, inputs = read_case(GOLDEN / "prior_text_small.json"), read_inputs(GOLDEN / "prior_text_small.npz")
    settings = {**case.settings, "karras": KARRAS, "diffusion": {"schedule": "cosine", "timesteps": 64}}
    noise = np.stack([inputs.arrays["noise"], 2 * inputs.arrays["noise"]])
    arrays = {"noise": noise, "embeddings": inputs.arrays["embeddings"]}
    both = run_case(replace(case, settings=settings), Inputs(arrays))
    one = run_case(replace(case, settings=settings), Inputs(arrays | {"noise": noise[0]}))
    assert (both["sample"].shape, one["sample"].shape) == (noise.shape, noise.shape[1:])
    assert both["alphas_cumprod"].shape == (64,)
    np.testing.assert_allclose(both["sample"][0], one["sample"], rtol=1e-3, atol=1e-3)
