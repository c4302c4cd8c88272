import pytest

from shapewright.dataset.sources import read_source
from shapewright.errors import DatasetError


def test_sources_by_name(shelf, library, tmp_path):
    assert len(read_source("folder", shelf)) == 8
    assert len(read_source("sweethome3d", library, cache=tmp_path / "cache")) == 3


def test_unknown_source_and_missing_path():
    with pytest.raises(DatasetError, match=r"unknown source 'x'.*sweethome3d, folder"):
        read_source("x")
    with pytest.raises(DatasetError, match="needs the path"):
        read_source("folder")
