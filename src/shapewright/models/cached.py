"""Named models on this machine: found, counted, removed."""

import json
import shutil
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

from shapewright.cache import cache_folder
from shapewright.downloads import Waiting, locked, people_size
from shapewright.errors import ModelError, OutputError
from shapewright.models.table import NamedModel, find_model, named_models

__all__ = [
    "CONFIG_FILE",
    "POINTS_FORMAT",
    "WEIGHTS_FILE",
    "folder_format",
    "is_usable",
    "locate",
    "pull_lock",
    "remove",
    "status",
    "stored_bytes",
]

CONFIG_FILE = "config.json"
WEIGHTS_FILE = "model.safetensors"
# The folder of a Point-E model, which draws points where the others draw latents.
POINTS_FORMAT = "shapewright-pointe-1"


def locate(name: str | Path) -> Path:
    """The model folder behind a name, or `name` itself if it is a folder.

    Raises: ModelError for an unknown name, one that has not been pulled, or a
    folder without a model in it.
    """
    if Path(name).is_dir():
        return _complete(Path(name))
    model = find_model(str(name))
    if not model.is_shipped and not is_usable(model):
        size = people_size(model.about_bytes)
        raise ModelError(
            f"'{model.name}' is not on this machine yet: run 'shapewright models pull {model.name}' once "
            f"(it downloads {size})."
        )
    return _complete(model.folder)


def folder_format(name: str | Path) -> str:
    """What the config of a model folder or a named model says it is; empty if there is no readable one."""
    named = {model.name: model.folder for model in named_models()}
    folder = Path(name) if Path(name).is_dir() else named.get(str(name), Path(name))
    try:
        content = json.loads((folder / CONFIG_FILE).read_text(encoding="utf-8"))
    except (OSError, ValueError):  # whoever opens the folder says what is wrong with it
        return ""
    return str(content.get("format", "")) if isinstance(content, dict) else ""


def is_usable(model: NamedModel) -> bool:
    """Whether `Pipeline.from_pretrained(name)` works here and now."""
    return all((model.folder / name).is_file() for name in (CONFIG_FILE, WEIGHTS_FILE))


def status(model: NamedModel) -> str:
    """One of: shipped, pulled, not pulled, missing (should ship, but does not)."""
    if model.is_shipped:
        return "shipped" if is_usable(model) else "missing"
    return "pulled" if is_usable(model) else "not pulled"


def stored_bytes(model: NamedModel) -> int:
    """What the model takes on this machine, its kept downloads included."""
    return sum(path.stat().st_size for path in _stored_files(model))


def remove(name: str) -> int:
    """Delete a pulled model, its kept and its half-finished downloads; returns how many bytes that freed.

    Recorded hashes of downloads without a published one stay, so that later downloads must agree with them.
    Raises: ModelError for a model that ships or is not in the cache; OutputError if it cannot be deleted.
    """
    model = find_model(name)
    if model.is_shipped:
        raise ModelError(f"'{name}' ships with the package and is not removed; uninstalling that does it.")
    if not _stored_files(model):
        raise ModelError(f"'{name}' is not in the cache '{cache_folder()}': there is nothing to remove.")
    with pull_lock():
        freed = stored_bytes(model)
        try:
            for path in _stored_files(model):
                path.unlink()
            shutil.rmtree(model.folder, ignore_errors=True)
        except OSError as error:
            raise OutputError(
                f"Cannot delete '{name}': {error.strerror or error} in '{model.folder}'."
            ) from error
    return freed


@contextmanager
def pull_lock(waiting: Waiting | None = None) -> Generator[None]:
    """Within this, nobody else pulls or removes models: some share their downloads.

    Raises: OutputError if the cache cannot be written.
    """
    place = cache_folder() / "models"
    try:
        place.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise OutputError(f"Cannot write '{place}': {error.strerror or error}.") from error
    with locked(place / "pull", waiting):
        yield


def _stored_files(model: NamedModel) -> list[Path]:
    files = [path for path in model.folder.rglob("*") if path.is_file()]
    for remote in model.files:
        downloads = [remote.path.with_name(remote.name + end) for end in ("", ".part", ".part.json")]
        files += [path for path in downloads if path.is_file()]
    return files


def _complete(folder: Path) -> Path:
    for name in (CONFIG_FILE, WEIGHTS_FILE):
        if not (folder / name).is_file():
            raise ModelError(
                f"'{folder}' is not a model folder: it has no {name}; "
                f"a model folder holds {CONFIG_FILE} and {WEIGHTS_FILE}."
            )
    return folder
