"""Named models: where their weights come from, what they must hash to, under which licence."""

import difflib
import hashlib
import json
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from shapewright.errors import ModelError

__all__ = [
    "CONFIG_FILE",
    "MODELS",
    "POINTS_FORMAT",
    "WEIGHTS_FILE",
    "NamedModel",
    "RemoteFile",
    "find_model",
    "folder_format",
    "locate",
    "sha256",
]

CONFIG_FILE = "config.json"
WEIGHTS_FILE = "model.safetensors"
# The folder of a Point-E model, which draws points where the others draw latents.
POINTS_FORMAT = "shapewright-pointe-1"
SHIPPED = Path(__file__).parent / "weights"


@dataclass(frozen=True, kw_only=True)
class RemoteFile:
    """A file elsewhere, with the SHA-256 it must have."""

    url: str
    sha256: str


@dataclass(frozen=True, kw_only=True)
class NamedModel:
    """One line of the table: shipped in the package, or known by its published files."""

    name: str
    title: str
    licence: str
    source: str
    files: tuple[RemoteFile, ...] = ()

    @property
    def folder(self) -> Path | None:
        """The model folder inside the package; None for models that do not ship."""
        return None if self.files else SHIPPED / self.name

    @property
    def is_usable(self) -> bool:
        """Whether `Pipeline.from_pretrained(name)` works here and now."""
        return self.folder is not None and (self.folder / WEIGHTS_FILE).is_file()


def _official(name: str, digest: str) -> RemoteFile:
    return RemoteFile(url=f"https://openaipublic.azureedge.net/main/shap-e/{name}.pt", sha256=digest)


_TRANSMITTER = _official("transmitter", "af02a0b85a8abdfb3919584b63c540ba175f6ad4790f574a7fef4617e5acdc3b")
_DECODER = _official("vector_decoder", "d7e7ebbfe3780499ae89b2da5e7c1354012dba5a6abfe295bed42f25c3be1b98")
_TEXT_PRIOR = _official("text_cond", "e6b4fa599a7b3c3b16c222d5f5fe56f9db9289ff0b6575fbe5c11bc97106aad4")
_IMAGE_PRIOR = _official("image_cond", "cb8072c64bbbcf6910488814d212227de5db291780d4ea99c6152f9346cf12aa")

_published = partial(NamedModel, licence="MIT", source="Jun and Nichol, Shap-E (arXiv 2305.02463)")

MODELS: tuple[NamedModel, ...] = (
    NamedModel(
        name="homeware",
        title="Small text-to-3D model of household objects, trained by this package and shipped in it",
        licence="MIT (weights); the models it was trained on are CC0 and CC-BY, see its README.md",
        source="shapewright train, on Sweet Home 3D's furniture library",
    ),
    _published(
        name="openai/shap-e",
        title="The published text-to-3D model: encoder, decoder and text prior (300M)",
        files=(_TRANSMITTER, _DECODER, _TEXT_PRIOR),
    ),
    _published(
        name="openai/shap-e-img2img",
        title="The published image-to-3D model: encoder, decoder and image prior (300M)",
        files=(_TRANSMITTER, _DECODER, _IMAGE_PRIOR),
    ),
)


def find_model(name: str) -> NamedModel:
    """The table's entry of that name. Raises: ModelError, with the nearest name."""
    for model in MODELS:
        if model.name == name:
            return model
    names = [model.name for model in MODELS]
    close = difflib.get_close_matches(name, names, n=1)
    hint = (
        f"did you mean '{close[0]}'?" if close else f"known are {', '.join(names)}, or give a model folder."
    )
    raise ModelError(f"There is no model or model folder '{name}'; {hint}")


def locate(name: str | Path) -> Path:
    """The model folder behind a name, or `name` itself if it is a folder.

    Raises: ModelError for an unknown name, one this version cannot load, or a folder without a model in it.
    """
    if Path(name).is_dir():
        return _complete(Path(name))
    model = find_model(str(name))
    if model.folder is None:
        usable = ", ".join(f"'{other.name}'" for other in MODELS if other.folder is not None)
        raise ModelError(f"This version cannot load '{model.name}' yet; use {usable} or a model folder.")
    return _complete(model.folder)


def folder_format(name: str | Path) -> str:
    """What the config of a model folder says it is; empty if `name` is no folder with a readable one."""
    try:
        content = json.loads((Path(name) / CONFIG_FILE).read_text(encoding="utf-8"))
    except (OSError, ValueError):  # whoever opens the folder says what is wrong with it
        return ""
    return str(content.get("format", "")) if isinstance(content, dict) else ""


def _complete(folder: Path) -> Path:
    for name in (CONFIG_FILE, WEIGHTS_FILE):
        if not (folder / name).is_file():
            raise ModelError(
                f"'{folder}' is not a model folder: it has no {name}; "
                f"a model folder holds {CONFIG_FILE} and {WEIGHTS_FILE}."
            )
    return folder


def sha256(path: Path) -> str:
    """The SHA-256 of a file, in hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
