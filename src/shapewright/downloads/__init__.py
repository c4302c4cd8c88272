"""Files from the web: resumed where they broke off, verified, under their names only when complete."""

from shapewright.downloads.disk import Waiting, check_space, locked, people_size, sha256
from shapewright.downloads.fetch import Patience, download, recorded_hash

__all__ = [
    "Patience",
    "Waiting",
    "check_space",
    "download",
    "locked",
    "people_size",
    "recorded_hash",
    "sha256",
]
