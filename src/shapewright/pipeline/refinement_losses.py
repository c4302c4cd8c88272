"""How far the fields of some latents are from their targets, asset by asset.

A field that was taught at points is asked as it was taught; a field of the published kind by the published
losses: L1 on signed distance and on the surface's colour at points. Both also by L1 on colour and
transmittance of rays, where there are views.
Shapes: B assets, Q queries, R rays.
"""

import torch
from jaxtyping import Float
from torch import Tensor

from shapewright.field import Field, FieldConfig, FieldOutput, FieldWeights
from shapewright.field.point_losses import COARSE_DILATION, density_errors, signed_distance_errors
from shapewright.pipeline.refinement_targets import RayTargets, RefinementTargets
from shapewright.render.nerf import NerfConfig, NerfImage, render_nerf

__all__ = ["iou_of", "losses_of", "measured_unit", "nerf_of"]

# Of fields taught at points: as in their training.
DENSITY_WEIGHT, COLOR_WEIGHT, COLOR_REACH = 0.2, 1.5, 0.03
# Beside these; measured in docs/decisions/0006-refinement.md.
RAY_WEIGHT = 0.5
# Of published fields: errors in distance are a hundredth where those in colour are a third. On a small field
# of the published structure 30 gave surfaces an IoU of 0.56, 10 gave 0.50, 3 gave 0.43; rays did as well.
DISTANCE_WEIGHT = 30.0
NERF = NerfConfig(coarse_samples=64, fine_samples=64)
# Of fields taught at points, whose densities rise within a short way.
SHORT_NERF = NerfConfig(coarse_samples=32, fine_samples=24)


def losses_of(
    field: Field, weights: FieldWeights, targets: RefinementTargets, unit: Float[Tensor, " b"]
) -> Float[Tensor, " b"]:
    """The loss of each asset on all the given targets; unit: see `measured_unit`."""
    output = field.query(weights, targets.queries)
    if field.config.taught_at_points:
        losses = taught_losses(output, targets, unit, field.config.density_scale)
    else:
        losses = distance_losses(output, targets, unit)
    if targets.rays is not None:
        losses = losses + ray_losses(field, weights, targets.rays)
    return losses


def nerf_of(config: FieldConfig) -> NerfConfig:
    """How rays through such a field are sampled."""
    return SHORT_NERF if config.taught_at_points else NERF


def taught_losses(
    output: FieldOutput, targets: RefinementTargets, unit: Float[Tensor, " b"], density_scale: float
) -> Float[Tensor, " b"]:
    """Signed distance, both densities' ramps, and all three colours near the surface."""
    distance, raw = targets.signed_distance, output.raw
    loss = signed_distance_errors(raw[..., 0], distance / unit[:, None]).mean(dim=1)
    coarse = density_errors(raw[..., 1] / density_scale, distance + COARSE_DILATION)
    fine = density_errors(raw[..., 2] / density_scale, distance)
    loss = loss + DENSITY_WEIGHT * (coarse + fine).mean(dim=1)
    nerf = color_errors(output.color_coarse, targets.lit, distance)
    nerf = nerf + color_errors(output.color_fine, targets.lit, distance)
    return loss + COLOR_WEIGHT * (color_errors(output.stf_color, targets.colors, distance) + nerf / 2)


def distance_losses(
    output: FieldOutput, targets: RefinementTargets, unit: Float[Tensor, " b"]
) -> Float[Tensor, " b"]:
    """L1 on signed distance and on the surface's colour. Source: Shap-E, section 4.3 (STF distillation)."""
    target = torch.tanh(targets.signed_distance / unit[:, None])
    # back in world units, so that the weights mean the same whatever the field's unit
    apart = unit * (output.signed_distance - target).abs().mean(dim=1)
    return DISTANCE_WEIGHT * apart + color_errors(output.stf_color, targets.colors, targets.signed_distance)


def ray_losses(field: Field, weights: FieldWeights, rays: RayTargets) -> Float[Tensor, " b"]:
    """L1 on colour and transmittance. Source: Shap-E, section 4.2 (NeRF pretraining).

    Of both levels, unless the field was taught at points: its coarse level lies further out on purpose.
    """
    image = render_nerf(field, weights, rays.origins, rays.directions, nerf_of(field.config))
    if field.config.taught_at_points:
        return RAY_WEIGHT * level_losses(image, rays, transmittance_weight=0.5)
    assert image.coarse is not None
    return level_losses(image.coarse, rays) + level_losses(image, rays)


def level_losses(
    level: NerfImage, rays: RayTargets, *, transmittance_weight: float = 1.0
) -> Float[Tensor, " b"]:
    color = (level.color - rays.color).abs().mean(dim=(1, 2))
    return color + transmittance_weight * (level.transmittance - rays.transmittance).abs().mean(dim=1)


def color_errors(
    color: Float[Tensor, "b q 3"], target: Float[Tensor, "b q 3"], distance: Float[Tensor, "b q"]
) -> Float[Tensor, " b"]:
    """Mean absolute error of a channel, counting most at the surface."""
    weight = torch.exp(-distance.abs() / COLOR_REACH)
    return ((color - target).abs().mean(dim=-1) * weight).sum(dim=1) / weight.sum(dim=1).clamp(min=1e-6)


@torch.no_grad()
def measured_unit(field: Field, weights: FieldWeights, targets: RefinementTargets) -> Float[Tensor, " b"]:
    """In what unit each asset's field speaks of distance: 1 where its first output is in world units.

    A field taught on squashed distances says so in its config. The published fields' unit is nowhere
    written: it is how much larger distances are than the field's words, on the whole.
    """
    truncation = field.config.signed_distance_truncation
    distance = targets.signed_distance
    if truncation is not None:
        return torch.full_like(distance[:, 0], truncation)
    said = field.query(weights, targets.queries).raw[..., 0].abs().mean(dim=1)
    return (distance.abs().mean(dim=1) / said.clamp(min=1e-3)).clamp(0.01, 10.0)


@torch.no_grad()
def iou_of(field: Field, weights: FieldWeights, targets: RefinementTargets) -> Float[Tensor, " b"]:
    """Intersection over union, at the queries, of what is inside and what each field says is."""
    inside, said = targets.signed_distance > 0, field.query(weights, targets.queries).raw[..., 0] > 0
    return (inside & said).sum(dim=1) / (inside | said).sum(dim=1).clamp(min=1)
