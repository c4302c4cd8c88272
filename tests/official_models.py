"""Small models in the published structure and files, with made-up weights, that fit each other."""

import copy
import json
from pathlib import Path
from typing import Any

import torch
import yaml
from torch import Tensor

from shapewright.interop.parity import made_up_state

GOLDEN = Path(__file__).parent / "parity" / "golden"
TOKENS, CHANNELS = 64, 24  # of the golden transmitter


def golden_case(name: str) -> tuple[dict[str, Any], dict[str, Tensor]]:
    """Configuration and made-up weights of a golden case."""
    case: dict[str, Any] = json.loads((GOLDEN / f"{name}.json").read_text())
    return case["config"], made_up_state(case["state_dict_shapes"], case["overrides"])


def transmitter() -> tuple[dict[str, Any], dict[str, Tensor]]:
    return golden_case("transmitter_small")


def decoder() -> tuple[dict[str, Any], dict[str, Tensor]]:
    """The decoding half of `transmitter`."""
    config, state = transmitter()
    settings = {
        "name": "ChannelsDecoder",
        "d_latent": CHANNELS,
        "latent_ctx": TOKENS,
        "params_proj": config["encoder"]["params_proj"],
        "renderer": config["renderer"],
    }
    prefix = "encoder.params_proj."
    parts = {name.removeprefix("encoder."): value for name, value in state.items() if name.startswith(prefix)}
    return settings, parts | {name: value for name, value in state.items() if name.startswith("renderer.")}


def prior(kind: str) -> tuple[dict[str, Any], dict[str, Tensor]]:
    """A golden prior of 'text' or 'image', for the latents of `transmitter`."""
    case = json.loads((GOLDEN / f"prior_{kind}_small.json").read_text())
    config, shapes = copy.deepcopy(case["config"]), dict(case["state_dict_shapes"])
    width = config["inner"]["width"]
    config |= {"latent_ctx": TOKENS, "d_latent": TOKENS * CHANNELS}
    shapes |= {
        "wrapped.pos_emb": [TOKENS, width],
        "wrapped.input_proj.weight": [width, CHANNELS],
        "wrapped.output_proj.weight": [2 * CHANNELS, width],
        "wrapped.output_proj.bias": [2 * CHANNELS],
    }
    return config, made_up_state(shapes, {})


MODELS = {
    "transmitter": transmitter,
    "vector_decoder": decoder,
    "text_cond": lambda: prior("text"),
    "image_cond": lambda: prior("image"),
}


def write_official_files(folder: Path, *names: str) -> list[Path]:
    """NAME.pt and NAME_config.yaml for each name of `MODELS`; returns the .pt files."""
    folder.mkdir(parents=True, exist_ok=True)
    for name in names:
        config, state = MODELS[name]()
        torch.save(state, folder / f"{name}.pt")
        (folder / f"{name}_config.yaml").write_text(yaml.safe_dump(config))
    return [folder / f"{name}.pt" for name in names]
