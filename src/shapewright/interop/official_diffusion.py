"""The published diffusions' configurations as ours."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from shapewright.diffusion import DiffusionConfig, ScheduleConfig
from shapewright.errors import ConfigError
from shapewright.interop.section import Section
from shapewright.prior import ChannelScaling

__all__ = ["EXP_X0", "diffusion_config", "scaling_of"]

# That of the published latent priors.
EXP_X0: Mapping[str, Any] = {"schedule": "exp", "timesteps": 1024, "mean_type": "x_start"}
SCHEDULES = ("exp", "cosine", "linear", "inv_parabola")
PREDICTIONS = {"x_start": "x0", "epsilon": "eps"}


def diffusion_config(diffusion: Mapping[str, Any]) -> tuple[DiffusionConfig, ChannelScaling | None]:
    """Schedule, prediction, and how the channels of the data are scaled, if they are.

    Raises: ConfigError for keys that are unknown or missing and values that this package does not have.
    """
    section = Section(diffusion, "diffusion")
    section.require({"respacing": None})
    name, mean = section.read("schedule", str), section.optional("mean_type", str, "epsilon")
    if name not in SCHEDULES:
        raise ConfigError(f"'diffusion.schedule' is '{name}'; known are {', '.join(SCHEDULES)}.")
    if mean not in PREDICTIONS:
        raise ConfigError(f"'diffusion.mean_type' is '{mean}'; known are {', '.join(PREDICTIONS)}.")
    schedule = ScheduleConfig(name=name, timesteps=section.read("timesteps", int), power=_power(section))
    scaling = scaling_of(section)
    section.finish()
    return DiffusionConfig(schedule=schedule, prediction="x0" if mean == "x_start" else "eps"), scaling


def scaling_of(section: Section) -> ChannelScaling | None:
    """The section's `channel_scales` and `channel_biases`; one alone leaves the other without effect."""
    scales = section.optional("channel_scales", list, None)
    biases = section.optional("channel_biases", list, None)
    if scales is None and biases is None:
        return None
    scales = [1.0] * len(biases) if scales is None else scales
    biases = [0.0] * len(scales) if biases is None else biases
    return ChannelScaling(
        scales=tuple(float(scale) for scale in scales), biases=tuple(float(bias) for bias in biases)
    )


def _power(section: Section) -> float:
    """That of inv_parabola, the only schedule with an argument."""
    if "schedule_args" not in section.values:
        return ScheduleConfig().power
    return section.section("schedule_args").read("power", float)
