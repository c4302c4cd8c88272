"""Models of the published structure with made-up weights: CLIP conditions, one token a row, no statistics."""

from pathlib import Path
from typing import Literal

import torch

from shapewright.autoencoder import Autoencoder, AutoencoderConfig
from shapewright.encoder import EncoderConfig, PointBranchConfig, ViewBranchConfig
from shapewright.field import FieldConfig
from shapewright.nn.point_conv import PointConvConfig
from shapewright.pipeline import Model, ModelConfig, save_model
from shapewright.prior import Prior, PriorConfig, SamplerConfig
from tiny_clip import GRID_WIDTH, POOLED_WIDTH, save_clip

CHANNELS = 32
FIELD = FieldConfig(latent_tokens=64, latent_channels=CHANNELS, hidden_width=16)
TRANSMITTER = EncoderConfig(
    width=32,
    heads=4,
    self_layers=2,
    points=PointBranchConfig(conv=PointConvConfig(centers=32, neighbors=16, hidden=(32, 32))),
    views=ViewBranchConfig(),
)


def official_model(
    kind: Literal["text", "image"] | None,
    *,
    name: str = "official",
    layers: int = 2,
    steps: int = 3,
    encoder: EncoderConfig | None = None,
) -> Model:
    """kind: what its prior takes; None for no prior. Its CLIP is in the model folder (`save_official`)."""
    autoencoder_config = AutoencoderConfig(encoder=encoder, field=FIELD)
    prior_config = None
    if kind is not None:
        prior_config = PriorConfig(
            latent_tokens=FIELD.latent_tokens,
            latent_channels=CHANNELS,
            width=64,
            layers=layers,
            text_pooled_width=POOLED_WIDTH if kind == "text" else None,
            image_token_width=GRID_WIDTH if kind == "image" else None,
        )
    config = ModelConfig(
        name=name,
        autoencoder=autoencoder_config,
        prior=prior_config,
        text="clip" if kind == "text" else None,
        image="clip" if kind == "image" else None,
        clip="clip",
        sampler=SamplerConfig(steps=steps, guidance=15.0 if kind == "text" else 3.0),
        points=256,
        views=4,
        view_size_px=32,
    )
    with torch.random.fork_rng():
        torch.manual_seed(1)
        autoencoder = Autoencoder(autoencoder_config)
        prior = Prior(prior_config) if prior_config else None
        if prior is not None:  # starts at zero, which would make all samples alike
            torch.nn.init.normal_(prior.output_proj.weight, std=0.1)
        output = autoencoder.field.mlp.linears()[-1]
        with torch.no_grad():
            output.weight.mul_(3.0)
            output.bias[0] = 0.5
    return Model(config=config, autoencoder=autoencoder, prior=prior)


def save_official(folder: Path, model: Model) -> Path:
    """The model folder, with a small random CLIP in it."""
    save_model(folder, model, card="# Of the published structure\n", dtype=torch.float32)
    save_clip(folder / "clip")
    return folder
