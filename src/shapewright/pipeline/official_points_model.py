"""A Point-E model as the published files: a base, and an upsampler and an SDF network where they are there.

No settings were published beside these files: their names say what they hold.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from torch import nn

from shapewright.atomic_file import replacing
from shapewright.errors import ModelError
from shapewright.interop.official_files import read_state
from shapewright.interop.official_names import from_official, to_official
from shapewright.interop.official_points import with_stored_scaling
from shapewright.pipeline.pointe_folder import PointEConfig, PointEModel
from shapewright.pointe import PUBLISHED_SDF, PUBLISHED_STAGES, PointCloudSdf, PointPrior

__all__ = ["is_points_file", "points_files", "read_points_model", "write_points_model"]

UPSAMPLER, SDF = "upsample_40m", "sdf"
# The published files of the bases: which network each holds, and what encodes its condition.
BASES: dict[str, tuple[str, dict[str, Any]]] = {
    "base_40m_imagevec": ("base40M-imagevec", {"image": "clip"}),
    "base_40m_textvec": ("base40M-textvec", {"text": "clip"}),
    "base_40m_uncond": ("base40M-uncond", {}),
    "base_40m": ("base40M", {"image": "clip"}),
    "base_300m": ("base300M", {"image": "clip"}),
    "base_1b": ("base1B", {"image": "clip"}),
}


def is_points_file(path: Path) -> bool:
    """Whether a file is called like one of Point-E's."""
    return path.suffix == ".pt" and path.stem in {*BASES, UPSAMPLER, SDF}


def points_files(source: Sequence[Path]) -> dict[str, Path]:
    """The Point-E files among `source` (files, or folders of them) by their published names.

    Raises: ModelError unless there is exactly one base.
    """
    places = [
        path for place in source for path in (sorted(place.glob("*.pt")) if place.is_dir() else [place])
    ]
    found = {path.stem: path for path in places if is_points_file(path)}
    bases = sorted(BASES.keys() & found.keys())
    if len(bases) != 1:
        shown = ", ".join(f"'{place}'" for place in source)
        raise ModelError(
            f"A Point-E model has one base, but there are {len(bases)} in {shown}"
            f"{' (' + ', '.join(bases) + ')' if bases else ''}: name one, with upsample_40m.pt and sdf.pt."
        )
    return found


def read_points_model(files: dict[str, Path], name: str) -> PointEModel:
    """The model in published files, with the sampling settings of their authors; fp32.

    Raises: ModelError for a file that is damaged or does not hold the network that its name says.
    """
    (base_name,) = BASES.keys() & files.keys()
    stage, conditions = BASES[base_name]
    base = read_stage(files[base_name], stage)
    upsampler = read_stage(files[UPSAMPLER], "upsample") if UPSAMPLER in files else None
    sdf = PointCloudSdf(PUBLISHED_SDF) if SDF in files else None
    if sdf is not None:
        fill(sdf, files[SDF])
    config = PointEConfig(
        name=name,
        base=base.stage,
        upsampler=None if upsampler is None else upsampler.stage,
        sdf=None if sdf is None else sdf.config,
        **conditions,
    )
    return PointEModel(config=config, base=base, upsampler=upsampler, sdf=sdf)


def read_stage(path: Path, published: str) -> PointPrior:
    """A base or an upsampler, whose scaling of coarse points the file may hold. Raises: ModelError."""
    network = PointPrior(with_stored_scaling(PUBLISHED_STAGES[published], read_state(path)))
    fill(network, path)
    return network.eval()


def fill(network: PointPrior | PointCloudSdf, path: Path) -> None:
    try:
        from_official(network, read_state(path))
    except ModelError as error:
        raise ModelError(f"'{path}': {error}") from error


def write_points_model(model: PointEModel, folder: Path, *, dtype: torch.dtype = torch.float32) -> None:
    """Write the networks into `folder` as files of the published names, for the published code.

    Raises: ModelError for a base of other sizes than the published ones; OutputError.
    """
    networks: dict[str, nn.Module | None] = {
        base_file(model.config): model.base,
        UPSAMPLER: model.upsampler,
        SDF: model.sdf,
    }
    for name, network in networks.items():
        if network is not None:
            assert isinstance(network, PointPrior | PointCloudSdf)
            state = to_official(network)
            with replacing(folder / f"{name}.pt") as temporary:
                torch.save({key: value.detach().to("cpu", dtype) for key, value in state.items()}, temporary)


def base_file(config: PointEConfig) -> str:
    """The published name of the file that holds such a base. Raises: ModelError."""
    encoders = {"text": config.text, "image": config.image}
    conditions = {kind: encoder for kind, encoder in encoders.items() if encoder is not None}
    for file, (stage, given) in BASES.items():
        if PUBLISHED_STAGES[stage].prior == config.base.prior and given == conditions:
            return file
    raise ModelError(f"The base of '{config.name}' has not the sizes of any published one.")
