"""Our numbers for a case of the published implementation.

`shapewright parity CASE.json INPUTS.npz OUTPUTS.npz` runs this. A case holds a `config` in the published
schema, the `state_dict_shapes` of its made-up weights, `overrides` of some, and settings of the run.
Outputs carry the names of tests/parity/golden/README.md.
"""

from __future__ import annotations

import json
import zipfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import numpy as np
import torch
from torch import Tensor

from shapewright.atomic_file import replacing
from shapewright.errors import ConfigError, DatasetError
from shapewright.interop.made_up_weights import made_up_weight
from shapewright.interop.official_points import POINT_KINDS
from shapewright.interop.parity_inputs import Arrays, Inputs
from shapewright.interop.parity_points import run_points, run_sdf
from shapewright.interop.parity_runs import run_decoder, run_prior, run_transmitter

__all__ = ["Case", "read_case", "run_case", "run_parity"]


@dataclass(frozen=True, kw_only=True)
class Case:
    """What a case's JSON file says."""

    config: Mapping[str, Any]
    state: Mapping[str, Tensor]
    settings: Mapping[str, Any]


Runner = Callable[[Mapping[str, Any], Mapping[str, Tensor], Mapping[str, Any], Inputs], Arrays]

# The published class of a case's model, and what is computed for it.
RUNNERS: dict[str, Runner] = {
    "ChannelsDecoder": run_decoder,
    "SplitVectorDiffusion": run_prior,
    "Transmitter": run_transmitter,
    "CrossAttentionPointCloudSDFModel": run_sdf,
    **dict.fromkeys(POINT_KINDS, run_points),
}


def run_parity(case: Path, inputs: Path, outputs: Path) -> list[str]:
    """Run a case on the inputs and write its outputs; returns their names.

    Raises: ConfigError, ModelError for a case that cannot be built; DatasetError for files that cannot be
    read or inputs that are not there; OutputError.
    """
    arrays = run_case(read_case(case), read_inputs(inputs))
    with replacing(outputs) as temporary, temporary.open("wb") as file:
        np.savez(file, allow_pickle=False, **cast("dict[str, Any]", arrays))
    return sorted(arrays)


def run_case(case: Case, inputs: Inputs) -> Arrays:
    """The outputs of a case by their names, computed in fp32 on the CPU."""
    kind = str(case.config.get("name"))
    if kind not in RUNNERS:
        raise ConfigError(f"There are no parity cases of '{kind}'; known are {', '.join(sorted(RUNNERS))}.")
    with torch.inference_mode():
        return RUNNERS[kind](case.config, case.state, case.settings, inputs)


def read_case(path: Path) -> Case:
    """Raises: DatasetError if the file is not a case."""
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise DatasetError(f"Cannot read the case '{path}': {error.strerror or error}.") from error
    except ValueError as error:
        raise DatasetError(f"The case '{path}' is not a JSON file: {error}.") from error
    values = cast("dict[str, Any]", content) if isinstance(content, dict) else {}
    for key in ("config", "state_dict_shapes"):
        if not isinstance(values.get(key), dict):
            raise DatasetError(f"The case '{path}' has no '{key}': see tests/parity/golden for examples.")
    return Case(
        config=values["config"],
        state=made_up_state(values["state_dict_shapes"], values.get("overrides", {})),
        settings={key: values[key] for key in values.keys() - {"config", "state_dict_shapes", "overrides"}},
    )


def made_up_state(shapes: Mapping[str, list[int]], overrides: Mapping[str, Any]) -> dict[str, Tensor]:
    arrays = {name: made_up_weight(name, shape) for name, shape in shapes.items()}
    arrays |= {name: np.asarray(value, dtype=np.float32) for name, value in overrides.items()}
    return {name: torch.from_numpy(array) for name, array in arrays.items()}


def read_inputs(path: Path) -> Inputs:
    """Raises: DatasetError if the file is not an archive of plain arrays."""
    try:
        with path.open("rb") as file, np.load(file, allow_pickle=False) as archive:
            return Inputs({name: archive[name] for name in archive.files})
    except OSError as error:
        raise DatasetError(f"Cannot read the inputs '{path}': {error.strerror or error}.") from error
    except (ValueError, TypeError, EOFError, zipfile.BadZipFile) as error:
        raise DatasetError(f"The inputs '{path}' are not an .npz archive of plain arrays.") from error
