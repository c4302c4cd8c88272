"""Gaussian diffusion on tensors of any shape; knows no model."""

from shapewright.diffusion.discrete import DiffusionConfig, DiscreteDiffusion
from shapewright.diffusion.guidance import guided_denoiser, guided_within, mixed_denoiser
from shapewright.diffusion.losses import DenoisingLoss, denoising_loss
from shapewright.diffusion.multistep import dpmpp2m, dpmpp3m, unipc
from shapewright.diffusion.noise import SampleNoise
from shapewright.diffusion.preconditioning import (
    Denoiser,
    discrete_denoiser,
    interpolated_sigmas,
    karras_sigmas,
)
from shapewright.diffusion.samplers import Churn, dpm, euler, heun
from shapewright.diffusion.schedules import ScheduleConfig

__all__ = [
    "Churn",
    "Denoiser",
    "DenoisingLoss",
    "DiffusionConfig",
    "DiscreteDiffusion",
    "SampleNoise",
    "ScheduleConfig",
    "denoising_loss",
    "discrete_denoiser",
    "dpm",
    "dpmpp2m",
    "dpmpp3m",
    "euler",
    "guided_denoiser",
    "guided_within",
    "heun",
    "interpolated_sigmas",
    "karras_sigmas",
    "mixed_denoiser",
    "unipc",
]
