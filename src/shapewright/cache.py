"""Where downloads, and what is made of them, are kept."""

import os
import sys
from pathlib import Path

__all__ = ["cache_folder"]


def cache_folder() -> Path:
    """$SHAPEWRIGHT_HOME, or `shapewright` in the user's cache.

    That is $XDG_CACHE_HOME where it is set; else ~/Library/Caches on macOS, %LOCALAPPDATA% on Windows, and
    ~/.cache elsewhere. The folder need not exist yet.
    """
    if home := os.environ.get("SHAPEWRIGHT_HOME"):
        return Path(home).expanduser()
    if base := os.environ.get("XDG_CACHE_HOME"):
        return Path(base) / "shapewright"
    if sys.platform == "darwin":
        return Path.home() / "Library" / "Caches" / "shapewright"
    if sys.platform == "win32":
        return Path(os.environ.get("LOCALAPPDATA", Path.home() / "AppData" / "Local")) / "shapewright"
    return Path.home() / ".cache" / "shapewright"
