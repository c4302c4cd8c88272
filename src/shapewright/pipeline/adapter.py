"""Adapters: a fine-tuned prior as low-rank changes of its base's matrices, in one small file.

A matrix W of the base becomes W + scale * B A. Nothing but torch is needed to use one.
"""

from collections.abc import Mapping
from copy import deepcopy
from dataclasses import dataclass, replace
from pathlib import Path

import torch
from jaxtyping import Float
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor, nn

from shapewright.atomic_file import replacing
from shapewright.errors import ModelError
from shapewright.models import sha256
from shapewright.pipeline.model_folder import Model

__all__ = ["Adapter", "adapted", "load_adapter", "save_adapter"]

FORMAT = "shapewright-adapter-1"
DOWN, UP = ".lora_A.weight", ".lora_B.weight"


@dataclass(frozen=True, kw_only=True)
class Adapter:
    """Changes by the name of the linear layer in the prior: (A, B) of sizes (rank, in) and (out, rank).

    `base_sha256` is the hash of the one model that it fits; `sha256` that of the file it came from.
    """

    name: str
    base: str
    base_sha256: str
    scale: float
    changes: Mapping[str, tuple[Float[Tensor, "r i"], Float[Tensor, "o r"]]]
    sha256: str = ""


def adapted(model: Model, adapter: Adapter) -> Model:
    """The model with the changes made to a copy of its prior; it stays the model that decodes its latents.

    Raises: ModelError if the adapter was made for another model or does not fit.
    """
    if adapter.base_sha256 != model.sha256:
        raise ModelError(
            f"The adapter '{adapter.name}' was made for the model '{adapter.base}' "
            f"({adapter.base_sha256[:12]}) and does not fit '{model.config.name}' ({model.sha256[:12]})."
        )
    if model.prior is None:
        raise ModelError(f"The model '{model.config.name}' has no prior that an adapter could change.")
    prior = deepcopy(model.prior)
    layers = dict(prior.named_modules())
    for name, (down, up) in adapter.changes.items():
        layer = layers.get(name)
        if not isinstance(layer, nn.Linear) or layer.weight.shape != (up.shape[0], down.shape[1]):
            raise ModelError(f"The adapter '{adapter.name}' changes '{name}', which the prior has not so.")
        with torch.no_grad():
            layer.weight += adapter.scale * (up @ down).to(layer.weight)
    return replace(model, prior=prior, adapter=adapter.sha256)


def save_adapter(path: Path, adapter: Adapter) -> None:
    """Write the changes in fp32 as NAME.lora_A.weight and NAME.lora_B.weight. Raises: OutputError."""
    tensors: dict[str, Tensor] = {}
    for name, (down, up) in adapter.changes.items():
        tensors |= {name + DOWN: down.float().cpu().contiguous(), name + UP: up.float().cpu().contiguous()}
    metadata = {
        "format": FORMAT,
        "name": adapter.name,
        "base": adapter.base,
        "base_sha256": adapter.base_sha256,
        "scale": repr(adapter.scale),
    }
    with replacing(path) as temporary:
        save_file(tensors, temporary, metadata)


def load_adapter(path: Path) -> Adapter:
    """Raises: ModelError for a file that is missing, damaged or no adapter."""
    if not path.is_file():
        raise ModelError(f"There is no adapter file '{path}'; `shapewright finetune` writes one.")
    try:
        with safe_open(path, framework="pt") as file:
            metadata: dict[str, str] = file.metadata() or {}
            names = list(file.keys())
            tensors = {name: file.get_tensor(name).float() for name in names}
    except (SafetensorError, OSError) as error:
        raise ModelError(f"The adapter '{path}' cannot be read ({error}).") from error
    if metadata.get("format") != FORMAT:
        raise ModelError(f"'{path}' is no adapter: its format is not {FORMAT}.")
    try:
        changed = [name.removesuffix(DOWN) for name in tensors if name.endswith(DOWN)]
        return Adapter(
            name=metadata["name"],
            base=metadata["base"],
            base_sha256=metadata["base_sha256"],
            scale=float(metadata["scale"]),
            changes={name: (tensors[name + DOWN], tensors[name + UP]) for name in changed},
            sha256=sha256(path),
        )
    except (KeyError, ValueError) as error:
        raise ModelError(f"The adapter '{path}' is damaged: it has no usable {error}.") from error
