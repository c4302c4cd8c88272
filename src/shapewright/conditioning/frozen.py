"""Networks that are used as they are."""

from typing import TypeVar

import torch
from torch import nn

__all__ = ["frozen"]

ModuleT = TypeVar("ModuleT", bound=nn.Module)


def frozen(module: ModuleT, device: torch.device | str) -> ModuleT:
    """The module on `device`, in evaluation mode, with parameters that take no gradient."""
    nn.Module.to(module, device)
    return module.eval().requires_grad_(False)
