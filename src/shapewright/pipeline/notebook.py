"""How an asset shows itself in a notebook: a 3D view to turn, or a picture where there is none."""

import html
import io
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image

from shapewright.errors import EmptySurfaceError
from shapewright.geometry import cameras, mesh_files
from shapewright.render.turntable import to_uint8

if TYPE_CHECKING:
    from shapewright.pipeline.asset import Asset

__all__ = ["mimebundle"]

# Kept small: every asset shown is stored in the notebook.
RESOLUTION = 64
SIZE_PX = 256
HEIGHT_PX = 360


def mimebundle(asset: "Asset") -> dict[str, str | bytes]:
    """What Jupyter may choose from: text, a PNG of one view, and HTML with a view to turn with the mouse.

    The HTML holds all that it needs, about 1 MB, and works offline. Without a surface there is text only.
    """
    try:
        surface = asset.surface(RESOLUTION)
    except EmptySurfaceError:
        return {"text/plain": f"{asset!r}: no surface"}
    camera = cameras.turntable(8, size_px=SIZE_PX)[1]
    picture = asset.view(camera, resolution=RESOLUTION)
    # a page of its own in a frame: scripts of several views do not meet
    page = html.escape(mesh_files.viewer_page(surface), quote=True)
    frame = f'<iframe srcdoc="{page}" width="100%" height="{HEIGHT_PX}" style="border: none"></iframe>'
    return {"text/plain": repr(asset), "image/png": png(picture), "text/html": frame}


def png(picture: np.ndarray) -> bytes:
    """A picture (H, W, C) in [0, 1] as the bytes of a PNG file."""
    file = io.BytesIO()
    Image.fromarray(to_uint8(picture)).save(file, format="png")
    return file.getvalue()
