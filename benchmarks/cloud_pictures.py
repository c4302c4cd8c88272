"""A point cloud as a picture: a disc for every point, the near ones over the far ones."""

import numpy as np
from PIL import Image, ImageDraw

from shapewright.geometry.cameras import Camera, turntable

__all__ = ["cloud_picture"]

FINER = 4
RADIUS = 0.042  # of a point, in world units: discs of 256 points on an object just about meet


def cloud_picture(cloud: np.ndarray, *, size_px: int, radius: float = RADIUS) -> np.ndarray:
    """(size, size, 3) in [0, 1] of points (K, 6), from the front left, on white; none of a cloud of zeros."""
    camera = turntable(8, size_px=size_px)[1]
    picture = Image.new("RGB", (size_px * FINER, size_px * FINER), (255, 255, 255))
    if cloud.any():
        draw_discs(ImageDraw.Draw(picture), camera, cloud, radius)
    small = picture.resize((size_px, size_px), Image.Resampling.LANCZOS)
    return np.asarray(small, dtype=np.float32) / 255


def draw_discs(draw: ImageDraw.ImageDraw, camera: Camera, cloud: np.ndarray, radius: float) -> None:
    places_px, depths = projected(camera, cloud[:, :3])
    per_unit = camera.width_px * FINER / (2 * np.tan(camera.fov_x_rad / 2))
    colors = (np.clip(cloud[:, 3:], 0, 1) * 255).round().astype(int)
    for row in np.argsort(-depths):
        if depths[row] <= radius:
            continue  # behind the camera
        (x, y), size = places_px[row] * FINER, radius * per_unit / depths[row]
        rim = tuple((colors[row] * 0.75).astype(int).tolist())
        draw.ellipse((x - size, y - size, x + size, y + size), fill=tuple(colors[row].tolist()), outline=rim)


def projected(camera: Camera, positions: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Pixels (K, 2) of positions (K, 3), and their depths along the view."""
    away = positions - camera.origin
    depths = away @ camera.z
    across = away @ camera.x / (depths * np.tan(camera.fov_x_rad / 2))
    down = away @ camera.y / (depths * np.tan(camera.fov_y_rad / 2))
    sides = np.array([camera.width_px, camera.height_px])
    return (np.stack([across, down], axis=1) + 1) / 2 * (sides - 1), depths
