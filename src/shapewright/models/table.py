"""The table of named models."""

import difflib
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from urllib.parse import urlsplit

from shapewright.cache import cache_folder
from shapewright.errors import ModelError

__all__ = ["MODELS", "NamedModel", "RemoteFile", "find_model", "named_models", "published_file"]

SHIPPED = Path(__file__).parents[1] / "weights"


@dataclass(frozen=True, kw_only=True)
class RemoteFile:
    """A file elsewhere, with the SHA-256 it must have; None where none is published.

    `about_bytes` is four bytes for each parameter of the network in it: such files hold little else.
    """

    url: str
    sha256: str | None = None
    about_bytes: int

    @property
    def name(self) -> str:
        return Path(urlsplit(self.url).path).name

    @property
    def path(self) -> Path:
        """Where a download of it is kept: models that share a file share the download."""
        family = Path(urlsplit(self.url).path).parent.name
        return cache_folder() / "downloads" / family / self.name


@dataclass(frozen=True, kw_only=True)
class NamedModel:
    """One line of the table: shipped in the package, or made of published files by `shapewright models pull`.

    `needs` names what is loaded at run time from elsewhere.
    """

    name: str
    title: str
    licence: str
    source: str
    files: tuple[RemoteFile, ...] = ()
    needs: str = ""

    @property
    def is_shipped(self) -> bool:
        return not self.files

    @property
    def folder(self) -> Path:
        """The model folder, inside the package or in the cache; there only if `is_usable`."""
        return (SHIPPED if self.is_shipped else cache_folder() / "models") / self.name

    @property
    def about_bytes(self) -> int:
        """Size of the published files; 0 for a shipped model."""
        return sum(file.about_bytes for file in self.files)


def _shap_e(name: str, digest: str, about_bytes: int) -> RemoteFile:
    url = f"https://openaipublic.azureedge.net/main/shap-e/{name}.pt"
    return RemoteFile(url=url, sha256=digest, about_bytes=about_bytes)


def _point_e(name: str, about_bytes: int) -> RemoteFile:
    """No hashes of these are published."""
    url = f"https://openaipublic.azureedge.net/main/point-e/{name}.pt"
    return RemoteFile(url=url, about_bytes=about_bytes)


_TRANSMITTER = _shap_e(
    "transmitter", "af02a0b85a8abdfb3919584b63c540ba175f6ad4790f574a7fef4617e5acdc3b", 1_775_085_428
)
_DECODER = _shap_e(
    "vector_decoder", "d7e7ebbfe3780499ae89b2da5e7c1354012dba5a6abfe295bed42f25c3be1b98", 904_307_480
)
_TEXT_PRIOR = _shap_e(
    "text_cond", "e6b4fa599a7b3c3b16c222d5f5fe56f9db9289ff0b6575fbe5c11bc97106aad4", 1_262_768_128
)
_IMAGE_PRIOR = _shap_e(
    "image_cond", "cb8072c64bbbcf6910488814d212227de5db291780d4ea99c6152f9346cf12aa", 1_263_824_896
)
_UPSAMPLER = _point_e("upsample_40m", 161_882_160)
_SDF = _point_e("sdf", 37_927_940)

# Published files; the decoder is also a part of the transmitter, so that no model needs it.
PUBLISHED_FILES = (_TRANSMITTER, _DECODER, _TEXT_PRIOR, _IMAGE_PRIOR)

CLIP = "CLIP ViT-L/14 (openai/clip-vit-large-patch14 on the Hugging Face hub), loaded when it is first used"

_openai = partial(NamedModel, licence="MIT", source="Jun and Nichol, Shap-E (arXiv 2305.02463)", needs=CLIP)


def _points(name: str, title: str, file: str, about_bytes: int, *, needs: str = CLIP) -> NamedModel:
    return NamedModel(
        name=f"point-e/{name}",
        title=f"{title}; with upsampler and points to mesh",
        licence="MIT",
        source="Nichol et al., Point-E (arXiv 2212.08751)",
        files=(_point_e(file, about_bytes), _UPSAMPLER, _SDF),
        needs=needs,
    )


MODELS: tuple[NamedModel, ...] = (
    NamedModel(
        name="homeware",
        title="Small text-to-3D model of household objects, trained by this package and shipped in it",
        licence="MIT (weights); the models it was trained on are CC0 and CC-BY, see its README.md",
        source="shapewright train, on Sweet Home 3D's furniture library",
    ),
    _openai(
        name="openai/shap-e",
        title="The published text-to-3D model: encoder, decoder and text prior (300M)",
        files=(_TRANSMITTER, _TEXT_PRIOR),
    ),
    _openai(
        name="openai/shap-e-img2img",
        title="The published image-to-3D model: encoder, decoder and image prior (300M)",
        files=(_TRANSMITTER, _IMAGE_PRIOR),
    ),
    _points("base40M-imagevec", "Image's vector to points (40M)", "base_40m_imagevec", 161_335_344),
    _points("base40M-textvec", "Text to points (40M)", "base_40m_textvec", 161_335_344),
    _points("base40M-uncond", "Points of anything (40M)", "base_40m_uncond", 159_760_432, needs=""),
    _points("base40M", "Image to points (40M)", "base_40m", 161_867_824),
    _points("base300M", "Image to points (300M)", "base_300m", 1_247_113_264),
    _points("base1B", "Image to points (1B)", "base_1b", 4_977_246_256),
)


def named_models() -> tuple[NamedModel, ...]:
    """All of them, in the order of the table."""
    return MODELS


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


def published_file(digest: str) -> RemoteFile | None:
    """The published file with that SHA-256, if it is one."""
    return next((file for file in PUBLISHED_FILES if file.sha256 == digest), None)
