"""What a parity case of each kind computes.

Shapes: T latent tokens, D latent channels, N points, V views, H x W pixels.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import torch
from torch import Tensor

from shapewright.diffusion import SampleNoise, karras_sigmas
from shapewright.encoder import ViewBatch
from shapewright.errors import DatasetError, EmptySurfaceError
from shapewright.field import Field, FieldOutput, FieldWeights
from shapewright.geometry.cameras import Camera
from shapewright.geometry.light import srgb_to_linear
from shapewright.geometry.mesh import Mesh
from shapewright.interop.official import OfficialDecoder, load_decoder, load_prior, load_transmitter
from shapewright.interop.official_diffusion import EXP_X0
from shapewright.interop.parity_inputs import CAMERA, Arrays, Inputs, Optics, Settings, State, sampler_config
from shapewright.prior import Condition, Prior, sample_from
from shapewright.render import NerfConfig, extract_mesh, render_nerf

__all__ = ["run_decoder", "run_prior", "run_transmitter"]

# The golden pictures are the converged integral, not that of the model's own few samples.
CONVERGED = {"coarse_samples": 1024, "fine_samples": 1024}
# So many samples of a ray are kept for so many rays at once: about 0.5 GB at the published width.
RAYS_AT_ONCE = 128


def run_decoder(config: Settings, state: State, settings: Settings, inputs: Inputs) -> Arrays:
    """Generated weights and the mesh; point queries and NeRF pictures with and without directions, if
    their inputs are there."""
    decoder = load_decoder(config, state)
    field, latent = decoder.field, inputs.tensor("latent")
    wanted = (field.config.latent_tokens, field.config.latent_channels)
    if latent.numel() != wanted[0] * wanted[1]:
        raise DatasetError(f"The input 'latent' is {tuple(latent.shape)}; the decoder takes {wanted}.")
    weights = field.weights(latent.reshape(1, *wanted))
    outputs = {f"params/nerstf.mlp.{index}.weight": weight[0].numpy() for index, weight in enumerate(weights)}
    outputs |= queried(field, weights, inputs)
    if inputs.has(*CAMERA):
        camera = inputs.camera(Optics.of_note(settings))
        nerf = replace(decoder.renderer.nerf, **CONVERGED)
        for name, use_directions in (("dir", True), ("nodir", False)):
            outputs |= nerf_pictures(f"nerf/{name}", field, weights, camera, nerf, use_directions)
    return outputs | mesh_outputs(decoder, weights)


def queried(field: Field, weights: FieldWeights, inputs: Inputs) -> Arrays:
    if not inputs.has("query/position"):
        return {}
    positions = inputs.tensor("query/position", (None, 3))[None]
    plain = field.query(weights, positions)
    outputs = nerf_outputs("query/nodir", plain)
    if inputs.has("query/direction"):
        directions = inputs.tensor("query/direction", (positions.shape[1], 3))[None]
        outputs |= nerf_outputs("query/dir", field.query(weights, positions, directions))
    outputs["query/stf/signed_distance"] = plain.signed_distance[0, :, None].numpy()
    outputs["query/stf/channels"] = plain.stf_color[0].numpy()
    return outputs


def mesh_outputs(decoder: OfficialDecoder, weights: FieldWeights) -> Arrays:
    """Every point of the grid and the reference's placement of it, whatever our own defaults are."""
    try:
        mesh = extract_mesh(
            decoder.field,
            weights,
            resolution=decoder.renderer.resolution,
            refine=False,
            as_published=True,
        )
    except EmptySurfaceError:  # a mesh without triangles is what is to be told of it
        nothing = np.zeros((0, 3), dtype=np.float32)
        mesh = Mesh(vertices=nothing, faces=np.zeros((0, 3), dtype=np.int64), vertex_colors=nothing)
    assert mesh.vertex_colors is not None
    return {
        "mesh/verts": mesh.vertices,
        "mesh/faces": mesh.faces.astype(np.int32),
        "mesh/rgb": srgb_to_linear(mesh.vertex_colors).astype(np.float32),
    }


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
    parts = [
        render_nerf(field, weights, *rays, config, use_directions=use_directions)
        for rays in zip(origins.split(RAYS_AT_ONCE, 1), directions.split(RAYS_AT_ONCE, 1), strict=True)
    ]
    size = (camera.height_px, camera.width_px, -1)
    return {
        f"{name}/channels": 255 * torch.cat([part.color for part in parts], 1).view(size).numpy(),
        f"{name}/transmittance": torch.cat([part.transmittance for part in parts], 1).view(size).numpy(),
        f"{name}/distances": torch.cat([part.distance for part in parts], 1).view(size).numpy(),
    }


def run_prior(config: Settings, state: State, settings: Settings, inputs: Inputs) -> Arrays:
    """Single evaluations of x, the diffusion's tables, and guided samples from noise under the first
    conditions; noise is of one sample or of several."""
    prior = load_prior(config, state, settings.get("diffusion", EXP_X0))
    sampler = sampler_config(settings)
    sigmas = karras_sigmas(
        sampler.steps, sigma_min=sampler.sigma_min, sigma_max=sampler.sigma_max, rho=sampler.rho
    )
    outputs = {
        "alphas_cumprod": prior.diffusion.alphas_cumprod.numpy(),
        "sigmas": sigmas.float().numpy(),
    }
    size = (prior.config.latent_tokens, prior.config.latent_channels)
    if inputs.has("x"):
        x = inputs.tensor("x", (None, *size))
        condition = prior_condition(prior, inputs, len(x))
        outputs["out"] = prior(x, inputs.tensor("t", (len(x),)), condition).numpy()
    if inputs.has("noise"):
        noise = inputs.tensor("noise")
        start = inputs.tensor("noise", size if noise.ndim == 2 else (None, *size)).reshape(-1, *size)
        condition = prior_condition(prior, inputs, len(start))
        churn = SampleNoise(range(len(start)))  # a case does not hold the noise that churn takes
        latent = sample_from(prior, condition, start, config=sampler, noise=churn)
        outputs["sample"] = latent.reshape(noise.shape).numpy()
    return outputs


def prior_condition(prior: Prior, inputs: Inputs, rows: int) -> Condition:
    """The first of the texts (B, 768), or of the images (B, 1024, 256) with their tokens last."""
    width = prior.config.image_token_width
    if width is None:
        return Condition(text_pooled=inputs.rows("embeddings", rows, (None, prior.config.text_pooled_width)))
    return Condition(image_tokens=inputs.rows("embeddings", rows, (None, width, None)).transpose(1, 2))


def run_transmitter(config: Settings, state: State, settings: Settings, inputs: Inputs) -> Arrays:
    """The latent before and after its bottleneck."""
    encoder = load_transmitter(config, state).autoencoder.encoder
    assert encoder is not None, "transmitters have one"
    points = inputs.tensor("points", (6, None)).T[None]
    channels = encoder.channels(points, view_batch(inputs, Optics.of_note(settings)))
    return {"channels": channels[0].numpy(), "bottleneck": torch.tanh(channels)[0].numpy()}


def view_batch(inputs: Inputs, optics: Optics) -> ViewBatch:
    """Views (V, H, W, 3) and alphas (V, H, W) in 0..255, and z-depths (V, H, W) along the camera's axis."""
    views = inputs.tensor("views", (None, None, None, 3))
    pixels = tuple(views.shape[:3])
    depths, alphas = inputs.tensor("depths", pixels), inputs.tensor("alphas", pixels)
    origins, x, y, z = (inputs.tensor(name, (len(views), 3)) for name in CAMERA)
    cameras = zip(origins, x, y, z, depths, strict=True)
    return ViewBatch(
        rgb=views[None] / 127.5 - 1,
        alpha=alphas[None] / 255,
        origins=origins[None],
        positions=torch.stack([surface_positions(*camera, optics) for camera in cameras])[None],
    )


def surface_positions(
    origin: Tensor, x: Tensor, y: Tensor, z: Tensor, depth: Tensor, optics: Optics
) -> Tensor:
    """World positions (H, W, 3) of the surface at z-depths (H, W), in the reference's fp32 steps.

    The encoding's highest octave multiplies positions by 2^14, so their rounding is seen in the latent:
    rays from doubles (Camera.rays) differ from the golden values by 3e-4, these by 2e-6.
    """
    height, width = depth.shape
    across = fractions(width) * torch.tan(torch.tensor(optics.x_fov) / 2)
    down = fractions(height) * torch.tan(torch.tensor(optics.y_fov) / 2)
    directions = z + x * across[None, :, None] + y * down[:, None, None]
    directions = directions / directions.norm(dim=-1, keepdim=True)
    return origin + directions * (depth[..., None] / (directions * z).sum(dim=-1, keepdim=True))


def fractions(size_px: int) -> Tensor:
    """Of the way from the middle of the picture to its border, for each pixel of a row or column."""
    return torch.arange(size_px) / max(size_px - 1, 1) * 2 - 1
