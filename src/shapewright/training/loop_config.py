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
    How often the averaged model is looked at, in steps, and after the last one; 0: never: `validate_every`
    judges it by held-out assets; `pictures_every` draws reconstructions and samples. After `patience`
    validations without a smaller loss the run stops, and the best model is the result; 0: it never does.
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
    validate_every: int = 0
    patience: int = 0
    pictures_every: int = 0

    def __post_init__(self) -> None:
        if self.steps < 1 or self.batch_size < 1:
            raise ConfigError(f"steps and batch_size must be positive, got {self.steps}, {self.batch_size}")
        if self.accumulate < 1:
            raise ConfigError(f"accumulate must be at least 1, got {self.accumulate}")
        if min(self.validate_every, self.patience, self.pictures_every) < 0:
            raise ConfigError(
                "validate_every, patience and pictures_every must be at least 0, got "
                f"{self.validate_every}, {self.patience} and {self.pictures_every}"
            )
        if self.patience and not self.validate_every:
            raise ConfigError(
                f"patience {self.patience} counts validations: set validate_every too, or patience to 0"
            )

    @property
    def looks(self) -> bool:
        """Whether the run is looked at, by a judge."""
        return self.validate_every > 0 or self.pictures_every > 0

    def looks_at(self, done: int) -> bool:
        """Whether it is after `done` steps."""
        return self.due(self.validate_every, done) or self.due(self.pictures_every, done)

    def due(self, every: int, done: int) -> bool:
        """Whether what happens every so many steps, and at the end, happens after `done` steps."""
        return every > 0 and (done % every == 0 or done == self.steps)


# A run may be gone on with under other ones of these: they say how far and how, not what is learnt.
HOW_NOT_WHAT = frozenset(
    {
        *("steps", "checkpoint_every_s", "accumulate", "activation_checkpointing", "sharding", "compile"),
        *("patience", "pictures_every"),
    }
)
