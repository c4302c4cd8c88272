"""Losses and gradients that are no numbers end a run, in every precision, with the assets' names."""

from dataclasses import replace
from pathlib import Path
from typing import Literal

import pytest
import torch
from torch import Tensor, nn

from shapewright.errors import ConfigError
from shapewright.training.checkpoint import latest_checkpoint
from shapewright.training.loop import LoopConfig, train
from unit.training.tiny_runs import losses_of

LOOP = LoopConfig(steps=6, batch_size=2, learning_rate=0.1, warmup_steps=1)


class Spoilt:
    """At step 3 the loss is not a number, or it is one whose gradient is not."""

    def __init__(self, what: str) -> None:
        self.model, self.what = nn.Linear(1, 1), what

    def batch(self, step: int) -> tuple[int, Tensor]:
        return step, torch.ones(2, 1)

    def losses(
        self, model: nn.Module, batch: tuple[int, Tensor], generator: torch.Generator
    ) -> dict[str, Tensor]:
        step, x = batch
        y = model(x).float()
        if step == 3:
            y = y * torch.inf * 0 if self.what == "loss" else (y * 0).sqrt()
        return {"loss": y.square().mean() if step != 3 else y.mean()}

    def asset_names(self, batch: tuple[int, Tensor]) -> list[str]:
        return [f"chair-{batch[0]}", "lamp"]


@pytest.mark.parametrize("precision", ["fp32", "bf16"])
@pytest.mark.parametrize("what", ["loss", "gradient"])
def test_the_run_ends_before_the_weights_are_spoilt(
    tmp_path: Path, what: str, precision: Literal["fp32", "bf16"]
) -> None:
    loop, objective = replace(LOOP, precision=precision), Spoilt(what)
    with pytest.raises(ConfigError, match=rf"{what} of step 3 is not finite.*assets were: chair-3, lamp"):
        train(objective, loop, tmp_path, settings=loop, tensorboard=False)
    assert all(torch.isfinite(parameter).all() for parameter in objective.model.parameters())
    assert len(losses_of(tmp_path)) == 3
    assert latest_checkpoint(tmp_path) == tmp_path / "checkpoints" / "step-0000003"
