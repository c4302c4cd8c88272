"""What two processes on gloo do, all in one launch since starting them is what takes long.

`python -m unit.training.two_processes ROOT`, with a launcher's environment, trains into folders of ROOT;
`test_processes.py` starts both and compares. Each run is a case of CASES.
"""

import json
import os
import signal
import sys
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import torch
from torch import Tensor, nn

from shapewright.autoencoder import Autoencoder
from shapewright.errors import ConfigError
from shapewright.prior import LatentStatistics, Prior
from shapewright.training.latents import LatentSet
from shapewright.training.loop import LoopConfig, train
from shapewright.training.objectives.denoising import CaptionFeatures, Denoising, DenoisingConfig
from shapewright.training.objectives.field_supervision import FieldSupervisionConfig
from shapewright.training.objectives.latent_table import LatentTable, LatentTableConfig
from shapewright.training.processes import accelerator, leave
from shapewright.training.recipes.encoder import tiny
from shapewright.training.recipes.prior import tiny as tiny_prior
from tiny_assets import shelf
from tiny_models import FakeText
from unit.training.tiny_runs import train_tiny

STEPS = 4
HALF = 2
LOOP = LoopConfig(
    steps=STEPS, batch_size=4, learning_rate=1e-3, warmup_steps=2, precision="fp32", optimizer="muon"
)


@dataclass(frozen=True, kw_only=True)
class Settings:
    loop: LoopConfig


def encoder(run: Path, **changes: object) -> nn.Module:
    return train_tiny(run, **{"steps": STEPS, **changes})


def prior(run: Path, **changes: object) -> nn.Module:
    """Random latents with captions; conditions dropped often."""
    torch.manual_seed(0)
    captions = [["a chair", "a wooden chair"], ["a red lamp"], ["chair", "a chair"], ["a lamp"]]
    latents = LatentSet(latents=torch.randn(4, 8, 8), assets=list("abcd"), captions=captions)
    features = CaptionFeatures([text for texts in captions for text in texts], FakeText(max_tokens=6))
    objective = Denoising(
        Prior(tiny_prior().model),
        latents,
        LatentStatistics.measure([latents.latents]),
        features,
        DenoisingConfig(condition_drop=0.5),
        batch_size=4,
    )
    loop = replace(LOOP, **changes)
    return train(objective, loop, run, settings=Settings(loop=loop), tensorboard=False)


def table(run: Path, **changes: object) -> nn.Module:
    """Latents of their own: a table whose rows are updated by a rule of their own."""
    torch.manual_seed(0)
    supervision = FieldSupervisionConfig(points=200, queries=50, neighbor_pool=20)
    config = LatentTableConfig(supervision=supervision, draws=2, encoded=2)
    objective = LatentTable(Autoencoder(tiny().model), shelf(), config, batch_size=4)
    loop = replace(LOOP, **changes)
    return train(objective, loop, run, settings=Settings(loop=loop), tensorboard=False)


class Plain:
    """Knows nothing of shares; the example at place 3 of step 2 is spoilt where asked for."""

    def __init__(self, *, spoil: bool = False) -> None:
        torch.manual_seed(0)
        self.model, self.spoil = nn.Sequential(nn.Linear(3, 8), nn.GELU(), nn.Linear(8, 1)), spoil
        self.model.register_parameter("unused", nn.Parameter(torch.ones(2)))

    def batch(self, step: int) -> dict[str, object]:
        x = torch.randn(4, 3, generator=torch.Generator().manual_seed(step))
        if self.spoil and step == 2:
            x[3] = torch.nan
        return {"step": step, "x": x, "names": [f"{step}-{place}" for place in range(4)]}

    def losses(
        self, model: nn.Module, batch: dict[str, Tensor], generator: torch.Generator
    ) -> dict[str, Tensor]:
        loss = (model(batch["x"]) - batch["x"].sum(dim=1, keepdim=True)).square().mean()
        return {"loss": loss, "draw": torch.rand((), generator=generator)}

    def asset_names(self, batch: dict[str, list[str]]) -> list[str]:
        return batch["names"]


def plain(run: Path, *, spoil: bool = False, **changes: object) -> nn.Module:
    loop = replace(LOOP, **changes)
    return train(Plain(spoil=spoil), loop, run, settings=Settings(loop=loop), tensorboard=False)


def halves(make: Callable[..., nn.Module], first: dict[str, object], second: dict[str, object]) -> Callable:
    """A run that is done half and gone on with otherwise."""

    def run(folder: Path) -> nn.Module:
        make(folder, steps=HALF, **first)
        return make(folder, **second)

    return run


def interrupted(run: Path) -> nn.Module:
    """Only one process is told to stop, after its second step."""

    class Stopped(Plain):
        def losses(
            self, model: nn.Module, batch: dict[str, Tensor], generator: torch.Generator
        ) -> dict[str, Tensor]:
            if batch["step"] == 1 and accelerator().process_index == 1:
                os.kill(os.getpid(), signal.SIGTERM)
            return super().losses(model, batch, generator)

    objective = Stopped()
    try:
        train(objective, LOOP, run, settings=Settings(loop=LOOP), tensorboard=False)
    except KeyboardInterrupt:
        (run / f"stopped-{accelerator().process_index}").touch()
    return objective.model


def spoilt(run: Path) -> nn.Module:
    try:
        plain(run, spoil=True)
    except ConfigError as error:
        (run / f"error-{accelerator().process_index}").write_text(str(error))
    return Plain().model


CASES: dict[str, Callable[[Path], nn.Module]] = {
    "encoder": encoder,
    "encoder sharded": lambda run: encoder(run, sharding="full"),
    "encoder accumulated": lambda run: encoder(run, accumulate=2, activation_checkpointing=True),
    "prior": prior,
    "prior sharded": lambda run: prior(run, sharding="full", activation_checkpointing=True),
    "table": table,
    "table sharded": lambda run: table(run, sharding="full"),
    "plain": plain,
    "sharded then not": halves(encoder, {"sharding": "full"}, {"sharding": "none"}),
    "not then sharded": halves(encoder, {"sharding": "none"}, {"sharding": "full"}),
    # begun by one process, in this folder, before
    "begun alone": lambda run: encoder(run, sharding="full"),
    "interrupted": interrupted,
    "spoilt": spoilt,
}


def main(root: Path) -> None:
    for name, case in CASES.items():
        average = case(root / name)
        weights = {key: float(value.double().sum()) for key, value in average.state_dict().items()}
        (root / f"{name} {accelerator().process_index}.json").write_text(json.dumps(weights))
    leave()


if __name__ == "__main__":
    torch.set_num_threads(1)
    main(Path(sys.argv[1]))
