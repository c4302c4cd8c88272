"""`shapewright models list|info|pull|convert|remove`: which models there are, and making them usable."""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal

import tyro
from tyro.conf import Positional, arg

from shapewright.apps.cli.command import AnyText, Command
from shapewright.apps.cli.terminal import Terminal, duration
from shapewright.atomic_file import check_new_folder
from shapewright.downloads import people_size
from shapewright.errors import ModelError
from shapewright.models import (
    CONFIG_FILE,
    WEIGHTS_FILE,
    NamedModel,
    find_model,
    is_usable,
    locate,
    named_models,
    remove,
    sha256,
    status,
    stored_bytes,
)

__all__ = ["Models"]

Dtype = Literal["fp32", "fp16", "bf16"]
Target = Literal["shapewright", "official", "diffusers"]
# Measured with 0.76 GB on one thread of a busy machine, hashing included.
CONVERTED_BYTES_PER_SECOND = 100e6


@dataclass(frozen=True, kw_only=True)
class ListModels(Command):
    """List the models by name."""

    def run(self, terminal: Terminal) -> None:
        """Print the table."""
        rows = [_summary(model) for model in named_models()]
        lines = [
            f"{row['name']:<26}{row['status']:<18}{people_size(row['bytes']):>9}  "
            f"{_short(row['licence'])}  {row['title']}. Source: {row['source']}."
            for row in rows
        ]
        terminal.result({"models": rows}, "\n".join(lines))


@dataclass(frozen=True, kw_only=True)
class ModelInfo(Command):
    """Show what is known of one model: source, licence, size, what it needs, files with their hashes."""

    name: Annotated[Positional[str], arg(metavar="MODEL")]
    """A name from `shapewright models list`, or a model folder."""

    def run(self, terminal: Terminal) -> None:
        """Print the model's entry and its files."""
        facts = _facts(self.name)
        shown = {key: value for key, value in facts.items() if key != "files" and value not in ("", None)}
        if "bytes" in shown:
            shown["bytes"] = f"{shown['bytes']:,}"
        lines = [f"{key + ':':<10}{value}" for key, value in shown.items()]
        for file in facts["files"]:
            lines += [f"{'file:':<10}{file['path']}", f"{'':<10}sha256 {file['sha256'] or 'not published'}"]
        terminal.result(facts, "\n".join(lines))


@dataclass(frozen=True, kw_only=True)
class Pull(Command):
    """Make a published model usable: download, verify and convert its files. Goes on where it stopped."""

    name: Annotated[Positional[str], arg(metavar="MODEL")]
    """A name from `shapewright models list`."""
    source: Annotated[Path | None, arg(name="from", metavar="PATH", help_behavior_hint="")] = None
    """Take the files from this folder (or file) instead of the network."""
    keep_files: bool = False
    """Keep the downloaded files beside what is made of them."""
    dtype: Dtype = "fp32"
    """What the weights are stored as; fp16 and bf16 halve the size and round the weights."""

    def run(self, terminal: Terminal) -> None:
        """Download or take what is there, verify, convert; nothing is done if the model is there."""
        model = find_model(self.name)

        from shapewright.pipeline.convert import DTYPES
        from shapewright.pipeline.pull import pull

        if is_usable(model):
            terminal.say(f"'{self.name}' is there already: nothing to do.")
        else:
            terminal.say(self._plan(model))
        with terminal.progress(f"Getting {self.name}, MB") as advance:
            try:
                pulled = pull(
                    self.name,
                    source=self.source,
                    keep_files=self.keep_files,
                    dtype=DTYPES[self.dtype],
                    progress=lambda file, done, total: advance(done // 10**6, total // 10**6, file),
                    waiting=terminal.say,
                )
            except KeyboardInterrupt:
                terminal.say("What was downloaded is kept: the same command goes on there.")
                raise
        facts = {
            "name": self.name,
            "folder": str(pulled.folder),
            "was_there": pulled.was_there,
            "sha256": dict(pulled.hashes),
        }
        lines = [f"{name}: sha256 {digest}" for name, digest in pulled.hashes.items()]
        terminal.result(facts, "\n".join([*lines, str(pulled.folder)]))

    def _plan(self, model: NamedModel) -> str:
        size = people_size(model.about_bytes)
        how = f"Downloading {size}" if self.source is None else f"Taking {size} from '{self.source}'"
        needs = f" At run time it also needs {model.needs}." if model.needs else ""
        time = _conversion_time(model.about_bytes)
        return f"{how} into '{model.folder}', then converting it on the CPU ({time}).{needs}"


@dataclass(frozen=True, kw_only=True)
class Convert(Command):
    """Convert a model: published .pt files or a folder for diffusers into a model folder, or back."""

    source: Annotated[Positional[tuple[Path, ...]], arg(metavar="SOURCE ...")]
    """A model folder, one for diffusers, or published files such as transmitter.pt or a folder of them."""
    out: Path
    """The new folder."""
    to: Target = "shapewright"
    """shapewright: a model folder; official: .pt files with their YAML; diffusers: for its pipelines."""
    dtype: Dtype = "fp32"
    """What the weights are stored as; fp16 and bf16 halve the size and round the weights."""
    name: AnyText = None
    """What the model is called; the new folder's name if not given."""
    prior: Annotated[Literal["text", "image"] | None, arg(metavar="{text,image}", help_behavior_hint="")] = (
        None
    )
    """Which prior, where the source has both."""

    def run(self, terminal: Terminal) -> None:
        """Check the place, then read, convert and write."""
        if not self.source:
            raise ModelError("No SOURCE was given: name a model folder, or published files.")
        check_new_folder(self.out)

        from shapewright.pipeline.convert import DTYPES, convert

        size = sum(path.stat().st_size for place in self.source for path in _weights_in(place))
        terminal.say(
            f"Converting {people_size(size)} on the CPU into '{self.out}': {_conversion_time(size)}."
        )
        files = convert(
            self.source,
            self.out,
            to=self.to,
            dtype=DTYPES[self.dtype],
            name=self.name,
            prior=self.prior,
        )
        names = [str(path) for path in files]
        terminal.result({"folder": str(self.out), "files": names}, "\n".join(names))


@dataclass(frozen=True, kw_only=True)
class Remove(Command):
    """Delete a pulled model from the cache, with what is left of its downloads."""

    name: Annotated[Positional[str], arg(metavar="MODEL")]
    """A name from `shapewright models list`."""

    def run(self, terminal: Terminal) -> None:
        """Delete, and say how much room that made."""
        freed = remove(self.name)
        terminal.result(
            {"name": self.name, "freed_bytes": freed}, f"{self.name}: removed, {freed:,} bytes freed"
        )


@dataclass(frozen=True, kw_only=True)
class Models(Command):
    """See which models can be used; get, convert and remove them."""

    command: (
        Annotated[ListModels, tyro.conf.subcommand("list")]
        | Annotated[ModelInfo, tyro.conf.subcommand("info")]
        | Annotated[Pull, tyro.conf.subcommand("pull")]
        | Annotated[Convert, tyro.conf.subcommand("convert")]
        | Annotated[Remove, tyro.conf.subcommand("remove")]
    )

    json: tyro.conf.Suppress[bool] = False

    def run(self, terminal: Terminal) -> None:
        """Hand over to the subcommand."""
        self.command.run(Terminal(as_json=self.command.json))


def _summary(model: NamedModel) -> dict[str, Any]:
    """`bytes`: what it takes here, or about what would have to be downloaded."""
    return {
        "name": model.name,
        "status": status(model),
        "bytes": stored_bytes(model) or model.about_bytes,
        "title": model.title,
        "licence": model.licence,
        "source": model.source,
        "needs": model.needs,
    }


def _facts(name: str) -> dict[str, Any]:
    try:
        model = find_model(name)
    except ModelError:
        folder = locate(name)  # says what is wrong if it is no model folder either
        return {"name": name, "status": "model folder", "folder": str(folder), "files": _files(folder)}
    facts = {**_summary(model), "folder": str(model.folder) if is_usable(model) else None}
    published = [{"path": file.url, "sha256": file.sha256} for file in model.files]
    return {**facts, "files": published + (_files(model.folder) if is_usable(model) else [])}


def _files(folder: Path) -> list[dict[str, str | None]]:
    paths = (folder / CONFIG_FILE, folder / WEIGHTS_FILE)
    return [{"path": str(path), "sha256": sha256(path)} for path in paths]


def _weights_in(place: Path) -> list[Path]:
    return [path for path in (place.iterdir() if place.is_dir() else [place]) if path.is_file()]


def _conversion_time(size_bytes: int) -> str:
    return f"about {duration(size_bytes / CONVERTED_BYTES_PER_SECOND)}"


def _short(licence: str) -> str:
    """The licence's name, without what is said about it."""
    return licence.partition(" ")[0].rstrip(";,")
