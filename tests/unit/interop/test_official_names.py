import json
import re
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

from shapewright.errors import ModelError
from shapewright.field import Field, FieldConfig, MixerConfig
from shapewright.interop.official import load_decoder, load_prior, load_transmitter
from shapewright.interop.official_names import (
    BACKGROUND,
    Official,
    default_weights,
    from_official,
    shortened,
    stored_scaling,
    to_official,
)
from shapewright.interop.official_points import load_point_prior, load_sdf
from shapewright.interop.parity import made_up_state
from shapewright.prior import ChannelScaling

GOLDEN = Path(__file__).parents[2] / "parity" / "golden"
CASES = [
    "decoder_small",
    "prior_text_small",
    "prior_image_small",
    "transmitter_small",
    "transmitter_patchconv_small",
    "pointe_base40M",
    "pointe_base40M_textvec",
    "pointe_upsample",
    "pointe_sdf",
]


def golden_model(name: str) -> tuple[Official, dict[str, Tensor]]:
    case: dict[str, Any] = json.loads((GOLDEN / f"{name}.json").read_text())
    config, state = case["config"], made_up_state(case["state_dict_shapes"], case["overrides"])
    if name.startswith("decoder"):
        return load_decoder(config, state).field, state
    if name.startswith("transmitter"):
        return load_transmitter(config, state).autoencoder, state
    if name == "pointe_sdf":
        return load_sdf(config, state), state
    if name.startswith("pointe"):
        return load_point_prior(config, state), state
    return load_prior(config, state), state


@pytest.mark.parametrize("name", CASES)
def test_there_and_back_again(name: str) -> None:
    model, state = golden_model(name)
    back = to_official(model, background=(0.2, 0.4, 0.8))
    assert back.keys() == state.keys() | stored_scaling(model).keys()
    for key, value in state.items():
        assert back[key].shape == value.shape
        if key not in {*default_weights(model), BACKGROUND}:
            assert torch.equal(back[key], value)


def test_what_every_latent_replaces_comes_back_as_the_mean_rows() -> None:
    model, state = golden_model("decoder_small")
    back = to_official(model)
    name = "params_proj.projections.nerstf__mlp__1__weight.proj.bias"
    assert torch.equal(back["renderer.nerstf.mlp.1.weight"].flatten(), state[name])


def test_an_upsampler_stores_its_scaling_which_goes_before_the_configured_one() -> None:
    model, state = golden_model("pointe_upsample")
    back = to_official(model)
    torch.testing.assert_close(back["channel_scales"], torch.tensor([2.0] * 3 + [1 / 127.5] * 3))
    assert back["channel_biases"].tolist() == [0, 0, 0, -1, -1, -1]
    config = json.loads((GOLDEN / "pointe_upsample.json").read_text())["config"]
    state |= {"channel_scales": torch.arange(1.0, 7.0), "channel_biases": torch.zeros(6)}
    low_res = load_point_prior(config, state).config.low_res
    assert low_res is not None
    assert low_res.scaling == ChannelScaling(scales=(1, 2, 3, 4, 5, 6), biases=(0,) * 6)


def test_the_stored_background_goes_before_the_configured_one() -> None:
    case = json.loads((GOLDEN / "decoder_small.json").read_text())
    state = made_up_state(case["state_dict_shapes"], case["overrides"])
    background = load_decoder(case["config"], state).renderer.nerf.background
    assert background == pytest.approx((0.2, 0.4, 0.8))
    del state[BACKGROUND]
    assert load_decoder(case["config"], state).renderer.nerf.background == (0, 0, 0)


@pytest.mark.parametrize("name", CASES)
def test_parameters_that_do_not_fit_are_all_named(name: str) -> None:
    model, state = golden_model(name)
    taken, *_ = (key for key in state if key not in default_weights(model))
    last = list(state)[-2]
    state["stranger"] = torch.zeros(1)
    state[last] = torch.zeros(1, 2, 3, 4, 5, 6)
    del state[taken]
    message = (
        rf"missing: {re.escape(taken)}; left over: stranger; of another shape: {re.escape(last)} is \(1, 2"
    )
    with pytest.raises(ModelError, match=message):
        from_official(model, state)


def test_a_field_with_parts_that_are_only_ours_has_no_published_form() -> None:
    config = FieldConfig(
        latent_tokens=4,
        latent_channels=4,
        hidden_width=8,
        position_octaves=2,
        mixer=MixerConfig(width=8, layers=1, heads=2, channels=4),
    )
    with pytest.raises(ModelError, match="mixer"):
        to_official(Field(config))


def test_long_lists_are_cut() -> None:
    assert shortened([str(i) for i in range(3)]) == "0, 1, 2"
    assert shortened([str(i) for i in range(20)]).endswith("10, 11 and 8 more")
