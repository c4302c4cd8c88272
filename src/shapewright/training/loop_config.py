"""How a model is optimised, and how the work of it is spread in space and time."""

from dataclasses import dataclass
from typing import Literal

from shapewright.errors import ConfigError

__all__ = ["HOW_NOT_WHAT", "LoopConfig"]


@dataclass(frozen=True, kw_only=True)
class LoopConfig:
    """`batch_size` examples make a step, whatever the number of processes: each computes its share.

    `precision` bf16 and fp16 are autocast; weights and moments stay fp32. fp16 scales its losses.
    `table_rate` multiplies the learning rate of a table of latents.
    What saves memory, not changing what is learnt but for rounding: `accumulate` goes through a process's
    share in so many parts; `activation_checkpointing` computes transformer blocks again in the backward
    pass; `sharding` "full" keeps a part of all parameters and moments in each process (FSDP).
    `compile` compiles the transformer blocks.
    """

    steps: int
    batch_size: int
    learning_rate: float
    warmup_steps: int = 200
    weight_decay: float = 0.01
    betas: tuple[float, float] = (0.9, 0.98)
    table_rate: float = 10.0
    gradient_clip: float = 1.0
    ema_decay: float = 0.999
    optimizer: Literal["adamw", "muon"] = "adamw"
    precision: Literal["fp32", "bf16", "fp16"] = "bf16"
    seed: int = 0
    checkpoint_every_s: float = 300.0
    accumulate: int = 1
    activation_checkpointing: bool = False
    sharding: Literal["none", "full"] = "none"
    compile: bool = False

    def __post_init__(self) -> None:
        if self.steps < 1 or self.batch_size < 1:
            raise ConfigError(f"steps and batch_size must be positive, got {self.steps}, {self.batch_size}")
        if self.accumulate < 1:
            raise ConfigError(f"accumulate must be at least 1, got {self.accumulate}")


# A run may be gone on with under other ones of these: they say how far and how, not what is learnt.
HOW_NOT_WHAT = frozenset(
    {"steps", "checkpoint_every_s", "accumulate", "activation_checkpointing", "sharding", "compile"}
)
