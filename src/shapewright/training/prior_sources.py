"""Where the latents that a prior learns from come from: given, refined, or made now."""

from dataclasses import dataclass, replace
from pathlib import Path

from shapewright.dataset.loader import read_index
from shapewright.errors import CheckpointError, ConfigError, DatasetError
from shapewright.pipeline import Model, ModelConfig
from shapewright.pipeline.device import choose_device
from shapewright.pipeline.named_model import model_of
from shapewright.training.encoding import Advance, LatentsConfig, digest_of_data, make_latents
from shapewright.training.latent_shards import has_index, read_folder
from shapewright.training.latents import LatentSet, load_latents
from shapewright.training.recipes.prior import PriorRecipe
from shapewright.training.start import model_folder

__all__ = [
    "PriorSource",
    "check_data",
    "check_shape",
    "held_out_source",
    "latents_for",
    "model_place",
]


@dataclass(frozen=True, kw_only=True)
class PriorSource:
    """What a prior is trained on: the autoencoder, the folder of its latents, the data set they are of.

    `data` is None where it is neither given nor known.
    """

    model: Model
    latents: Path
    data: Path | None


def latents_for(
    data: Path | None,
    encoder: Path | None,
    latents: Path | None,
    run: Path,
    recipe: PriorRecipe,
    progress: Advance | None,
) -> PriorSource:
    """Latents that are given, or refined beside the encoder, or made now; with their model and their data.

    Raises: DatasetError, ModelError, CheckpointError, ConfigError.
    """
    if latents is not None:
        return given_latents(latents, data, encoder)
    if encoder is None or data is None:
        raise ConfigError("A prior is trained on latents: give --latents, or both --data and --encoder.")
    first = model_of(model_folder(encoder))
    if (encoder / "latents").is_dir():
        return PriorSource(model=first, latents=encoder / "latents", data=data)
    folder, mark = run / "latents", run / "latents" / "encoder.sha256"
    if mark.is_file():  # of a run in the form before shards
        if mark.read_text().strip() != first.sha256:
            raise CheckpointError(f"{run} holds latents of another encoder; choose another folder for --out.")
        return PriorSource(model=first, latents=folder, data=data)
    if "train" not in splits_of(data):
        raise DatasetError(f"{data} holds no assets to train on.")
    config = LatentsConfig(draws=recipe.draws, augmentation=recipe.augmentation, seed=recipe.loop.seed)
    encode_all(first, encoder, data, folder, config, progress)
    return PriorSource(model=first, latents=folder, data=data)


def encode_all(
    model: Model, encoder: Path, data: Path, folder: Path, config: LatentsConfig, progress: Advance | None
) -> None:
    """On the best device there is; the model is back on the CPU afterwards."""
    model.autoencoder.to(choose_device())
    make_latents(model, model_place(encoder), data, folder, config, progress=progress)
    model.autoencoder.to("cpu")


def model_place(encoder: Path | str) -> str:
    """The name of a model, or the whole path of its folder: what a run's model is found by later."""
    folder = model_folder(Path(encoder))
    return str(folder.resolve()) if folder.is_dir() else str(encoder)


def given_latents(folder: Path, data: Path | None, encoder: Path | None) -> PriorSource:
    """Raises: DatasetError if they are not complete or of another encoder; ModelError; ConfigError."""
    if not has_index(folder):
        load_latents(folder)  # says what is wrong, unless they are in the form before shards
        if encoder is None:
            raise ConfigError(f"The latents in {folder} do not say which encoder made them: give --encoder.")
        return PriorSource(model=model_of(model_folder(encoder)), latents=folder, data=data)
    origin = read_folder(folder).origin
    model = model_of(model_folder(encoder if encoder is not None else Path(origin.model)))
    if not origin.is_of_encoder(model_sha256=model.sha256, encoder_sha256=model.encoder_sha256):
        raise DatasetError(
            f"The latents in {folder} were made by another encoder than '{model.config.name}' "
            f"({model.sha256[:12]}): give --encoder the model {origin.model_sha256[:12]}, "
            f"which was at '{origin.model}'."
        )
    there = Path(origin.data)
    return PriorSource(model=model, latents=folder, data=data or (there if there.is_dir() else None))


def check_shape(recipe: PriorRecipe, latents: LatentSet, model: ModelConfig) -> None:
    """Raises: ConfigError if the recipe's prior draws latents of another shape than these."""
    drawn = (recipe.model.latent_tokens, recipe.model.latent_channels)
    if drawn != latents.shape:
        raise ConfigError(
            f"The recipe's prior draws latents of shape {drawn}, but those of '{model.name}' are "
            f"{latents.shape}: choose the recipe that fits the encoder."
        )


def check_data(source: PriorSource) -> Path:
    """The data set whose views are shown. Raises: DatasetError if it is not there, or not the latents'."""
    if source.data is None:
        raise DatasetError(
            f"The data set that the latents in {source.latents} are of is not where it was: "
            "give it by --data."
        )
    if has_index(source.latents):
        made_of = read_folder(source.latents).origin.data_sha256
        if digest_of_data(source.data) != made_of:
            raise DatasetError(
                f"{source.data} is not the data set that the latents in {source.latents} are of, "
                "or was built anew since: give that one by --data, or make the latents again."
            )
    return source.data


def held_out_source(
    source: PriorSource, run: Path, recipe: PriorRecipe, progress: Advance | None = None
) -> PriorSource | None:
    """Where latents of the validation split are; refined sets, which have none, get them into RUN/held-out.

    None if the data set keeps no assets for validation, or is not known.
    """
    if has_index(source.latents) and any(s.split == "val" for s in read_folder(source.latents).shards):
        return source
    if source.data is None or "val" not in splits_of(source.data):
        return None
    config = LatentsConfig(
        draws=recipe.draws, augmentation=recipe.augmentation, seed=recipe.loop.seed, splits=("val",)
    )
    folder = run / "held-out"
    place = source.model.folder or Path(source.model.config.name)
    encode_all(source.model, place, source.data, folder, config, progress)
    return replace(source, latents=folder)


def splits_of(data: Path) -> set[str]:
    """Raises: DatasetError if that is no data set."""
    return {entry["split"] for entry in read_index(data)["records"]}
