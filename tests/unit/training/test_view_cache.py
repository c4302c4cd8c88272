"""Pictures are read once while there is room."""

import pytest

from shapewright.dataset.views import Views
from shapewright.errors import ConfigError
from shapewright.training.view_cache import ViewCache, bytes_of
from tiny_assets import PicturedRecord, shelf


class Counted(PicturedRecord):
    def views(self) -> Views:
        READ.append(self.id)
        return super().views()


READ: list[str] = []


def cache_of(room: float) -> ViewCache:
    """With room for so many of the shelf's assets."""
    READ.clear()
    records = [Counted(**vars(record)) for record in shelf(views=2, size_px=8)]
    cache = ViewCache(records, 0)
    cache.room = int(room * bytes_of(records[0].pictures))
    return cache


def test_what_fits_is_read_once() -> None:
    cache = cache_of(6)
    for _ in range(2):
        for index in range(6):
            assert cache.views(index) is cache.records[index].pictures
    assert len(READ) == 6


def test_the_longest_unused_goes_first() -> None:
    cache = cache_of(2.5)
    for index in (0, 1, 0, 2, 0, 1):
        cache.views(index)
    assert READ == ["test/ball", "test/ball 2", "test/ball 3", "test/ball 2"]
    assert cache.size == 2 * bytes_of(cache.views(0)) <= cache.room


def test_without_room_everything_is_read_again() -> None:
    cache = cache_of(0)
    for _ in range(2):
        assert cache.views(3) is cache.records[3].pictures
    assert (len(READ), cache.size) == (2, 0)
    with pytest.raises(ConfigError, match="at least 0 megabytes"):
        ViewCache([], -1)
