"""Which device to compute on, and its name for people."""

import os
from functools import cache

import torch

from shapewright.errors import ConfigError

__all__ = ["choose_device", "describe_device"]


def choose_device(wanted: str = "auto") -> torch.device:
    """The device asked for; 'auto' takes CUDA, then Apple's MPS, then the CPU.

    Raises: ConfigError if the device asked for is not there.
    """
    available = {"cuda": torch.cuda.is_available(), "mps": torch.backends.mps.is_available(), "cpu": True}
    if wanted == "auto":
        return torch.device(next(name for name, is_there in available.items() if is_there))
    if not available.get(wanted.partition(":")[0], False):
        there = ", ".join(name for name, is_there in available.items() if is_there)
        raise ConfigError(f"There is no device '{wanted}' here; available: {there}.")
    return torch.device(wanted)


@cache
def describe_device(device: torch.device) -> str:
    """For instance 'cpu (2 threads)' or 'cuda (NVIDIA A100)'."""
    if device.type == "cuda":
        return f"cuda ({torch.cuda.get_device_name(device)})"
    if device.type == "cpu":
        return f"cpu ({torch.get_num_threads()} of {os.cpu_count()} threads)"
    return device.type
