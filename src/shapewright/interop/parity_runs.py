"""What a parity case of each kind computes.

Shapes: T latent tokens, D latent channels, N points, V views, H x W pixels.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np
import torch
from torch import Tensor

from shapewright.diffusion import karras_sigmas
from shapewright.encoder import ViewBatch
from shapewright.errors import ConfigError, DatasetError
from shapewright.field import Field, FieldOutput, FieldWeights
from shapewright.geometry.cameras import Camera
from shapewright.geometry.light import srgb_to_linear
from shapewright.interop.official import load_decoder, load_prior, load_transmitter
from shapewright.prior import Condition, Prior, SamplerConfig, sample_from
from shapewright.render import NerfConfig, extract_mesh, render_nerf

__all__ = ["Arrays", "Inputs", "run_decoder", "run_prior", "run_transmitter"]

Arrays = dict[str, np.ndarray]
State = Mapping[str, Tensor]
Settings = Mapping[str, Any]

# The golden pictures are the converged integral, not that of the model's own few samples.
CONVERGED = {"coarse_samples": 1024, "fine_samples": 1024}
# The cases' cameras say where they stand and look; their angle of view, and the size of the decoder's
# pictures, are in the notes.
CAMERA_SIZE_PX = 16
CAMERA_FOV_RAD = 0.7


class Inputs:
    """Named arrays of a case; a missing one is the user's mistake."""

    def __init__(self, arrays: Arrays) -> None:
        self.arrays = arrays

    def array(self, name: str) -> np.ndarray:
        if name not in self.arrays:
            raise DatasetError(
                f"The inputs lack '{name}'; they have {', '.join(sorted(self.arrays)) or 'nothing'}."
            )
        return self.arrays[name]

    def tensor(self, name: str) -> Tensor:
        return torch.from_numpy(np.ascontiguousarray(self.array(name))).float()

    def camera(self) -> Camera:
        """Of the one stored as camera/{origin,x,y,z}."""
        origin, x, y, z = (self.array(f"camera/{name}") for name in ("origin", "x", "y", "z"))
        return Camera(
            origin=origin,
            x=x,
            y=y,
            z=z,
            width_px=CAMERA_SIZE_PX,
            height_px=CAMERA_SIZE_PX,
            fov_x_rad=CAMERA_FOV_RAD,
            fov_y_rad=CAMERA_FOV_RAD,
        )


def run_decoder(config: Settings, state: State, inputs: Inputs) -> Arrays:
    """Generated weights, point queries, NeRF pictures with and without directions, and the mesh."""
    decoder = load_decoder(config, state)
    field, renderer = decoder.field, decoder.renderer
    weights = field.weights(inputs.tensor("latent")[None])
    positions, directions = inputs.tensor("query/position")[None], inputs.tensor("query/direction")[None]
    plain, directed = field.query(weights, positions), field.query(weights, positions, directions)
    outputs = {f"params/nerstf.mlp.{index}.weight": weight[0].numpy() for index, weight in enumerate(weights)}
    outputs |= nerf_outputs("query/nodir", plain) | nerf_outputs("query/dir", directed)
    outputs["query/stf/signed_distance"] = plain.signed_distance[0, :, None].numpy()
    outputs["query/stf/channels"] = plain.stf_color[0].numpy()
    camera = inputs.camera()
    nerf = replace(renderer.nerf, **CONVERGED)
    for name, use_directions in (("dir", True), ("nodir", False)):
        outputs |= nerf_pictures(f"nerf/{name}", field, weights, camera, nerf, use_directions)
    # every point of the grid and the reference's placement of it, whatever our own defaults are
    mesh = extract_mesh(field, weights, resolution=renderer.resolution, refine=False, squeeze_border=True)
    assert mesh.vertex_colors is not None
    outputs |= {"mesh/verts": mesh.vertices, "mesh/faces": mesh.faces.astype(np.int32)}
    outputs["mesh/rgb"] = srgb_to_linear(mesh.vertex_colors).astype(np.float32)
    return outputs


def nerf_outputs(name: str, seen: FieldOutput) -> Arrays:
    return {
        f"{name}/coarse/density": seen.density_coarse[0, :, None].numpy(),
        f"{name}/coarse/channels": seen.color_coarse[0].numpy(),
        f"{name}/fine/density": seen.density_fine[0, :, None].numpy(),
        f"{name}/fine/channels": seen.color_fine[0].numpy(),
    }


def nerf_pictures(
    name: str, field: Field, weights: FieldWeights, camera: Camera, config: NerfConfig, use_directions: bool
) -> Arrays:
    origins, directions = (torch.from_numpy(np.array(rays)).view(1, -1, 3) for rays in camera.rays())
    seen = render_nerf(field, weights, origins, directions, config, use_directions=use_directions)
    size = (camera.height_px, camera.width_px, -1)
    return {
        f"{name}/channels": 255 * seen.color.view(size).numpy(),
        f"{name}/transmittance": seen.transmittance.view(size).numpy(),
        f"{name}/distances": seen.distance.view(size).numpy(),
    }


def run_prior(config: Settings, state: State, settings: Settings, inputs: Inputs) -> Arrays:
    """Single evaluations, the diffusion's tables, and a guided sample under the first condition."""
    prior = load_prior(config, state)
    sampler = sampler_config(settings)
    embeddings = inputs.tensor("embeddings")
    out = prior(inputs.tensor("x"), inputs.tensor("t").long(), prior_condition(prior, embeddings))
    start = inputs.tensor("noise")[None]
    latent = sample_from(prior, prior_condition(prior, embeddings[:1]), start, config=sampler)
    sigmas = karras_sigmas(
        sampler.steps, sigma_min=sampler.sigma_min, sigma_max=sampler.sigma_max, rho=sampler.rho
    )
    return {
        "out": out.numpy(),
        "alphas_cumprod": prior.diffusion.alphas_cumprod.numpy(),
        "sigmas": sigmas.float().numpy(),
        "sample": latent[0].numpy(),
    }


def prior_condition(prior: Prior, embeddings: Tensor) -> Condition:
    """Of texts (B, 768), or of images (B, 1024, 256) with their tokens last."""
    if prior.config.image_token_width is None:
        return Condition(text_pooled=embeddings)
    return Condition(image_tokens=embeddings.transpose(1, 2))


def sampler_config(settings: Settings) -> SamplerConfig:
    """The case's `karras` and `guidance_scale`; the published models clip x_0 to [-1, 1]."""
    karras: Mapping[str, Any] = settings.get("karras", {})
    diffusion = settings.get("diffusion", {})
    expected = {"schedule": "exp", "timesteps": 1024, "mean_type": "x_start"}
    if diffusion and diffusion != expected:
        raise ConfigError(f"The case's diffusion is {diffusion}; the published priors have {expected}.")
    return SamplerConfig(
        steps=int(karras.get("steps", 64)),
        guidance=float(settings.get("guidance_scale", 1.0)),
        sigma_min=float(karras.get("sigma_min", 1e-3)),
        sigma_max=float(karras.get("sigma_max", 160.0)),
        rho=float(karras.get("rho", 7.0)),
        method=karras.get("sampler", "heun"),
        churn=float(karras.get("s_churn", 0.0)),
    )


def run_transmitter(config: Settings, state: State, inputs: Inputs) -> Arrays:
    """The latent before and after its bottleneck."""
    encoder = load_transmitter(config, state).autoencoder.encoder
    assert encoder is not None, "transmitters have one"
    channels = encoder.channels(inputs.tensor("points").T[None], view_batch(inputs))
    return {"channels": channels[0].numpy(), "bottleneck": torch.tanh(channels)[0].numpy()}


def view_batch(inputs: Inputs) -> ViewBatch:
    """Views (V, H, W, 3) and alphas (V, H, W) in 0..255, and z-depths (V, H, W) along the camera's axis."""
    views, depths = inputs.tensor("views"), inputs.tensor("depths")
    origins, x, y, z = (inputs.tensor(f"camera/{name}") for name in ("origin", "x", "y", "z"))
    positions = [surface_positions(*view) for view in zip(origins, x, y, z, depths, strict=True)]
    return ViewBatch(
        rgb=views[None] / 127.5 - 1,
        alpha=inputs.tensor("alphas")[None] / 255,
        origins=origins[None],
        positions=torch.stack(positions)[None],
    )


def surface_positions(origin: Tensor, x: Tensor, y: Tensor, z: Tensor, depth: Tensor) -> Tensor:
    """World positions (H, W, 3) of the surface at z-depths (H, W), in the reference's fp32 steps.

    The encoding's highest octave multiplies positions by 2^14, so their rounding is seen in the latent:
    rays from doubles (Camera.rays) differ from the golden values by 3e-4, these by 2e-6.
    """
    tangent = torch.tan(torch.tensor(CAMERA_FOV_RAD) / 2)
    height, width = depth.shape
    across = (torch.arange(width) / (width - 1) * 2 - 1) * tangent
    down = (torch.arange(height) / (height - 1) * 2 - 1) * tangent
    directions = z + x * across[None, :, None] + y * down[:, None, None]
    directions = directions / directions.norm(dim=-1, keepdim=True)
    return origin + directions * (depth[..., None] / (directions * z).sum(dim=-1, keepdim=True))
