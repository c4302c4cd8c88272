"""One optimisation step on any number of processes, and the state that it changes."""

import math
from collections.abc import Generator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

import torch
from accelerate import Accelerator
from accelerate.utils import DistributedType
from torch import Tensor, nn
from torch.nn.parallel import DistributedDataParallel

from shapewright.errors import CheckpointError, ConfigError
from shapewright.nn.draws import Share, ShareGenerator
from shapewright.nn.transformer import blocks_of
from shapewright.training.batches import shares_of
from shapewright.training.checkpoint import latest_checkpoint, load_checkpoint, save_checkpoint
from shapewright.training.ema import ExponentialMovingAverage
from shapewright.training.learning_rate import warmup_cosine
from shapewright.training.loop_config import LoopConfig
from shapewright.training.loss_scale import LossScale
from shapewright.training.muon import MuonAdamW, split_parameters
from shapewright.training.processes import gathered
from shapewright.training.sharding import local, shard, shard_copy, whole

__all__ = ["Learner", "NotFiniteError", "Objective", "make_optimizer"]

AUTOCAST = {"bf16": torch.bfloat16, "fp16": torch.float16}


@runtime_checkable
class Objective(Protocol):
    """What is trained.

    On several processes each sees a share of the batch: see `batches.SharedBatchSource` for objectives
    that can make one without the rest, `batches.cut` for what others' batches may be made of, and
    `nn.draws` for random numbers that do not depend on the shares. A batch's loss must be the mean of its
    equal shares' losses: a mean over examples.
    """

    @property
    def model(self) -> nn.Module: ...

    def batch(self, step: int) -> Any: ...

    def losses(self, model: nn.Module, batch: Any, generator: torch.Generator) -> dict[str, Tensor]:
        """Named losses; `loss` is the one that is minimised. `model` may be used in any way."""
        ...

    def asset_names(self, batch: Any) -> list[str]: ...


class NotFiniteError(ConfigError):
    """A loss or gradient that is not finite; all processes raise it in the same step."""


class Losses(nn.Module):
    """An objective's losses as one call: what shares gradients or parameters is wrapped around this.

    So an objective may call the model, and parts of it, as often as it likes.
    """

    def __init__(self, objective: Objective) -> None:
        super().__init__()
        self.model, self.objective = objective.model, objective

    def forward(self, batch: Any, generator: torch.Generator) -> tuple[Tensor, dict[str, Tensor]]:
        losses = self.objective.losses(self.model, batch, generator)
        return losses["loss"], {name: value.detach() for name, value in losses.items()}


class Learner:
    """An objective's model, its average, its optimiser and loss scale, on this process's device.

    Raises: ConfigError if the batch cannot be cut into equal shares.
    """

    def __init__(self, objective: Objective, config: LoopConfig, processes: Accelerator) -> None:
        self.objective, self.config, self.processes = objective, config, processes
        self.shares = shares_of_process(config, processes)
        self.model = objective.model.to(processes.device)
        self.ema = ExponentialMovingAverage(self.model, config.ema_decay)
        for block in blocks_of(self.model):
            block.recompute = config.activation_checkpointing
            if config.compile:
                block.compile()
        self.losses = self.spread(Losses(objective))
        self.optimizer = make_optimizer(self.model, config)
        self.scale = LossScale(enabled=config.precision == "fp16")

    def spread(self, losses: Losses) -> nn.Module:
        """Ready for all processes: parameters sharded, or gradients averaged."""
        count = self.processes.num_processes
        by_launcher = self.processes.distributed_type == DistributedType.FSDP
        if count > 1 and (self.config.sharding == "full" or by_launcher):
            shard(losses, self.processes.device, count)
            shard_copy(self.ema.average, self.model)
            return losses
        return self.processes.prepare(losses)

    def resume(self, run: Path) -> int:
        """Take over the newest checkpoint, if there is one; returns the number of steps done.

        Raises: CheckpointError if it cannot be used, or not all processes see it.
        """
        found = latest_checkpoint(run)
        if len(set(gathered(found.name if found else None))) > 1:
            raise CheckpointError(
                f"Not every process sees the same checkpoints in {run}; let --out be on a disk that all "
                "machines share."
            )
        if found is None:
            return 0
        return load_checkpoint(
            found, model=self.model, ema=self.ema, optimizer=self.optimizer, scale=self.scale
        )

    def save(self, run: Path, step: int) -> None:
        """Write a checkpoint, in the main process; all must call it."""
        save_checkpoint(
            run,
            step,
            model=self.model,
            ema=self.ema,
            optimizer=self.optimizer,
            scale=self.scale,
            write=self.processes.is_main_process,
        )

    def pieces(self, step: int) -> list[Any]:
        """This process's shares of the batch of `step`."""
        return shares_of(self.objective, step, self.shares, self.config.batch_size)

    def step(self, number: int, pieces: list[Any]) -> dict[str, float]:
        """One optimisation step; returns its losses (of all processes), gradient norm and learning rate.

        Raises: NotFiniteError, in all processes, with the names of the assets; weights are spared then.
        """
        rate = self.set_rate(number)
        self.model.train()
        told = [self.backward(number, i, piece) for i, piece in enumerate(pieces)]
        values = self.agreed_losses(number, told, pieces)
        norm = self.clipped_norm()
        if math.isfinite(norm):
            self.optimizer.step()
            self.scale.succeed()
        elif not self.scale.overflow():
            names = [name for piece in pieces for name in self.objective.asset_names(piece)]
            listed = ", ".join(name for names in gathered(names) for name in names)
            raise NotFiniteError(f"A gradient of step {number} is not finite; its assets were: {listed}.")
        self.optimizer.zero_grad(set_to_none=True)
        self.ema.update(self.model, number)
        scale = {"loss_scale": self.scale.value} if self.scale.enabled else {}
        return {**values, "gradient_norm": norm, "learning_rate": rate, **scale}

    def set_rate(self, number: int) -> float:
        config = self.config
        factor = warmup_cosine(number, warmup_steps=config.warmup_steps, total_steps=config.steps)
        for group in self.optimizer.param_groups:
            group["lr"] = config.learning_rate * factor * group.get("lr_scale", 1.0)
        return config.learning_rate * factor

    def backward(self, number: int, index: int, piece: Any) -> dict[str, Tensor]:
        """Add the gradients of one piece; with the last, they become those of all processes."""
        device = self.processes.device
        generator = ShareGenerator(self.config.seed * 1_000_003 + number, self.shares[index], device)
        with nullcontext() if index + 1 == len(self.shares) else unshared(self.losses):
            with self.autocast():
                loss, values = self.losses(piece, generator)
            (loss * (self.scale.value / len(self.shares))).backward()
        return values

    @contextmanager
    def autocast(self) -> Generator[None]:
        dtype = AUTOCAST.get(self.config.precision)
        with torch.autocast(self.processes.device.type, dtype, enabled=dtype is not None):
            yield

    def agreed_losses(
        self, number: int, told: list[dict[str, Tensor]], pieces: list[Any]
    ) -> dict[str, float]:
        """Each loss averaged over the pieces of all processes that have it."""
        values = [{name: float(value) for name, value in losses.items()} for losses in told]
        spoilt = [i for i, losses in enumerate(values) if not math.isfinite(losses["loss"])]
        names = [name for i in spoilt for name in self.objective.asset_names(pieces[i])]
        everyone = gathered((values, names))
        losses = mean_of([losses for values, _ in everyone for losses in values])
        if not math.isfinite(losses["loss"]):
            listed = ", ".join(name for _, names in everyone for name in names)
            raise NotFiniteError(
                f"The loss of step {number} is not finite ({losses}); its assets were: {listed}."
            )
        return losses

    def clipped_norm(self) -> float:
        """Clip the gradients, unscaled; returns their norm before."""
        if self.scale.value != 1:
            for parameter in self.model.parameters():
                if parameter.grad is not None:
                    local(parameter.grad).div_(self.scale.value)
        return float(whole(nn.utils.clip_grad_norm_(self.model.parameters(), self.config.gradient_clip)))


def unshared(losses: nn.Module) -> AbstractContextManager[None]:
    """Within this, gradients of replicas wait for those to come; sharded ones are not kept whole so long."""
    return losses.no_sync() if isinstance(losses, DistributedDataParallel) else nullcontext()


def shares_of_process(config: LoopConfig, processes: Accelerator) -> list[Share]:
    count = processes.num_processes * config.accumulate
    if config.batch_size % count:
        raise ConfigError(
            f"A batch of {config.batch_size} cannot be cut into equal shares for {processes.num_processes} "
            f"processes that accumulate {config.accumulate}; set loop.batch_size to a multiple of {count}."
        )
    first = processes.process_index * config.accumulate
    return [Share(first + i, count) for i in range(config.accumulate)]


def mean_of(losses: list[dict[str, float]]) -> dict[str, float]:
    names = dict.fromkeys(name for values in losses for name in values)
    having = {name: [values[name] for values in losses if name in values] for name in names}
    return {name: sum(values) / len(values) for name, values in having.items()}


def make_optimizer(model: nn.Module, config: LoopConfig) -> torch.optim.Optimizer:
    """AdamW with weight decay on matrices only; the hidden layers' matrices by Muon where asked for."""
    split = split_parameters(model)
    decay = {"weight_decay": config.weight_decay}
    groups: list[dict[str, Any]] = [
        {"params": split.hidden, "rule": config.optimizer, "momentum": 0.95, **decay},
        {"params": split.matrices, "rule": "adamw", **decay},
        {"params": split.vectors, "rule": "adamw", "weight_decay": 0.0},
        {"params": split.tables, "rule": "rows", "lr_scale": config.table_rate, "weight_decay": 0.0},
    ]
    groups = [group for group in groups if group["params"]]
    return MuonAdamW(groups, lr=config.learning_rate, betas=config.betas, fused=True)
