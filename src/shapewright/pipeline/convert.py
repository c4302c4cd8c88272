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
from shapewright.models import CONFIG_FILE, WEIGHTS_FILE
from shapewright.pipeline.model_card import converted_card
from shapewright.pipeline.model_folder import Model, load_model, save_model
from shapewright.pipeline.official_model import (
    PriorKind,
    official_files,
    read_official_model,
    write_official_model,
)

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


Read = Callable[[Conversion], Reading]
Write = Callable[[Reading, Conversion], None]


@dataclass(frozen=True, kw_only=True)
class SourceKind:
    """One form that a source may have, and for each target a function that writes `Conversion.out`."""

    title: str
    recognises: Callable[[Sequence[Path]], bool]
    targets: Mapping[str, Callable[[Conversion], None]]


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


def _write_model_folder(reading: Reading, wanted: Conversion) -> None:
    card = reading.card or converted_card(reading.model, reading.files, dtype=wanted.dtype)
    save_model(wanted.out, reading.model, card=card, dtype=wanted.dtype)


def _write_official(reading: Reading, wanted: Conversion) -> None:
    write_official_model(reading.model, wanted.out, dtype=wanted.dtype)


WRITERS: dict[str, Write] = {"shapewright": _write_model_folder, "official": _write_official}
KINDS: tuple[SourceKind, ...] = (
    kind_of_model("a model folder", _is_model_folder, _read_model_folder),
    kind_of_model("published checkpoints (.pt)", _is_official, _read_official),
)
