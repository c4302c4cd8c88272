"""Point clouds and their files, read back by another reader."""

import json
import struct
from pathlib import Path

import numpy as np
import pytest
import trimesh

from shapewright.errors import OutputError
from shapewright.geometry.light import srgb_to_linear
from shapewright.geometry.point_cloud import PointCloud, save_points


def tower() -> PointCloud:
    """Points that go up along +Z, from dark to bright."""
    heights = np.linspace(0, 2, 5, dtype=np.float32)
    positions = np.stack([0.1 * heights, -0.2 * heights, heights], axis=-1)
    colors = np.stack([heights / 2, 1 - heights / 2, np.full(5, 0.25)], axis=-1).astype(np.float32)
    return PointCloud(positions=positions, colors=colors)


def test_ply_keeps_positions_and_colours_as_bytes(tmp_path: Path) -> None:
    save_points(tower(), tmp_path / "new" / "a.ply")
    read = trimesh.load(tmp_path / "new" / "a.ply")
    assert isinstance(read, trimesh.PointCloud)
    np.testing.assert_array_equal(read.vertices.astype(np.float32), tower().positions)
    np.testing.assert_array_equal(read.colors[:, :3], np.round(tower().colors * 255))


def test_glb_holds_points_y_up_with_linear_colours(tmp_path: Path) -> None:
    save_points(tower(), tmp_path / "a.GLB")
    data = (tmp_path / "a.GLB").read_bytes()
    assert struct.unpack_from("<4sII", data) == (b"glTF", 2, len(data))
    length = struct.unpack_from("<I", data, 12)[0]
    document, binary = json.loads(data[20 : 20 + length]), data[28 + length :]
    (primitive,) = document["meshes"][0]["primitives"]
    assert primitive["mode"] == 0
    assert "indices" not in primitive
    arrays = {}
    for name, index in primitive["attributes"].items():
        view = document["bufferViews"][document["accessors"][index]["bufferView"]]
        arrays[name] = np.frombuffer(binary, "<f4", count=15, offset=view["byteOffset"]).reshape(5, 3)
    x, y, z = tower().positions.T
    np.testing.assert_array_equal(arrays["POSITION"], np.stack([x, z, -y], axis=-1))
    np.testing.assert_allclose(arrays["COLOR_0"], srgb_to_linear(tower().colors), atol=1e-6)
    position = document["accessors"][primitive["attributes"]["POSITION"]]
    np.testing.assert_allclose(position["max"], arrays["POSITION"].max(axis=0))
    (geometry,) = trimesh.load_scene(tmp_path / "a.GLB", file_type="glb").geometry.values()
    assert isinstance(geometry, trimesh.PointCloud)
    np.testing.assert_array_equal(geometry.vertices.astype(np.float32), arrays["POSITION"])


def test_unwritable_places_and_unknown_suffixes_leave_nothing_behind(tmp_path: Path) -> None:
    with pytest.raises(OutputError, match=r"\.obj.*\.glb, \.ply"):
        save_points(tower(), tmp_path / "a.obj")
    (tmp_path / "file").write_text("")
    with pytest.raises(OutputError, match="file"):
        save_points(tower(), tmp_path / "file" / "a.ply")
    assert [path.name for path in tmp_path.iterdir()] == ["file"]


@pytest.mark.parametrize(
    ("positions", "colors"),
    [
        (np.zeros((0, 3)), np.zeros((0, 3))),
        (np.zeros((2, 2)), np.zeros((2, 2))),
        (np.zeros((2, 3)), np.zeros((3, 3))),
        (np.full((2, 3), np.nan), np.zeros((2, 3))),
        (np.zeros((2, 3)), np.full((2, 3), np.nan)),
        (np.zeros((2, 3)), np.full((2, 3), 255.0)),
    ],
)
def test_what_is_no_cloud_is_our_mistake(positions: np.ndarray, colors: np.ndarray) -> None:
    with pytest.raises(AssertionError):
        PointCloud(positions=positions, colors=colors)
