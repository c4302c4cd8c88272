"""The processes of one training: which one this is, and what they tell one another.

Who starts them, on how many machines, is the launcher's business (`torchrun`, `accelerate launch`); without
one there is a single process and everything here is plain.
"""

import os
from collections.abc import Callable, Generator
from contextlib import contextmanager
from datetime import timedelta
from typing import ParamSpec, TypeVar

import torch
from accelerate import Accelerator
from accelerate.utils import (
    DistributedDataParallelKwargs,
    InitProcessGroupKwargs,
    KwargsHandler,
    gather_object,
)

__all__ = ["accelerator", "gathered", "leave", "main_first", "on_main"]

# The others wait while the main process encodes a data set or writes a large model.
PATIENCE = timedelta(hours=6)

P = ParamSpec("P")
T = TypeVar("T")


def accelerator() -> Accelerator:
    """Accelerate's view of the processes; the first call joins them.

    Its mixed precision is one for all runs of a process, so it stays off here: the loop has its own.
    """
    many = int(os.environ.get("WORLD_SIZE", "1")) > 1
    handlers: list[KwargsHandler] = [
        InitProcessGroupKwargs(timeout=PATIENCE),
        # mixed objectives need not use every parameter in every step
        DistributedDataParallelKwargs(find_unused_parameters=True),
    ]
    return Accelerator(
        mixed_precision="no",
        # accelerate joins processes without accelerators only if told that they have none
        cpu=many and not torch.cuda.is_available(),
        kwargs_handlers=handlers if many else None,
    )


def gathered(told: T) -> list[T]:
    """What every process tells, in their order. All must call it."""
    return gather_object([told])


@contextmanager
def main_first() -> Generator[None]:
    """The main process does what is inside, and then the others, which may find it done."""
    with accelerator().main_process_first():
        yield


def on_main(action: Callable[P, object], *args: P.args, **kwargs: P.kwargs) -> None:
    """Call `action` in the main process only, while the others wait."""
    everyone = accelerator()
    if everyone.is_main_process:
        action(*args, **kwargs)
    everyone.wait_for_everyone()


def leave() -> None:
    """Part from the other processes, when all is done."""
    if torch.distributed.is_initialized():
        accelerator().state.destroy_process_group()
