"""Options of mesh files on the command line."""

import pytest

from command_line import Shapewright
from shapewright.apps.cli.mesh_flags import MeshFlags
from shapewright.errors import ConfigError
from shapewright.pipeline.mesh_options import MeshOptions

FLAGS = (
    *("--resolution", "--faces", "--texture-size", "--vertex-colors"),
    *("--height", "--watertight", "--keep-parts"),
)


def test_nothing_asked_for_is_the_default() -> None:
    assert MeshFlags().options() == MeshOptions()


def test_flags_become_options() -> None:
    flags = MeshFlags(faces=500, vertex_colors=True, height=0.9, watertight=True, keep_parts=True)
    assert flags.options() == MeshOptions(
        faces=500, texture_px=None, height_m=0.9, watertight=True, smallest_part=0.0
    )
    assert MeshFlags(texture_size=256).options() == MeshOptions(texture_px=256)


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        (MeshFlags(vertex_colors=True, texture_size=64), "leave out --texture-size"),
        (MeshFlags(texture_size=0), "texture must be in"),
        (MeshFlags(height=-1.0), "height must be"),
    ],
)
def test_mistakes_are_told(flags: MeshFlags, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        flags.options()


@pytest.mark.parametrize("command", ["generate", "export", "interpolate"])
def test_commands_that_write_meshes_share_the_options(shapewright: Shapewright, command: str) -> None:
    told = shapewright(command, "--help").out
    assert all(f" {flag} " in told for flag in FLAGS)
