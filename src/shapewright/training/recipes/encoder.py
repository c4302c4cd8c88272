"""Recipes for a small autoencoder taught directly: sizes, data and optimisation as one value."""

from dataclasses import dataclass

from shapewright.autoencoder import AutoencoderConfig
from shapewright.dataset.field_targets import SOLID_THICKNESS
from shapewright.encoder import BottleneckConfig, EncoderConfig, PointBranchConfig
from shapewright.field import FieldConfig, MixerConfig
from shapewright.nn.point_conv import PointConvConfig
from shapewright.training.loop import LoopConfig
from shapewright.training.objectives.field_supervision import FieldSupervisionConfig
from shapewright.training.objectives.latent_table import LatentTableConfig
from shapewright.training.variation import Augmentation

__all__ = [
    "ENCODER_RECIPES",
    "REFINEMENT_RECIPES",
    "EncoderRecipe",
    "RefinementRecipe",
    "homeware",
    "homeware_refinement",
    "tiny",
    "tiny_refinement",
]


# How much further out than in the data build surfaces are taught, so that thin parts survive a small field.
THICKENING = 0.005


@dataclass(frozen=True, kw_only=True)
class EncoderRecipe:
    """All that defines an encoder run but its data."""

    model: AutoencoderConfig
    objective: FieldSupervisionConfig
    loop: LoopConfig


def tiny() -> EncoderRecipe:
    """Seconds on one core: for tests and first looks."""
    return EncoderRecipe(
        model=small_autoencoder(
            tokens=8, channels=8, width=64, field_width=32, octaves=4, layers=1, centers=32
        ),
        objective=FieldSupervisionConfig(points=256, queries=512),
        loop=LoopConfig(steps=150, batch_size=4, learning_rate=2e-3, warmup_steps=10, ema_decay=0.98),
    )


def homeware() -> EncoderRecipe:
    """The shipped model: hours on two cores."""
    return EncoderRecipe(
        model=small_autoencoder(
            tokens=32,
            channels=32,
            width=256,
            field_width=96,
            octaves=6,
            layers=4,
            centers=128,
            surface_offset=SOLID_THICKNESS + THICKENING,
        ),
        # few assets: an encoder that sees them upright only knows them by heart and no others
        # (docs/decisions/0009)
        objective=FieldSupervisionConfig(
            points=2048,
            queries=1024,
            thickening=THICKENING,
            augmentation=Augmentation(scale=0.6, stretch=0.25, turn=0.35, tip=0.15),
        ),
        loop=LoopConfig(
            steps=7000,
            batch_size=32,
            learning_rate=1.5e-3,
            optimizer="muon",
            warmup_steps=150,
            ema_decay=0.998,
        ),
    )


def small_autoencoder(
    *,
    tokens: int,
    channels: int,
    width: int,
    field_width: int,
    octaves: int,
    layers: int,
    centers: int,
    surface_offset: float = 0.0,
) -> AutoencoderConfig:
    """Few latent tokens, several rows each, mixed by a small transformer; points only."""
    conv = PointConvConfig(
        centers=centers, neighbors=16, radius=0.25, hidden=(width // 4, width // 2), kernel=1, stride=1
    )
    points = PointBranchConfig(octaves=octaves, channels=width // 4, conv=conv, attend_to_centers=True)
    heads = width // 32
    return AutoencoderConfig(
        encoder=EncoderConfig(
            width=width,
            heads=heads,
            self_layers=layers,
            rounds=min(2, layers),
            init_scale=1.0,
            process_centers=False,
            points=points,
            views=None,
            bottleneck=BottleneckConfig(noise_probability=0.3),
        ),
        field=FieldConfig(
            latent_tokens=tokens,
            latent_channels=channels,
            hidden_width=field_width,
            position_octaves=octaves,
            direction_octaves=None,
            initial_density_bias=0.0,
            row_scale=1.2 / field_width**0.5,
            density_scale=150.0,
            signed_distance_truncation=0.03,
            surface_offset=surface_offset,
            mixer=MixerConfig(width=width, layers=min(2, layers), heads=heads, channels=width // 4),
        ),
    )


@dataclass(frozen=True, kw_only=True)
class RefinementRecipe:
    """The second stage of a small autoencoder: latents of their own for the training draws."""

    objective: LatentTableConfig
    loop: LoopConfig


def tiny_refinement() -> RefinementRecipe:
    """For tests; fits the tiny autoencoder."""
    return RefinementRecipe(
        objective=LatentTableConfig(supervision=tiny().objective, draws=2, encoded=2),
        loop=LoopConfig(steps=30, batch_size=8, learning_rate=1e-3, warmup_steps=5, ema_decay=0.95),
    )


def homeware_refinement() -> RefinementRecipe:
    """For the shipped model."""
    return RefinementRecipe(
        objective=LatentTableConfig(supervision=homeware().objective, encoded=12),
        loop=LoopConfig(
            steps=6000,
            batch_size=48,
            learning_rate=1e-3,
            optimizer="muon",
            warmup_steps=50,
            ema_decay=0.995,
            table_rate=15.0,
        ),
    )


REFINEMENT_RECIPES = {"tiny": tiny_refinement, "homeware": homeware_refinement}
ENCODER_RECIPES = {"tiny": tiny, "homeware": homeware}
