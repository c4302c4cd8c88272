"""Checkpoints that resume exactly: written whole or not at all, the newest few kept.

A checkpoint is a folder `step-0000123` of safetensors (model, average, optimiser moments) and a
state.json; it counts only once it has its final name.
"""

import json
import shutil
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from shapewright.errors import CheckpointError
from shapewright.training.ema import ExponentialMovingAverage

__all__ = ["latest_checkpoint", "load_checkpoint", "save_checkpoint"]


def save_checkpoint(
    run: Path,
    step: int,
    *,
    model: nn.Module,
    ema: ExponentialMovingAverage,
    optimizer: torch.optim.Optimizer,
    keep: int = 2,
) -> Path:
    """Write the state after `step` optimisation steps; older checkpoints beyond `keep` are removed."""
    final = run / "checkpoints" / f"step-{step:07d}"
    for torn in final.parent.glob(".step-*.tmp"):  # of a run that was killed while it wrote
        shutil.rmtree(torn, ignore_errors=True)
    temporary = final.with_name(f".{final.name}.tmp")
    temporary.mkdir(parents=True)
    save_file(contiguous(model.state_dict()), temporary / "model.safetensors")
    save_file(contiguous(ema.state_dict()), temporary / "ema.safetensors")
    save_file(flatten_optimizer(optimizer), temporary / "optimizer.safetensors")
    state = {"step": step, "torch_rng": torch.get_rng_state().tolist()}
    (temporary / "state.json").write_text(json.dumps(state))
    shutil.rmtree(final, ignore_errors=True)
    temporary.rename(final)
    for old in sorted(final.parent.glob("step-*"))[:-keep]:
        shutil.rmtree(old, ignore_errors=True)
    return final


def latest_checkpoint(run: Path) -> Path | None:
    """The newest complete checkpoint of a run folder, if it has one."""
    found = sorted((run / "checkpoints").glob("step-*"))
    return found[-1] if found else None


def load_checkpoint(
    folder: Path, *, model: nn.Module, ema: ExponentialMovingAverage, optimizer: torch.optim.Optimizer
) -> int:
    """Restore everything; returns the number of optimisation steps done.

    Raises: CheckpointError if a file is missing or does not fit the model.
    """
    try:
        state = json.loads((folder / "state.json").read_text())
        model.load_state_dict(load_file(folder / "model.safetensors"))
        ema.load_state_dict(load_file(folder / "ema.safetensors"))
        unflatten_optimizer(optimizer, load_file(folder / "optimizer.safetensors"))
        torch.set_rng_state(torch.tensor(state["torch_rng"], dtype=torch.uint8))
    except (OSError, KeyError, ValueError, RuntimeError, SafetensorError) as error:
        reason = str(error).partition("\n")[0]
        raise CheckpointError(
            f"The checkpoint {folder} cannot be resumed ({reason}); delete it to go on from an older one."
        ) from error
    return int(state["step"])


def contiguous(state: dict[str, Tensor]) -> dict[str, Tensor]:
    return {name: tensor.contiguous() for name, tensor in state.items()}


def flatten_optimizer(optimizer: torch.optim.Optimizer) -> dict[str, Tensor]:
    """Moments as `index.name` tensors; the hyperparameters come from the recipe again."""
    state: dict[int, dict[str, Any]] = optimizer.state_dict()["state"]
    return {
        f"{index}.{name}": torch.as_tensor(value).contiguous()
        for index, moments in state.items()
        for name, value in moments.items()
    }


def unflatten_optimizer(optimizer: torch.optim.Optimizer, flat: dict[str, Tensor]) -> None:
    state: dict[int, dict[str, Tensor]] = {}
    for key, value in flat.items():
        index, name = key.split(".", 1)
        state.setdefault(int(index), {})[name] = value
    optimizer.load_state_dict({"state": state, "param_groups": optimizer.state_dict()["param_groups"]})
