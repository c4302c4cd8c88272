"""Recipes for the published way to train an autoencoder: three stages, each a run that starts from the last.

What the paper does not say, and what was measured to choose it: docs/decisions/0004-three-stages.md.
"""

from dataclasses import dataclass, replace
from typing import Any, Literal

from shapewright.autoencoder import AutoencoderConfig
from shapewright.encoder import EncoderConfig, PointBranchConfig, ViewBranchConfig
from shapewright.field import FieldConfig
from shapewright.nn.point_conv import PointConvConfig
from shapewright.training.loop import LoopConfig
from shapewright.training.objectives.distillation import DistillationConfig
from shapewright.training.objectives.encoder_inputs import EncoderInputConfig
from shapewright.training.objectives.joint_rendering import JointRenderingConfig
from shapewright.training.objectives.mixture import MixtureConfig
from shapewright.training.objectives.rendered_rays import RenderedRaysConfig
from shapewright.training.recipes import encoder

__all__ = ["STAGES", "STAGE_RECIPES", "Stage", "StageRecipe", "homeware", "paper", "single_gpu", "tiny"]

Stage = Literal["nerf", "distill", "finetune"]
STAGES: tuple[Stage, ...] = ("nerf", "distill", "finetune")

# What each stage weighs; the direct supervision (objective.direct) is in none of them.
WEIGHTS: dict[Stage, dict[str, float]] = {
    "nerf": {"rays": 1.0},
    "distill": {"rays": 1.0, "distillation": 1.0},
    "finetune": {"rays": 1.0, "surface": 1.0},
}
# Distances are squashed at this one, in which the fields then answer.
TRUNCATION = 0.1


@dataclass(frozen=True, kw_only=True)
class StageRecipe:
    """All that defines one stage but its data. A run with a start takes the model's sizes from there."""

    model: AutoencoderConfig
    objective: MixtureConfig
    loop: LoopConfig


def tiny(stage: Stage) -> StageRecipe:
    """Seconds to a minute on one core: for tests and first looks."""
    return StageRecipe(
        model=trained_on_rays(encoder.tiny().model),
        objective=weighed(
            stage,
            inputs=EncoderInputConfig(points=256, views=2),
            rendered_rays=RenderedRaysConfig(rays=64, asset_share=0.5, coarse_samples=16, fine_samples=16),
            distilled=DistillationConfig(queries=256),
            joint_rendering=JointRenderingConfig(views=1, resolution=24),
        ),
        loop=LoopConfig(
            steps={"nerf": 150, "distill": 100, "finetune": 50}[stage],
            batch_size=4,
            learning_rate=1e-3 if stage != "finetune" else 3e-4,
            warmup_steps=10,
            ema_decay=0.98,
        ),
    )


def homeware(stage: Stage) -> StageRecipe:
    """The shipped model's sizes, hours on two cores; also what it may be started from."""
    return StageRecipe(
        model=trained_on_rays(encoder.homeware().model),
        objective=weighed(
            stage,
            inputs=EncoderInputConfig(points=2048, views=4, point_noise=0.002),
            rendered_rays=RenderedRaysConfig(rays=256, asset_share=0.5, coarse_samples=32, fine_samples=32),
            distilled=DistillationConfig(queries=1024),
            joint_rendering=JointRenderingConfig(views=1, resolution=64, shrink=2),
        ),
        loop=LoopConfig(
            steps={"nerf": 12_000, "distill": 4_000, "finetune": 2_000}[stage],
            batch_size=16,
            learning_rate=1e-3 if stage != "finetune" else 1e-4,
            optimizer="muon",
            warmup_steps=150,
            ema_decay=0.998,
        ),
    )


def single_gpu(stage: Stage) -> StageRecipe:
    """Between the shipped model and the published one: days on one device of 24 GB.

    The data set is one of the recipe `homeware`. Half the published encoder's width, the whole published
    field, a quarter as many latent numbers on each side.
    """
    conv = PointConvConfig(centers=512, neighbors=32, radius=0.25, hidden=(512, 512))
    return StageRecipe(
        model=AutoencoderConfig(
            encoder=EncoderConfig(
                width=512, points=PointBranchConfig(octaves=10, conv=conv), views=ViewBranchConfig(octaves=10)
            ),
            field=FieldConfig(
                latent_tokens=256,
                latent_channels=256,
                position_octaves=10,
                direction_octaves=None,
                signed_distance_truncation=TRUNCATION,
            ),
        ),
        objective=weighed(
            stage,
            inputs=EncoderInputConfig(points=4096, views=8),
            rendered_rays=RenderedRaysConfig(rays=1024, asset_share=0.5),
            distilled=DistillationConfig(queries=4096),
            joint_rendering=JointRenderingConfig(views=1),
        ),
        loop=LoopConfig(
            steps={"nerf": 300_000, "distill": 50_000, "finetune": 40_000}[stage],
            batch_size=16,
            learning_rate=2e-4 if stage != "finetune" else 2e-5,
            warmup_steps=2000,
            ema_decay=0.9999,
        ),
    )


def paper(stage: Stage) -> StageRecipe:
    """The published sizes, steps, batch and rates."""
    return StageRecipe(
        model=AutoencoderConfig(field=FieldConfig(signed_distance_truncation=TRUNCATION)),
        objective=weighed(stage, view_cache_mb=16_384),
        loop=LoopConfig(
            steps={"nerf": 600_000, "distill": 50_000, "finetune": 65_000}[stage],
            batch_size=64,
            learning_rate=1e-4 if stage != "finetune" else 1e-5,
            warmup_steps=1000,
            betas=(0.9, 0.999),
            weight_decay=0.0,
            ema_decay=0.9999,
            activation_checkpointing=True,
        ),
    )


def weighed(stage: Stage, **settings: Any) -> MixtureConfig:
    """The stage's mixture of objectives with these settings."""
    everything: dict[str, Any] = {**WEIGHTS[stage], **settings}
    return MixtureConfig(**everything)


def trained_on_rays(model: AutoencoderConfig) -> AutoencoderConfig:
    """A model made for direct supervision as one whose field begins as air that light passes."""
    field = replace(
        model.field, density_scale=1.0, initial_density_bias=0.1, signed_distance_truncation=TRUNCATION
    )
    return replace(model, field=field)


STAGE_RECIPES = {"tiny": tiny, "homeware": homeware, "single-gpu": single_gpu, "paper": paper}
