"""Models from one form of files into another.

Two tables hold the forms: `KINDS`, what a source may be, the first that recognises it; and `WRITERS`, what a
model can be written as. A kind whose models are not of the class `Model` brings its own writers.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import torch

from shapewright.atomic_file import new_folder
from shapewright.errors import ModelError
from shapewright.interop.diffusers import model_files
from shapewright.models import CONFIG_FILE, POINTS_FORMAT, WEIGHTS_FILE, folder_format
from shapewright.pipeline.clip_source import folder_of_clip, with_clip
from shapewright.pipeline.diffusers_folder import (
    is_diffusers_folder,
    model_from_diffusers,
    model_to_diffusers,
)
from shapewright.pipeline.model_card import converted_card, points_card
from shapewright.pipeline.model_folder import Model, load_model, save_model
from shapewright.pipeline.official_model import (
    PriorKind,
    official_files,
    read_official_model,
    write_official_model,
)
from shapewright.pipeline.official_points_model import (
    is_points_file,
    points_files,
    read_points_model,
    write_points_model,
)
from shapewright.pipeline.pointe_folder import PointEModel, load_points_model, save_points_model

__all__ = ["DTYPES", "KINDS", "WRITERS", "Conversion", "Reading", "SourceKind", "convert", "kind_of_model"]

DTYPES = {"fp32": torch.float32, "fp16": torch.float16, "bf16": torch.bfloat16}
CARD_FILE = "README.md"


@dataclass(frozen=True, kw_only=True)
class Conversion:
    """What is wanted. `out` is an existing, empty folder; `prior` chooses where the source has several."""

    source: tuple[Path, ...]
    out: Path
    name: str
    dtype: torch.dtype
    prior: PriorKind | None = None


@dataclass(frozen=True, kw_only=True)
class Reading:
    """A model, the files it was read from, and its card if it had one."""

    model: Model
    files: tuple[Path, ...]
    card: str | None = None


SourceKindTargets = Mapping[str, Callable[[Conversion], None]]
Read = Callable[[Conversion], Reading]
Write = Callable[[Reading, Conversion], None]


@dataclass(frozen=True, kw_only=True)
class SourceKind:
    """One form that a source may have, and for each target a function that writes `Conversion.out`."""

    title: str
    recognises: Callable[[Sequence[Path]], bool]
    targets: SourceKindTargets


def convert(
    source: Sequence[Path],
    out: Path,
    *,
    to: str = "shapewright",
    dtype: torch.dtype = torch.float32,
    name: str | None = None,
    prior: PriorKind | None = None,
) -> list[Path]:
    """Write the model in `source` (a folder, or files) as the new folder `out`; returns its files.

    The folder appears whole or not at all. name: what the model is called; the folder's name if None.
    Raises: ModelError, ConfigError for a source that is not understood or does not fit; OutputError.
    """
    kind = _kind(source)
    if to not in kind.targets:
        known = ", ".join(kind.targets)
        raise ModelError(f"{kind.title} cannot be written as '{to}'; possible are {known}.")
    with new_folder(out) as folder:
        kind.targets[to](
            Conversion(source=tuple(source), out=folder, name=name or out.name, dtype=dtype, prior=prior)
        )
    return sorted(path for path in out.rglob("*") if path.is_file())


def kind_of_model(title: str, recognises: Callable[[Sequence[Path]], bool], read: Read) -> SourceKind:
    """A form of `Model`s, which can be written as everything in `WRITERS`."""

    def through(write: Write) -> Callable[[Conversion], None]:
        def run(wanted: Conversion) -> None:
            reading = read(wanted)
            renamed = replace(reading.model, config=replace(reading.model.config, name=wanted.name))
            write(replace(reading, model=renamed), wanted)

        return run

    targets = {target: through(write) for target, write in WRITERS.items()}
    return SourceKind(title=title, recognises=recognises, targets=targets)


def _kind(source: Sequence[Path]) -> SourceKind:
    for place in source:
        if not place.exists():
            raise ModelError(f"There is no file or folder '{place}'.")
    for kind in KINDS:
        if kind.recognises(source):
            return kind
    shown, known = ", ".join(f"'{place}'" for place in source), "; ".join(kind.title for kind in KINDS)
    raise ModelError(f"{shown}: not a model that can be converted; known are: {known}.")


def _is_model_folder(source: Sequence[Path]) -> bool:
    return len(source) == 1 and all((source[0] / name).is_file() for name in (CONFIG_FILE, WEIGHTS_FILE))


def _read_model_folder(wanted: Conversion) -> Reading:
    folder = wanted.source[0]
    card = folder / CARD_FILE
    return Reading(
        model=load_model(folder),
        files=(folder / WEIGHTS_FILE,),
        card=card.read_text(encoding="utf-8") if card.is_file() else None,
    )


def _is_official(source: Sequence[Path]) -> bool:
    """Some .pt file; which parts there are is looked at when it is read."""
    return any(any(place.glob("*.pt")) if place.is_dir() else place.suffix == ".pt" for place in source)


def _read_official(wanted: Conversion) -> Reading:
    files = official_files(wanted.source, wanted.prior)
    return Reading(model=read_official_model(files, wanted.name), files=tuple(files.paths))


def _is_diffusers(source: Sequence[Path]) -> bool:
    return len(source) == 1 and is_diffusers_folder(source[0])


def _read_diffusers(wanted: Conversion) -> Reading:
    folder = wanted.source[0]
    return Reading(model=model_from_diffusers(folder), files=tuple(model_files(folder)))


def _write_model_folder(reading: Reading, wanted: Conversion) -> None:
    card = reading.card or converted_card(reading.model, reading.files, dtype=wanted.dtype)
    save_model(wanted.out, with_clip(reading.model, wanted.out), card=card, dtype=wanted.dtype)


def _write_diffusers(reading: Reading, wanted: Conversion) -> None:
    if wanted.dtype is torch.bfloat16:
        raise ModelError("Folders for diffusers are written in fp32 or fp16, not in bf16.")
    clip = folder_of_clip(reading.model.config.clip, reading.model.folder)
    model_to_diffusers(reading.model, wanted.out, clip=clip, fp16=wanted.dtype is torch.float16)


def _write_official(reading: Reading, wanted: Conversion) -> None:
    write_official_model(reading.model, wanted.out, dtype=wanted.dtype)


def _is_points_folder(source: Sequence[Path]) -> bool:
    return len(source) == 1 and folder_format(source[0]) == POINTS_FORMAT


def _are_points_files(source: Sequence[Path]) -> bool:
    """Whether there is any of Point-E's files; which there are is looked at when they are read."""
    return any(
        any(map(is_points_file, place.glob("*.pt"))) if place.is_dir() else is_points_file(place)
        for place in source
    )


def _convert_points(read: Callable[[Conversion], tuple[PointEModel, Sequence[Path]]]) -> SourceKindTargets:
    """The two forms of a Point-E model."""

    def to_folder(wanted: Conversion) -> None:
        model, files = read(wanted)
        model = replace(model, config=replace(model.config, name=wanted.name))
        card = points_card(model, files, dtype=wanted.dtype)
        save_points_model(wanted.out, model, card=card, dtype=wanted.dtype)

    def to_official(wanted: Conversion) -> None:
        write_points_model(read(wanted)[0], wanted.out, dtype=wanted.dtype)

    return {"shapewright": to_folder, "official": to_official}


def _read_points_folder(wanted: Conversion) -> tuple[PointEModel, Sequence[Path]]:
    return load_points_model(wanted.source[0]), (wanted.source[0] / WEIGHTS_FILE,)


def _read_points_files(wanted: Conversion) -> tuple[PointEModel, Sequence[Path]]:
    files = points_files(wanted.source)
    return read_points_model(files, wanted.name), tuple(files.values())


WRITERS: dict[str, Write] = {
    "shapewright": _write_model_folder,
    "official": _write_official,
    "diffusers": _write_diffusers,
}
KINDS: tuple[SourceKind, ...] = (
    SourceKind(
        title="a folder of a Point-E model",
        recognises=_is_points_folder,
        targets=_convert_points(_read_points_folder),
    ),
    SourceKind(
        title="published Point-E files (.pt)",
        recognises=_are_points_files,
        targets=_convert_points(_read_points_files),
    ),
    kind_of_model("a model folder", _is_model_folder, _read_model_folder),
    kind_of_model("a diffusers folder", _is_diffusers, _read_diffusers),
    kind_of_model("published checkpoints (.pt)", _is_official, _read_official),
)
