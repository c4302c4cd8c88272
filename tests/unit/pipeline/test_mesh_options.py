"""What may be asked of a mesh file."""

from dataclasses import fields
from typing import Any

import pytest

from shapewright.errors import ConfigError
from shapewright.pipeline.mesh_options import MeshChanges, MeshOptions


@pytest.mark.parametrize(
    ("asked", "message"),
    [
        ({"resolution": 7}, "resolution of the surface must be in 8..1024 grid points a side, not 7"),
        ({"resolution": 2000}, "resolution"),
        ({"texture_px": 0}, "texture must be in 16..8192 pixels a side, not 0"),
        ({"height_m": 0.0}, "positive number of metres, not 0"),
        ({"height_m": float("nan")}, "metres, not nan"),
        ({"faces": 3}, "at least 4 faces; 3 were asked for"),
        ({"smallest_part": 1.0}, "not 1"),
        ({"smallest_part": -0.1}, "not -0.1"),
    ],
)
def test_values_outside_their_range_are_refused(asked: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        MeshOptions(**asked)


def test_what_may_be_left_out_may_be_none() -> None:
    options = MeshOptions(texture_px=None, height_m=None, faces=None)
    assert (options.texture_px, options.height_m, options.faces) == (None, None, None)


def test_changes_are_the_options() -> None:
    assert set(MeshChanges.__annotations__) == {field.name for field in fields(MeshOptions)}
