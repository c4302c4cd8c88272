"""`shapewright models list|info`: which models there are and what is known of them."""

from dataclasses import dataclass
from typing import Annotated, Any

import tyro
from tyro.conf import Positional, arg

from shapewright.apps.cli.command import Command
from shapewright.apps.cli.terminal import Terminal
from shapewright.errors import ModelError
from shapewright.models import CONFIG_FILE, MODELS, WEIGHTS_FILE, NamedModel, find_model, locate, sha256

__all__ = ["Models"]


@dataclass(frozen=True, kw_only=True)
class ListModels(Command):
    """List the models by name."""

    def run(self, terminal: Terminal) -> None:
        """Print the table."""
        rows = [_summary(model) for model in MODELS]
        lines = [f"{row['name']:<24}{row['status']:<18}{row['title']}" for row in rows]
        terminal.result({"models": rows}, "\n".join(lines))


@dataclass(frozen=True, kw_only=True)
class ModelInfo(Command):
    """Show what is known of one model: source, licence, files with their hashes."""

    name: Annotated[Positional[str], arg(metavar="MODEL")]
    """A name from `shapewright models list`, or a model folder."""

    def run(self, terminal: Terminal) -> None:
        """Print the model's entry and its files."""
        facts = _facts(self.name)
        lines = [f"{key + ':':<10}{value}" for key, value in facts.items() if key != "files"]
        for file in facts["files"]:
            lines += [f"{'file:':<10}{file['path']}", f"{'':<10}sha256 {file['sha256']}"]
        terminal.result(facts, "\n".join(lines))


@dataclass(frozen=True, kw_only=True)
class Models(Command):
    """See which models can be used."""

    command: (
        Annotated[ListModels, tyro.conf.subcommand("list")]
        | Annotated[ModelInfo, tyro.conf.subcommand("info")]
    )

    json: tyro.conf.Suppress[bool] = False

    def run(self, terminal: Terminal) -> None:
        """Hand over to the subcommand."""
        self.command.run(Terminal(as_json=self.command.json))


def _summary(model: NamedModel) -> dict[str, Any]:
    status = "shipped" if model.is_usable else "not loadable yet" if model.folder is None else "missing"
    return {"name": model.name, "status": status, "title": model.title, "licence": model.licence}


def _facts(name: str) -> dict[str, Any]:
    try:
        model = find_model(name)
    except ModelError:
        folder = locate(name)  # says what is wrong if it is no model folder either
        return {"name": name, "status": "model folder", "files": _files(folder)}
    facts = {**_summary(model), "source": model.source}
    if model.folder is None:
        return {**facts, "files": [{"path": file.url, "sha256": file.sha256} for file in model.files]}
    return {**facts, "files": _files(locate(name)) if model.is_usable else []}


def _files(folder: Any) -> list[dict[str, str]]:
    paths = (folder / CONFIG_FILE, folder / WEIGHTS_FILE)
    return [{"path": str(path), "sha256": sha256(path)} for path in paths]
