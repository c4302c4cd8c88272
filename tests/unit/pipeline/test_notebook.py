"""What an asset shows of itself in a notebook."""

import base64
import html
import io
import re

import pytest
import trimesh
from PIL import Image

from shapewright import Pipeline
from shapewright.pipeline import Asset
from shapewright.pipeline.notebook import RESOLUTION, SIZE_PX, mimebundle
from tiny_models import FakeText, random_model


@pytest.fixture(scope="module")
def asset() -> Asset:
    return Pipeline(random_model(), text_encoder=FakeText(), device="cpu").generate("a 'chair' & <b>")[0]


def test_the_picture_is_a_png_of_the_object(asset: Asset) -> None:
    content = asset._repr_mimebundle_(include=None, exclude=None)["image/png"]
    assert isinstance(content, bytes)
    with Image.open(io.BytesIO(content)) as picture:
        assert (picture.format, picture.size) == ("PNG", (SIZE_PX, SIZE_PX))
        assert picture.convert("L").getextrema()[0] < 200


def test_the_view_holds_the_mesh_and_all_it_needs(asset: Asset) -> None:
    frame = mimebundle(asset)["text/html"]
    assert isinstance(frame, str)
    found = re.fullmatch(
        r'<iframe srcdoc="([^"]*)" width="100%" height="360" style="border: none"></iframe>', frame
    )
    assert found
    page = html.unescape(found[1])
    assert not re.search(r"<(script|link|img)[^>]*(src|href)=", page)
    (glb,) = re.findall(r'base64_data="([A-Za-z0-9+/=]+)"', page)
    scene = trimesh.load_scene(io.BytesIO(base64.b64decode(glb)), file_type="glb")
    (mesh,) = scene.geometry.values()
    surface = asset.surface(RESOLUTION)
    assert len(mesh.faces) == len(surface.faces)
    assert b'"metallicFactor":0' in base64.b64decode(glb)  # metal is black where there is nothing to reflect
    height = surface.vertices[:, 2]
    assert mesh.bounds[:, 1] == pytest.approx([height.min(), height.max()], abs=1e-3)


def test_without_a_surface_there_is_text() -> None:
    pipeline = Pipeline(random_model(empty=True), text_encoder=FakeText(), device="cpu")
    bundle = mimebundle(pipeline.generate("a chair")[0])
    assert list(bundle) == ["text/plain"]
    assert "no surface" in str(bundle["text/plain"])
