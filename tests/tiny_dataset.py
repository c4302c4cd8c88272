"""A data set on disk, built from prisms of several shapes and colours: points, views and captions."""

from pathlib import Path

from shapewright.dataset.build import build_dataset
from shapewright.dataset.recipes import DataRecipe
from shapewright.dataset.sources import read_source
from shapewright.geometry.mesh_files import save
from solids import prism_mesh

__all__ = ["VIEWS", "VIEW_PX", "build_prisms"]

VIEWS, VIEW_PX = 3, 32
RED, GREEN, BLUE = (0.9, 0.1, 0.1), (0.1, 0.8, 0.1), (0.1, 0.1, 0.9)
PRISMS = (
    ("red wedge", 3, 0.7, RED),
    ("red box", 4, 0.8, RED),
    ("blue nut", 6, 0.4, BLUE),
    ("green drum", 12, 1.0, GREEN),
    ("green post", 5, 2.0, GREEN),
    ("blue plate", 16, 0.2, BLUE),
    ("blue mast", 7, 3.0, BLUE),
)


def build_prisms(folder: Path) -> Path:
    """The data set; of its seven assets in two shards, six are for training and one is for validation."""
    lines = ["file,caption"]
    for name, sides, height, rgb in PRISMS:
        save(prism_mesh(sides, height=height, rgb=rgb), folder / "models" / f"{name.split()[1]}.ply")
        lines.append(f"{name.split()[1]}.ply,a {name}")
    (folder / "models" / "captions.csv").write_text("\n".join(lines) + "\n")
    recipe = DataRecipe(
        name="prisms",
        points=256,
        views=VIEWS,
        view_size_px=VIEW_PX,
        targets=1024,
        supersample=1,
        assets_per_shard=4,
    )
    build_dataset(read_source("folder", folder / "models"), recipe, folder / "set")
    return folder / "set"
