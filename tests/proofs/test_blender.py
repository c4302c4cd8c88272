"""Blender imports our files and shows what our preview shows: the same side, upright, the same colours.

Blender is given our camera and our light (from all around, and from one direction and its opposite), so that
its pictures may be compared with ours pixel by pixel, in linear light. What is left over is the little gloss
of every glTF material, and what parts of an object hide of the light from all around.
"""

import json
from pathlib import Path

import numpy as np
import pytest

from proofs.gallery import Gallery
from proofs.installed import run_python
from proofs.objects import FEW, LETTER, Objects
from proofs.sight import blender_view, light_difference, mean_light, overlap, read_png
from shapewright import Asset
from shapewright.geometry.cameras import turntable
from shapewright.geometry.light import AMBIENT, DIFFUSE, LIGHT_DIRECTION
from shapewright.pipeline import MeshOptions

pytestmark = pytest.mark.proofs

SIZE_PX = 128
VIEWS = turntable(8, size_px=SIZE_PX)
FRONT_LEFT = 1
LEAST_OVERLAP = 0.95  # thin legs are a few pixels wide, and the two programs' antialiasing differs
MOST_MEAN = 0.03
MOST_PIXEL = 0.03

TEXTURED, VERTEX_COLORS = MeshOptions(), MeshOptions(texture_px=None)
FILES = [("glb", TEXTURED), ("glb", VERTEX_COLORS), ("obj", TEXTURED), ("usdz", TEXTURED)]
NAMES = ["glb", "glb-vertex-colors", "obj", "usdz"]


def seen_by_blender(asset: Asset, options: MeshOptions, model: Path, png: Path) -> np.ndarray:
    asset.export(model, options)
    light = {"light": LIGHT_DIRECTION.tolist(), "ambient": AMBIENT, "diffuse": DIFFUSE}
    request = {"model": str(model), "png": str(png), **blender_view(VIEWS[FRONT_LEFT]), **light}
    run_python("render_in_blender.py", "bpy", json.dumps(request))
    return read_png(png)


@pytest.mark.parametrize("thing", FEW, ids=[prompt for prompt, _ in FEW])
@pytest.mark.parametrize(("suffix", "options"), FILES, ids=NAMES)
def test_blender_shows_what_our_preview_shows(
    thing: tuple[str, int],
    suffix: str,
    options: MeshOptions,
    objects: Objects,
    gallery: Gallery,
    tmp_path: Path,
) -> None:
    asset = objects.draw(*thing)
    kind = suffix.upper() if options is TEXTURED else f"{suffix.upper()} vertex colors"
    caption = f"Blender, {kind}, {thing[0]}"
    theirs = seen_by_blender(asset, options, tmp_path / f"model.{suffix}", gallery.place(caption))
    ours = asset.render(VIEWS[FRONT_LEFT])
    gallery.add(caption, ours, theirs)
    assert overlap(ours, theirs) > LEAST_OVERLAP
    assert np.abs(mean_light(ours) - mean_light(theirs)).max() < MOST_MEAN
    assert light_difference(ours, theirs) < MOST_PIXEL


def test_another_side_of_the_letter_would_not_pass(objects: Objects) -> None:
    views = [objects.draw(*LETTER).render(camera) for camera in VIEWS]
    front = views.pop(FRONT_LEFT)
    wrong = [*views, front[:, ::-1], front[::-1], front[::-1, ::-1], front.transpose(1, 0, 2)]
    assert max(overlap(front, picture) for picture in wrong) < LEAST_OVERLAP - 0.2
    swapped = np.concatenate([front[..., 2::-1], front[..., 3:]], axis=-1)
    assert light_difference(front, swapped) > 2 * MOST_PIXEL
