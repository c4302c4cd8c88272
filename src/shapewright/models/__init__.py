"""Named models: where their weights come from, what they hash to, their licences, where they are."""

from shapewright.downloads import sha256
from shapewright.models.cached import (
    CONFIG_FILE,
    POINTS_FORMAT,
    WEIGHTS_FILE,
    folder_format,
    is_usable,
    locate,
    pull_lock,
    remove,
    status,
    stored_bytes,
)
from shapewright.models.table import NamedModel, RemoteFile, find_model, named_models, published_file

__all__ = [
    "CONFIG_FILE",
    "POINTS_FORMAT",
    "WEIGHTS_FILE",
    "NamedModel",
    "RemoteFile",
    "find_model",
    "folder_format",
    "is_usable",
    "locate",
    "named_models",
    "published_file",
    "pull_lock",
    "remove",
    "sha256",
    "status",
    "stored_bytes",
]
