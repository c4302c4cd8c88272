"""Fully sharded training: of every parameter, its gradient and its moments, a process keeps one part.

The parts are put together for a block's computation and for checkpoints, which hold whole tensors: they
do not know how many processes wrote them. Source: torch's fully_shard (FSDP2), used directly because
accelerate offers it on accelerators only. For plain tensors everything here does nothing.
"""

import copy
from collections.abc import Mapping

import torch
from torch import Tensor, nn
from torch.distributed.device_mesh import init_device_mesh
from torch.distributed.fsdp import fully_shard
from torch.distributed.tensor import DTensor, distribute_tensor

from shapewright.nn.transformer import blocks_of

__all__ = ["local", "part_like", "parts_like", "shard", "shard_copy", "whole", "whole_module"]


def shard(module: nn.Module, device: torch.device, processes: int) -> None:
    """Shard the parameters in place: each block's by themselves, the rest together.

    Outside of `module`'s own call its parameters are then parts, also after a call without gradients.
    """
    mesh = init_device_mesh(device.type, (processes,))
    for part in [*blocks_of(module), module]:
        fully_shard(part, mesh=mesh, reshard_after_forward=True)


def shard_copy(module: nn.Module, like: nn.Module) -> None:
    """Shard the parameters of a copy in place as those of `like` are, to be kept and not to be called."""
    sharded = dict(like.named_parameters())
    for prefix, inner in module.named_modules():
        for name, parameter in list(inner.named_parameters(recurse=False)):
            part = part_like(parameter.detach(), sharded[f"{prefix}.{name}" if prefix else name])
            setattr(inner, name, nn.Parameter(part, requires_grad=parameter.requires_grad))


def whole_module(module: nn.Module) -> nn.Module:
    """The module, or a copy with whole parameters where they are sharded. All processes must call it."""
    if not any(isinstance(parameter, DTensor) for parameter in module.parameters()):
        return module
    copied = copy.deepcopy(module)
    for inner in copied.modules():
        for name, parameter in list(inner.named_parameters(recurse=False)):
            setattr(inner, name, nn.Parameter(whole(parameter.detach()), parameter.requires_grad))
    return copied


def whole(tensor: Tensor) -> Tensor:
    """The tensor put together from all processes, which must all call this in the same order."""
    return tensor.full_tensor() if isinstance(tensor, DTensor) else tensor


def local(tensor: Tensor) -> Tensor:
    """This process's part (some of the rows), sharing its memory."""
    return tensor.to_local() if isinstance(tensor, DTensor) else tensor


def part_like(tensor: Tensor, like: Tensor) -> Tensor:
    """A whole tensor that every process has, shared out as `like` is."""
    if not isinstance(like, DTensor):
        return tensor
    there = tensor.to(like.to_local().device)
    return distribute_tensor(there, like.device_mesh, like.placements, src_data_rank=None)


def parts_like(state: Mapping[str, Tensor], like: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """`part_like` for the tensors of a state_dict; names that `like` does not know stay as they are."""
    return {name: part_like(tensor, like.get(name, tensor)) for name, tensor in state.items()}
