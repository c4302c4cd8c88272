"""Checkpoints that resume exactly: written whole or not at all, the newest few kept.

A checkpoint is a folder `step-0000123` of safetensors (model, average, optimiser moments) and a
state.json; it counts only once it has its final name. Its tensors are whole, whether or not parameters
were sharded, so it can be gone on with on any number of processes.
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
from shapewright.training.loss_scale import LossScale
from shapewright.training.sharding import part_like, parts_like, whole

__all__ = ["latest_checkpoint", "load_checkpoint", "save_checkpoint"]


def save_checkpoint(
    run: Path,
    step: int,
    *,
    model: nn.Module,
    ema: ExponentialMovingAverage,
    optimizer: torch.optim.Optimizer,
    scale: LossScale | None = None,
    keep: int = 2,
    write: bool = True,
) -> Path:
    """Write the state after `step` optimisation steps; older checkpoints beyond `keep` are removed.

    Of several processes all must call this, as sharded tensors are put together; one of them with `write`.
    """
    final = run / "checkpoints" / f"step-{step:07d}"
    temporary = final.with_name(f".{final.name}.tmp")
    if write:
        for torn in final.parent.glob(".step-*.tmp"):  # of a run that was killed while it wrote
            shutil.rmtree(torn, ignore_errors=True)
        temporary.mkdir(parents=True)
    states = {"model": model.state_dict(), "ema": ema.state_dict(), "optimizer": flatten_optimizer(optimizer)}
    for name, state in states.items():
        tensors = whole_tensors(state, keep=write)
        if write:
            save_file(tensors, temporary / f"{name}.safetensors")
    if write:
        (temporary / "state.json").write_text(json.dumps(progress_state(step, scale)))
        shutil.rmtree(final, ignore_errors=True)
        temporary.rename(final)
        for old in sorted(final.parent.glob("step-*"))[:-keep]:
            shutil.rmtree(old, ignore_errors=True)
    return final


def progress_state(step: int, scale: LossScale | None) -> dict[str, Any]:
    cuda = {"cuda_rng": torch.cuda.get_rng_state().tolist()} if torch.cuda.is_available() else {}
    scaling = {} if scale is None else {"loss_scale": scale.state_dict()}
    return {"step": step, "torch_rng": torch.get_rng_state().tolist(), **cuda, **scaling}


def latest_checkpoint(run: Path) -> Path | None:
    """The newest complete checkpoint of a run folder, if it has one."""
    found = sorted((run / "checkpoints").glob("step-*"))
    return found[-1] if found else None


def load_checkpoint(
    folder: Path,
    *,
    model: nn.Module,
    ema: ExponentialMovingAverage,
    optimizer: torch.optim.Optimizer,
    scale: LossScale | None = None,
) -> int:
    """Restore everything; returns the number of optimisation steps done.

    Raises: CheckpointError if a file is missing or does not fit the model.
    """
    try:
        state = json.loads((folder / "state.json").read_text())
        model.load_state_dict(parts_like(load_file(folder / "model.safetensors"), model.state_dict()))
        ema.load_state_dict(load_file(folder / "ema.safetensors"))
        unflatten_optimizer(optimizer, load_file(folder / "optimizer.safetensors"))
        restore_progress(state, scale)
        return int(state["step"])
    except (OSError, KeyError, ValueError, RuntimeError, SafetensorError) as error:
        reason = str(error).partition("\n")[0]
        raise CheckpointError(
            f"The checkpoint {folder} cannot be resumed ({reason}); delete it to go on from an older one."
        ) from error


def restore_progress(state: dict[str, Any], scale: LossScale | None) -> None:
    """Random states and the loss scale; a checkpoint of another device or precision has not all of them."""
    torch.set_rng_state(torch.tensor(state["torch_rng"], dtype=torch.uint8))
    if torch.cuda.is_available() and "cuda_rng" in state:
        torch.cuda.set_rng_state(torch.tensor(state["cuda_rng"], dtype=torch.uint8))
    if scale is not None and scale.enabled and "loss_scale" in state:
        scale.load_state_dict(state["loss_scale"])


def whole_tensors(state: dict[str, Tensor], *, keep: bool) -> dict[str, Tensor]:
    """The tensors put together, one after the other; where they are not kept, only by way of helping."""
    tensors: dict[str, Tensor] = {}
    for name, tensor in state.items():
        complete = whole(tensor).contiguous()
        if keep:
            # put-together copies need not all fit on the device
            tensors[name] = complete if complete is tensor else complete.cpu()
    return tensors


def flatten_optimizer(optimizer: torch.optim.Optimizer) -> dict[str, Tensor]:
    """Moments as `index.name` tensors; the hyperparameters come from the recipe again."""
    state: dict[int, dict[str, Any]] = optimizer.state_dict()["state"]
    return {
        f"{index}.{name}": torch.as_tensor(value)
        for index, moments in state.items()
        for name, value in moments.items()
    }


def unflatten_optimizer(optimizer: torch.optim.Optimizer, flat: dict[str, Tensor]) -> None:
    parameters = [p for group in optimizer.param_groups for p in group["params"]]
    state: dict[int, dict[str, Tensor]] = {}
    for key, value in flat.items():
        number, name = key.split(".", 1)
        index = int(number)
        # moments are as large as their parameter, or have a number for each of its rows
        moment = value.ndim > 0 and index < len(parameters)
        state.setdefault(index, {})[name] = part_like(value, parameters[index]) if moment else value
    optimizer.load_state_dict({"state": state, "param_groups": optimizer.state_dict()["param_groups"]})
