"""Opening what a command is given: a latent file with the model that made it."""

from pathlib import Path

from shapewright.errors import ModelError
from shapewright.models import named_models
from shapewright.pipeline import Asset, Pipeline
from shapewright.pipeline.latent_file import load_latent

__all__ = ["open_latents"]


def open_latents(paths: list[Path], *, model: str | None, device: str) -> tuple[Pipeline, list[Asset]]:
    """The assets in latent files, and their model: the one named, or the one the first file names.

    Raises: AssetFileError; ModelError if the model cannot be found or did not make one of the files.
    """
    _, origin = load_latent(paths[0])
    try:
        pipeline = Pipeline.from_pretrained(model or origin.model, device=device)
    except ModelError as error:
        if model is not None or origin.model in {named.name for named in named_models()}:
            raise
        raise ModelError(
            f"'{paths[0]}' was made by a model called '{origin.model}', which is not a named one; "
            "give its folder with --model."
        ) from error
    return pipeline, [pipeline.load(path) for path in paths]
