"""Fine-tuning: a trained prior learns a few models of one's own, whole or by LoRA, and stays what it was.

The base's autoencoder and statistics of latents are kept, so that the prior goes on in the world it knows.
RUN/model is a model folder like any other; RUN/adapter.safetensors, of LoRA, changes the base into it.
"""

import hashlib
import json
from collections.abc import Callable
from copy import deepcopy
from dataclasses import dataclass, field, replace
from pathlib import Path

import torch
from torch import nn

from shapewright.errors import ModelError
from shapewright.pipeline import Model, save_model
from shapewright.pipeline.adapter import adapted, save_adapter
from shapewright.pipeline.clip_source import with_clip
from shapewright.pipeline.conditioners import check_width, load_image_encoder, load_text_encoder
from shapewright.pipeline.device import choose_device
from shapewright.pipeline.named_model import model_of
from shapewright.prior import LatentStatistics, Prior
from shapewright.training.finetuning_data import Material, Working, read_material
from shapewright.training.finetuning_latents import latents_of
from shapewright.training.latents import LatentSet
from shapewright.training.loop import Progress, train
from shapewright.training.lora import LoraPrior, adapter_of, check_peft
from shapewright.training.objectives.denoising import CaptionFeatures, Denoising
from shapewright.training.picture_features import PictureFeatures, picture_names
from shapewright.training.processes import main_first, on_main
from shapewright.training.recipes.finetuning import FinetuningRecipe
from shapewright.training.rehearsal import rehearsed
from shapewright.training.start import model_folder

__all__ = ["Finetuned", "finetune", "load_base"]

CARD = """# {name}

{base}, fine-tuned on {count} 3D models ({how}) by `shapewright finetune`.
Its recipe is in the run's config.json.

- Licence: that of {base} and of the models it was fine-tuned on
- Base: {base}, weights of sha256 {sha256}
"""


@dataclass(frozen=True, kw_only=True)
class Finetuned:
    """The new model's folder; with LoRA the adapter's file; models that were left out, and why."""

    model: Path
    adapter: Path | None
    assets: int
    skipped: dict[str, str] = field(default_factory=dict)


def load_base(name: str | Path) -> Model:
    """A named model, model folder or run, if it can be fine-tuned.

    Raises: ModelError if it is unknown, has no prior, or no encoder that makes latents of 3D models.
    """
    base = model_of(model_folder(Path(name)) if Path(name).is_dir() else name)
    missing = "prior" if base.prior is None else "encoder" if base.autoencoder.encoder is None else None
    if missing is not None:
        raise ModelError(
            f"The model '{base.config.name}' has no {missing} and cannot be fine-tuned: "
            "take one with encoder and prior, such as 'homeware' or 'openai/shap-e'."
        )
    return base


def finetune(
    folder: Path,
    base: Model,
    run: Path,
    recipe: FinetuningRecipe,
    *,
    name: str,
    workers: int = 1,
    progress: Progress | None = None,
    working: Working | None = None,
    loop: Callable[..., nn.Module] = train,
) -> Finetuned:
    """Fine-tune on a folder of models (with captions.csv) or on a data set, or go on in RUN.

    loop: `train`, perhaps with a tracker.
    Raises: DatasetError, ModelError, CheckpointError; ConfigError if LoRA is asked for without peft.
    """
    if recipe.lora is not None:
        check_peft()
    with main_first():  # the others find what it writes
        material = read_material(folder, run, base.config, workers=workers, working=working)
        base.autoencoder.to(choose_device("auto"))
        latents = latents_of(base, material, run, recipe, working=working)
        latents, features = described(base, material, latents, run, recipe, working)
    torch.manual_seed(recipe.loop.seed)
    prior = trainable(base, recipe)
    objective = Denoising(
        prior,
        latents,
        statistics_of(base),
        features,
        recipe.objective,
        batch_size=recipe.loop.batch_size,
        seed=recipe.loop.seed,
    )
    inputs = {
        "set of latents": hashlib.sha256(latents.latents.numpy().tobytes()).hexdigest(),
        "set of captions": hashlib.sha256(json.dumps(latents.captions).encode()).hexdigest(),
        "base model": base.sha256,
    }
    average = loop(objective, recipe.loop, run, settings=recipe, inputs=inputs, progress=progress)
    assert isinstance(average, Prior)
    on_main(save, base, average, run, recipe, material, name)
    return Finetuned(
        model=run / "model",
        adapter=None if recipe.lora is None else run / "adapter.safetensors",
        assets=len(material.records),
        skipped=material.skipped,
    )


def described(
    base: Model,
    material: Material,
    latents: LatentSet,
    run: Path,
    recipe: FinetuningRecipe,
    working: Working | None,
) -> tuple[LatentSet, CaptionFeatures]:
    """The latents and the rehearsed ones, with what the prior is told of each, and features of that.

    Raises: ModelError if the encoder of texts or pictures is not to be had or another than the prior's.
    """
    assert base.prior is not None
    config, prior, device = base.config, base.prior.config, choose_device("auto")
    if prior.image_token_width is not None:  # nothing to rehearse: the base brings no pictures
        encoder = load_image_encoder(config, base.folder, device)
        check_width("image", prior.image_token_width, encoder.width_tokens, config.name)
        names = {record.id: picture_names(record) for record in material.records}
        captions = [names[asset] for asset in latents.assets]
        shown = LatentSet(latents=latents.latents, assets=latents.assets, captions=captions)
        return shown, PictureFeatures(material.records, encoder)
    encoder = load_text_encoder(config, base.folder, device)
    check_width("text", prior.text_pooled_width, encoder.width_pooled, config.name)
    check_width("text", prior.text_token_width, encoder.width_tokens, config.name)
    latents = rehearsed(base, latents, run, recipe.rehearsal, encoder, working)
    return latents, CaptionFeatures([text for texts in latents.captions for text in texts], encoder)


def trainable(base: Model, recipe: FinetuningRecipe) -> Prior:
    """A copy of the base's prior, all of which learns, or its low-rank changes."""
    assert base.prior is not None
    if recipe.lora is not None:
        return LoraPrior(base.prior, recipe.lora)
    return deepcopy(base.prior).requires_grad_(True)


def statistics_of(base: Model) -> LatentStatistics:
    """The base's own: new ones would move everything it knows. Published priors take latents as they are."""
    if base.statistics is not None:
        return base.statistics
    field = base.config.autoencoder.field
    shape = (field.latent_tokens, field.latent_channels)
    return LatentStatistics(mean=torch.zeros(shape), std=torch.ones(shape), clip=1.0)


def save(
    base: Model, average: Prior, run: Path, recipe: FinetuningRecipe, material: Material, name: str
) -> None:
    """Write the model, in fp32 so that nothing of the base is rounded, and the adapter if there is one."""
    model = replace(base, prior=average)
    if recipe.lora is not None:
        assert isinstance(average, LoraPrior)
        adapter = adapter_of(average, recipe.lora, name=name, base=base)
        model = adapted(base, adapter)
        save_adapter(run / "adapter.safetensors", adapter)
    model = replace(model, config=replace(base.config, name=name))
    card = CARD.format(
        name=name,
        base=base.config.name,
        count=len(material.records),
        how="all of its prior" if recipe.lora is None else f"LoRA of rank {recipe.lora.rank}",
        sha256=base.sha256,
    )
    save_model(run / "model", with_clip(model, run / "model"), card=card, dtype=torch.float32)
