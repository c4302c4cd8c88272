"""The pictures of records: decoded on demand, the last ones kept."""

import threading
from collections import OrderedDict

from shapewright.dataset.loader import AssetRecord
from shapewright.dataset.views import Views
from shapewright.errors import ConfigError

__all__ = ["ViewCache"]


class ViewCache:
    """The views of the least recently seen records are forgotten above `megabytes`.

    Decoding takes many times as long as what a step needs of it, so a data set whose pictures fit is
    decoded once. May be asked by several threads; what it answers does not depend on what it keeps.
    """

    def __init__(self, records: list[AssetRecord], megabytes: int) -> None:
        if megabytes < 0:
            raise ConfigError(f"a cache has at least 0 megabytes, not {megabytes}")
        self.records, self.room = records, megabytes * 2**20
        self.kept: OrderedDict[int, Views] = OrderedDict()
        self.size = 0
        self._lock = threading.Lock()

    def views(self, index: int) -> Views:
        """All views of record number `index`."""
        with self._lock:
            if index in self.kept:
                self.kept.move_to_end(index)
                return self.kept[index]
        found = self.records[index].views()  # outside of the lock: others may decode meanwhile
        with self._lock:
            if index not in self.kept:
                self.kept[index] = found
                self.size += bytes_of(found)
            while self.size > self.room:
                self.size -= bytes_of(self.kept.popitem(last=False)[1])
        return found


def bytes_of(views: Views) -> int:
    return views.images.nbytes + views.depths.nbytes
