"""Records on disk: tar files in the WebDataset layout, written whole or not at all.

A record KEY has the members KEY.json (what it is), KEY.points.npy, KEY.queries.npy, KEY.distances.npy,
KEY.colors.npy, KEY.normals.npy, KEY.images.png (all views, one below the other), KEY.depths.png (16 bits).
"""

from __future__ import annotations

import io
import json
import tarfile
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from shapewright.atomic_file import replacing
from shapewright.dataset.views import Views
from shapewright.geometry.cameras import Camera

__all__ = ["MemberPlaces", "decode_views", "encode_array", "encode_views", "write_atomically", "write_shard"]

MemberPlaces = dict[str, tuple[int, int]]  # member suffix -> (offset, size) in its tar
_CAMERA_SIZES = ("width_px", "height_px", "fov_x_rad", "fov_y_rad")
_MAX_DEPTH = 8.0  # 65534 steps of 0.12 mm for a box of side 2
_NO_DEPTH = 65535


def write_atomically(path: Path, data: bytes) -> None:
    """`data` at `path`, whole or not at all."""
    with replacing(path) as scratch:
        scratch.write_bytes(data)


def write_shard(path: Path, records: Iterable[tuple[str, Mapping[str, bytes]]]) -> dict[str, MemberPlaces]:
    """A tar of (key, {suffix: bytes}) records; returns where every member's bytes are."""
    with replacing(path) as scratch, tarfile.open(scratch, "w", format=tarfile.USTAR_FORMAT) as tar:
        return {
            key: {suffix: _add(tar, f"{key}.{suffix}", data) for suffix, data in members.items()}
            for key, members in records
        }


def _add(tar: tarfile.TarFile, name: str, data: bytes) -> tuple[int, int]:
    info = tarfile.TarInfo(name)
    info.size = len(data)
    start = tar.offset + tarfile.BLOCKSIZE  # a ustar header is one block
    tar.addfile(info, io.BytesIO(data))
    return start, len(data)


def encode_array(array: np.ndarray) -> bytes:
    """The array in .npy format."""
    buffer = io.BytesIO()
    np.save(buffer, array, allow_pickle=False)
    return buffer.getvalue()


def encode_views(views: Views) -> dict[str, bytes]:
    """Images and depths as lossless PNG (depth rounded to 0.12 mm of the box), cameras as JSON."""
    count, height, width = views.depths.shape
    steps = np.round(np.minimum(views.depths, _MAX_DEPTH) * ((_NO_DEPTH - 1) / _MAX_DEPTH))
    depths = np.where(np.isfinite(views.depths), steps, _NO_DEPTH).astype(np.uint16)
    return {
        "images.png": _png(Image.fromarray(views.images.reshape(count * height, width, 4))),
        "depths.png": _png(Image.fromarray(depths.reshape(count * height, width))),
        "cameras.json": json.dumps([_camera_to_dict(camera) for camera in views.cameras]).encode(),
    }


def _png(image: Image.Image) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, "PNG", compress_level=3)
    return buffer.getvalue()


def decode_views(members: Mapping[str, bytes]) -> Views:
    """The views that `encode_views` stored."""
    cameras = [_camera_from_dict(entry) for entry in json.loads(members["cameras.json"])]
    shape = (len(cameras), cameras[0].height_px, cameras[0].width_px)
    with Image.open(io.BytesIO(members["images.png"])) as image:
        images = np.asarray(image).reshape(*shape, 4)
    with Image.open(io.BytesIO(members["depths.png"])) as image:
        steps = np.asarray(image).reshape(shape)
    depths = np.where(steps == _NO_DEPTH, np.inf, steps * (_MAX_DEPTH / (_NO_DEPTH - 1)))
    return Views(images=images, depths=depths.astype(np.float32), cameras=cameras)


def _camera_to_dict(camera: Camera) -> dict[str, Any]:
    axes = {key: [float(number) for number in getattr(camera, key)] for key in ("origin", "x", "y", "z")}
    return {**axes, **{key: getattr(camera, key) for key in _CAMERA_SIZES}}


def _camera_from_dict(entry: dict[str, Any]) -> Camera:
    origin, x, y, z = (np.array(entry[key], dtype=np.float32) for key in ("origin", "x", "y", "z"))
    sizes: dict[str, Any] = {key: entry[key] for key in _CAMERA_SIZES}
    return Camera(origin=origin, x=x, y=y, z=z, **sizes)
