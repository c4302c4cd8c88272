"""`python -m unit.training.compiled_run FOLDER`: losses of a short run, plain and compiled, as JSON."""

import json
import sys
from pathlib import Path

import torch
from safetensors import safe_open
from torch._dynamo.utils import counters

from shapewright.training.checkpoint import latest_checkpoint
from unit.training.tiny_runs import losses_of, train_tiny


def names_of(run: Path) -> list[str]:
    found = latest_checkpoint(run)
    assert found is not None
    with safe_open(found / "model.safetensors", "pt") as file:
        return sorted(file.keys())


def main(folder: Path) -> None:
    settings = {"steps": 4, "optimizer": "adamw", "activation_checkpointing": True}
    train_tiny(folder / "plain", **settings)
    train_tiny(folder / "compiled", compile=True, **settings)
    told = {name: [line["loss"] for line in losses_of(folder / name)] for name in ("plain", "compiled")}
    told["names"], told["plain_names"] = names_of(folder / "compiled"), names_of(folder / "plain")
    told["compiled_blocks"] = counters["stats"]["unique_graphs"]
    print(json.dumps(told))


if __name__ == "__main__":
    torch.set_num_threads(1)
    main(Path(sys.argv[1]))
