"""`shapewright data`: real 3D models to a data set that training reads."""

import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Literal

import tyro
from tyro.conf import Positional, arg

from shapewright.apps.cli.command import AnyInt, AnyPath, AnyText, Command, Engine
from shapewright.apps.cli.outputs import check_suffix
from shapewright.apps.cli.terminal import Terminal, duration
from shapewright.atomic_file import check_writable, replacing
from shapewright.errors import ConfigError, DatasetError

__all__ = ["Data"]

# Measured on one thread of a 2-core machine (median assets of the furniture library).
SECONDS_PER_ASSET = {"tiny": 0.3, "homeware": 2.0, "paper": 15.0}


@dataclass(frozen=True, kw_only=True)
class Fetch(Command):
    """Get the source files of a data set. Nothing is installed."""

    source: Annotated[Positional[Literal["sweethome3d"]], arg(metavar="SOURCE")]
    """sweethome3d: 820 household models (CC0 and CC-BY), as Debian packages them."""
    out: AnyPath = None
    """Folder for the files; the user's cache if not given."""

    def run(self, terminal: Terminal) -> None:
        """Download, or find that it was done."""
        from shapewright.cache import cache_folder
        from shapewright.dataset.sweethome3d import DEBIAN_PACKAGE, fetch_sweethome3d

        out = self.out or cache_folder() / self.source
        terminal.say(f"Getting Debian's package {DEBIAN_PACKAGE} (120 MB) into '{out}': a minute or so.")
        fetch_sweethome3d(out)
        files = sorted(str(path) for path in out.glob("*.sh3f"))
        terminal.result({"folder": str(out), "files": files}, "\n".join(files))


@dataclass(frozen=True, kw_only=True)
class Build(Command):
    """Turn models into records: points, views, field targets, captions. Goes on where it was stopped."""

    path: Annotated[Positional[Path | None], arg(metavar="PATH")] = None
    """The folder of models (with --source folder), or of .sh3f files; not needed for a fetched source."""
    source: Literal["sweethome3d", "folder"] = "folder"
    """folder: GLB, GLTF, OBJ, PLY, STL, OFF, 3MF, and a captions.csv (file, caption) if there is one."""
    out: Path
    """Folder of the data set: WebDataset shards and index.json."""
    recipe: Literal["tiny", "homeware", "paper"] = "homeware"
    """How many points, views and targets each asset gets."""
    workers: int = field(default_factory=lambda: os.cpu_count() or 1)
    """Processes; with --engine ray and no --address, CPUs of this machine that Ray may use."""
    engine: Engine = "local"
    """local: processes of this machine. ray: tasks on a Ray cluster (pip install 'shapewright[ray]')."""
    address: AnyText = None
    """A running Ray cluster, HOST:PORT or auto. PATH and --out must be on storage that its machines share."""
    limit: AnyInt = None
    """Only the first so many assets, for a quick look."""

    def __post_init__(self) -> None:
        if self.workers < 1:
            raise ConfigError(f"--workers must be at least 1, not {self.workers}.")
        if self.limit is not None and self.limit < 1:
            raise ConfigError(f"--limit must be at least 1, not {self.limit}.")

    def run(self, terminal: Terminal) -> None:
        """Read the source, then build what is missing."""
        from shapewright.dataset.build import build_dataset
        from shapewright.dataset.recipes import RECIPES
        from shapewright.dataset.sources import read_source
        from shapewright.engine import open_engine

        terminal.say(f"Reading the source '{self.source}'.")
        assets = read_source(self.source, self.path)[: self.limit]
        place = f"on {self.workers} processes" if self.engine == "local" else "on a Ray cluster"
        seconds = SECONDS_PER_ASSET[self.recipe] * len(assets) / self.workers
        terminal.say(
            f"Building {len(assets)} assets with recipe '{self.recipe}' into '{self.out}' {place}: "
            f"about {duration(seconds)} of {self.workers} CPUs from the start; it may be stopped and resumed."
        )
        with (
            open_engine(self.engine, workers=self.workers, address=self.address) as engine,
            terminal.progress("Building") as advance,
        ):
            summary = build_dataset(
                assets,
                RECIPES[self.recipe](),
                self.out,
                engine=engine,
                progress=lambda stage, done, total: advance(done, total, stage),
            )
        facts = {"folder": str(self.out), "records": summary.records, "skipped": summary.skipped}
        lines = [f"skipped {name}: {reason}" for name, reason in summary.skipped.items()]
        terminal.result(facts, "\n".join([*lines, f"{self.out}: {summary.records} records"]))


@dataclass(frozen=True, kw_only=True)
class Credits(Command):
    """Write who made the assets of a data set, and under which licences, as a Markdown page."""

    data: Path
    """Folder of a data set."""
    output: Path
    """The page to write."""

    def run(self, terminal: Terminal) -> None:
        """Read the index, write the page."""
        check_writable(self.output)

        from shapewright.dataset.attribution import attribution_markdown

        text = attribution_markdown(self.data)
        with replacing(self.output) as temporary:
            temporary.write_text(text, encoding="utf-8")
        terminal.result({"page": str(self.output)}, str(self.output))


@dataclass(frozen=True, kw_only=True)
class Lexicon(Command):
    """Write the names that a data set has in other languages, with their English, for prompts."""

    data: Path
    """Folder of a data set."""
    output: Path
    """The lexicon, a .json.gz."""

    def run(self, terminal: Terminal) -> None:
        """Read the index, write the lexicon."""
        check_suffix(self.output, (".gz",), "--output")
        check_writable(self.output)

        from shapewright.conditioning.lexicon import build_lexicon, write_lexicon
        from shapewright.dataset.loader import read_index

        records = read_index(self.data)["records"]
        names = [
            (caption["language"], caption["text"], record["nouns"][0])
            for record in records
            for caption in record["captions"]
            if caption["language"] != "en" and record["nouns"]
        ]
        if not names:
            raise DatasetError(f"The captions of {self.data} are all in English.")
        lexicon = build_lexicon(names)
        write_lexicon(lexicon, self.output)
        facts = {"lexicon": str(self.output), "names": {k: len(v) for k, v in lexicon.names.items()}}
        terminal.result(facts, f"{self.output}: {len(names)} names in {len(lexicon.names)} languages")


@dataclass(frozen=True, kw_only=True)
class Data(Command):
    """Fetch 3D models and build data sets of them."""

    command: (
        Annotated[Fetch, tyro.conf.subcommand("fetch")]
        | Annotated[Build, tyro.conf.subcommand("build")]
        | Annotated[Credits, tyro.conf.subcommand("credits")]
        | Annotated[Lexicon, tyro.conf.subcommand("lexicon")]
    )

    json: tyro.conf.Suppress[bool] = False

    def run(self, terminal: Terminal) -> None:
        """Hand over to the subcommand."""
        self.command.run(Terminal(as_json=self.command.json))
