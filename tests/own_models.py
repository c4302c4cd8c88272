"""A folder of somebody's own 3D models, and a short fine-tuning on them."""

from dataclasses import replace
from pathlib import Path
from typing import Any

from shapewright.geometry.mesh_files import save
from shapewright.pipeline import Model
from shapewright.training.recipes.finetuning import FinetuningRecipe, Method, finetuning_recipe
from solids import cube_mesh, prism_mesh

__all__ = ["CAPTIONS", "few_steps", "write_own_models"]

CAPTIONS = "file,caption\nprism.ply,a zorbix\nprism.ply,a grey zorbix\n"


def write_own_models(folder: Path, *, captions: str = CAPTIONS) -> Path:
    """A prism that has captions, and a cube that is called by its file's name."""
    folder.mkdir()
    save(prism_mesh(6), folder / "prism.ply")
    save(cube_mesh(), folder / "BigCube_2.ply")
    (folder / "captions.csv").write_text(captions)
    return folder


def few_steps(method: Method, base: Model, **loop: Any) -> FinetuningRecipe:
    """The recipe for the model, with four steps in fp32."""
    assert base.prior is not None
    recipe = finetuning_recipe(method, base.prior.config)
    changes = {"steps": 4, "batch_size": 4, "precision": "fp32", **loop}
    return replace(recipe, loop=replace(recipe.loop, **changes), draws=2, rehearsal=0, refine=0)
