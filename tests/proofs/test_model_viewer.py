"""The model-viewer element shows our GLB files, in a real browser, upright and in their colours.

Its light is brighter than our preview's and comes from all around, so only the balance of the colours is
compared closely, in linear light.
"""

from pathlib import Path

import numpy as np
import pytest

from proofs.gallery import Gallery
from proofs.installed import run_chromium
from proofs.objects import FEW, Objects
from proofs.sight import chroma, mean_light, orbit_view, overlap, read_png
from shapewright.geometry.cameras import turntable
from shapewright.pipeline.mesh_options import TEXTURE_PX

pytestmark = pytest.mark.proofs

VIEW = turntable(8, size_px=192)[1]
LEAST_OVERLAP = 0.95  # thin legs are a few pixels wide, and the two programs' antialiasing differs
MOST_CHROMA = 0.06  # a red object has some white gloss
BRIGHTER = (1.2, 2.8)  # times our preview


@pytest.mark.parametrize("thing", FEW, ids=[prompt for prompt, _ in FEW])
@pytest.mark.parametrize("texture_px", [TEXTURE_PX, None], ids=["textured", "vertex-colors"])
def test_model_viewer_shows_what_our_preview_shows(
    thing: tuple[str, int], texture_px: int | None, objects: Objects, gallery: Gallery, tmp_path: Path
) -> None:
    asset = objects.draw(*thing)
    caption = f"model-viewer, {'GLB' if texture_px else 'GLB vertex colors'}, {thing[0]}"
    png = gallery.place(caption)
    asset.export(tmp_path / "model.glb", texture_px=texture_px)
    request = {"glb": str(tmp_path / "model.glb"), "png": str(png), **orbit_view(VIEW)}
    complaints = run_chromium("show_model.cjs", "@google/model-viewer", request)
    ours, theirs = asset.render(VIEW), read_png(png)
    gallery.add(caption, ours, theirs)
    assert complaints == []
    assert overlap(ours, theirs) > LEAST_OVERLAP  # so it is not blank either
    assert np.abs(chroma(ours) - chroma(theirs)).max() < MOST_CHROMA
    assert BRIGHTER[0] < mean_light(theirs).mean() / mean_light(ours).mean() < BRIGHTER[1]
