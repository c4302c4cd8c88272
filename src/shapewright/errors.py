"""Everything a user can cause, as one tree.

ShapewrightError
└── UserError               exit code 2, one sentence: what was wrong, what was expected, what to do
    ├── AssetFileError      a 3D file that cannot be read or is not a usable mesh
    ├── DatasetError        a data set folder, shard, catalogue or caption file
    ├── ModelError          an unknown, missing or damaged model
    ├── DownloadError       a file that cannot be fetched, or is not what it should be
    ├── CheckpointError     a training run or checkpoint that cannot be resumed
    ├── EngineError         workers or a cluster that cannot be used
    ├── ConfigError         a setting outside its range, or an unknown one
    ├── PromptError         an empty or unusable prompt
    ├── ImageError          a picture that cannot be read or used as a condition
    ├── EmptySurfaceError   a latent whose field has no surface inside the box
    └── OutputError         a place or format that cannot be written

Mistakes that only the program itself can make are `assert`ed, not raised from here.
"""

__all__ = [
    "AssetFileError",
    "CheckpointError",
    "ConfigError",
    "DatasetError",
    "DownloadError",
    "EmptySurfaceError",
    "EngineError",
    "ImageError",
    "ModelError",
    "OutputError",
    "PromptError",
    "ShapewrightError",
    "UserError",
]


class ShapewrightError(Exception):
    """Base of all errors this package raises on purpose."""


class UserError(ShapewrightError):
    """Something the user can mend; shown as one sentence, exit code 2."""

    exit_code = 2


class AssetFileError(UserError):
    """A 3D file that cannot be read or is not a usable mesh."""


class DatasetError(UserError):
    """A data set folder, shard, catalogue or caption file that cannot be used."""


class ModelError(UserError):
    """An unknown, missing or damaged model."""


class DownloadError(UserError):
    """A file that cannot be fetched: no network, nothing there, or not the file it should be."""


class CheckpointError(UserError):
    """A training run or checkpoint that cannot be resumed."""


class EngineError(UserError):
    """Worker processes or a cluster that cannot be used, or were lost."""


class ConfigError(UserError):
    """A setting outside its range, or an unknown one."""


class PromptError(UserError):
    """An empty or unusable prompt."""


class ImageError(UserError):
    """A picture that cannot be read or used as a condition."""


class EmptySurfaceError(UserError):
    """A latent whose field has no surface inside the box."""


class OutputError(UserError):
    """A place or format that cannot be written."""
