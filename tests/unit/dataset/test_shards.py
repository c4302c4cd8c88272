import io
import tarfile

import numpy as np
import pytest

from shapewright.dataset.shards import decode_views, encode_array, encode_views, write_shard
from shapewright.dataset.views import Views
from shapewright.geometry.cameras import turntable


def test_places_say_where_the_bytes_are(tmp_path):
    path = tmp_path / "a.tar"
    records = [(f"key-{k}", {"x.npy": bytes([k]) * (500 + k), "json": b"{}"}) for k in range(3)]
    places = write_shard(path, records)
    data = path.read_bytes()
    with tarfile.open(path) as tar:
        assert tar.getnames() == [f"key-{k}.{suffix}" for k in range(3) for suffix in ("x.npy", "json")]
        for key, members in records:
            for suffix, content in members.items():
                offset, size = places[key][suffix]
                assert data[offset : offset + size] == content == tar.extractfile(f"{key}.{suffix}").read()


def test_a_shard_that_fails_leaves_nothing(tmp_path):
    def records():
        yield "a", {"json": b"{}"}
        raise RuntimeError("stop")

    with pytest.raises(RuntimeError):
        write_shard(tmp_path / "a.tar", records())
    assert list(tmp_path.iterdir()) == []


def test_views_survive_with_depth_to_a_tenth_of_a_millimetre():
    rng = np.random.default_rng(0)
    depths = rng.uniform(2, 6, size=(2, 8, 8)).astype(np.float32)
    depths[:, :3] = np.inf
    views = Views(
        images=rng.integers(0, 256, size=(2, 8, 8, 4), dtype=np.uint8),
        depths=depths,
        cameras=turntable(2, size_px=8),
    )
    again = decode_views(encode_views(views))
    np.testing.assert_array_equal(again.images, views.images)
    np.testing.assert_allclose(again.depths, views.depths, atol=1e-4)
    for old, new in zip(views.cameras, again.cameras, strict=True):
        np.testing.assert_array_equal(old.rays()[1], new.rays()[1])


def test_arrays_are_plain_npy():
    array = np.arange(6, dtype=np.float16).reshape(2, 3)
    np.testing.assert_array_equal(np.load(io.BytesIO(encode_array(array))), array)
