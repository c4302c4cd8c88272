"""One view of an object, as our renderer, Blender and model-viewer describe it; and two pictures compared."""

import math
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from shapewright.geometry.cameras import Camera
from shapewright.geometry.light import srgb_to_linear

__all__ = ["blender_view", "chroma", "light_difference", "mean_light", "orbit_view", "overlap", "read_png"]


def blender_view(camera: Camera) -> dict[str, Any]:
    """Blender's cameras look along -Z with +Y up, and their field of view ends at the edge of the pixels."""
    matrix = np.eye(4)
    matrix[:3] = np.column_stack([camera.x, -camera.y, -camera.z, camera.origin])
    return {"camera": matrix.tolist(), "size_px": camera.width_px, "fov_rad": edge_to_edge(camera)}


def orbit_view(camera: Camera) -> dict[str, Any]:
    """model-viewer's camera goes around the target: degrees from the file's +Z, our -Y, and from above."""
    x, y, z = (float(part) for part in camera.origin)
    distance = math.sqrt(x * x + y * y + z * z)
    around, down = math.degrees(math.atan2(x, -y)), math.degrees(math.acos(z / distance))
    return {
        "orbit": f"{around:.4f}deg {down:.4f}deg {distance:.4f}m",
        "size_px": camera.width_px,
        "fov_deg": math.degrees(edge_to_edge(camera)),
    }


def edge_to_edge(camera: Camera) -> float:
    """Ours is from the middle of the first pixel to the middle of the last."""
    across = math.tan(camera.fov_x_rad / 2) * camera.width_px / (camera.width_px - 1)
    return 2.0 * math.atan(across)


def read_png(path: Path) -> np.ndarray:
    """(H, W, 4) in [0, 1], straight alpha."""
    with Image.open(path) as picture:
        return np.asarray(picture.convert("RGBA"), dtype=np.float32) / 255.0


def overlap(a: np.ndarray, b: np.ndarray) -> float:
    """Intersection over union of two silhouettes."""
    inside_a, inside_b = a[..., 3] > 0.5, b[..., 3] > 0.5
    return float((inside_a & inside_b).sum() / max(1, (inside_a | inside_b).sum()))


def mean_light(picture: np.ndarray) -> np.ndarray:
    """Linear light (3,) that the object sends, without the ground behind it."""
    return srgb_to_linear(picture[picture[..., 3] > 0.5][:, :3]).mean(axis=0)


def light_difference(a: np.ndarray, b: np.ndarray) -> float:
    """Mean absolute difference of linear light where both pictures show the object."""
    both = (a[..., 3] > 0.5) & (b[..., 3] > 0.5)
    return float(np.abs(srgb_to_linear(a[both][:, :3]) - srgb_to_linear(b[both][:, :3])).mean())


def chroma(picture: np.ndarray) -> np.ndarray:
    """The shares (3,) of red, green and blue in the light: what stays under a light of another strength."""
    light = mean_light(picture)
    return light / light.sum()
