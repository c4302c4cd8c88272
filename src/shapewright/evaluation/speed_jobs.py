"""What is measured of a model: each job of `shapewright bench`, and its plain twin where there is one."""

import tempfile
from functools import partial
from pathlib import Path
from typing import Literal

import numpy as np
import torch
from torch.nn import functional as F

from shapewright.errors import ConfigError
from shapewright.evaluation.speed import Job
from shapewright.geometry import cameras, mesh_files
from shapewright.geometry.mesh import Mesh
from shapewright.pipeline import Asset, Pipeline
from shapewright.pipeline.asset_input import require_encoder
from shapewright.pipeline.conditioners import require_kind
from shapewright.pipeline.mesh_options import MeshOptions
from shapewright.prior import Condition, Prior, PriorConfig, SamplerConfig
from shapewright.prior.sampling import prior_denoiser
from shapewright.render import FastNerf, extract_mesh, render_nerf_image
from shapewright.render.background import WHITE
from shapewright.render.studio import Studio

__all__ = ["decode_job", "encode_job", "generate_job", "prior_job", "render_job"]

PROMPT, TEXT_TOKENS, IMAGE_TOKENS = "a wooden chair", 8, 256
# Enough for something that looks like what it should.
QUICK_STEPS = 12


def prior_job(prior: Prior, plain: Prior | None, sampler: SamplerConfig, *, batch: int = 1) -> Job:
    """One guided evaluation of `batch` latents, noised half of the way."""

    def evaluation(prior: Prior) -> object:
        with torch.inference_mode():
            return denoisers[id(prior)](x, sigma)

    device = prior.input_proj.weight.device
    size = (batch, prior.config.latent_tokens, prior.config.latent_channels)
    sigma = (sampler.sigma_min * sampler.sigma_max) ** 0.5
    x = (1 + sigma) * torch.randn(size, generator=torch.Generator().manual_seed(0)).to(device)
    condition = made_up_condition(prior.config, batch).to(device)
    guided = partial(prior_denoiser, condition=condition, guidance=sampler.guidance, clip=sampler.clip)
    with torch.inference_mode():
        denoisers = {id(each): guided(each) for each in (prior, plain) if each is not None}
    return Job(ours=partial(evaluation, prior), plain=plain and partial(evaluation, plain))


def generate_job(
    pipeline: Pipeline, plain: Pipeline | None, *, n: int, steps: int | None, resolution: int
) -> Job:
    """A prompt to `n` GLB files, or to latents only where the resolution is 0.

    Raises: ModelError for a model that does not read prompts.
    """

    def generation(pipeline: Pipeline) -> None:
        assets = pipeline.generate(PROMPT, n=n, steps=steps)
        with tempfile.TemporaryDirectory() as folder:
            for asset in assets if resolution else ():
                asset.export(Path(folder) / "asset.glb", resolution=resolution)

    require_kind(pipeline.model.config, "text")
    return Job(ours=partial(generation, pipeline), plain=plain and partial(generation, plain))


def decode_job(pipeline: Pipeline, *, resolution: int, compare: bool) -> Job:
    """A latent to its coloured mesh; the plain twin asks the field at every point of the grid."""
    latent, field = some_asset(pipeline).latent, pipeline.model.autoencoder.field

    def ours() -> object:  # an asset keeps its surface, so each run has its own
        return pipeline.asset(latent, prompt="", seed=None, settings={}).surface(resolution)

    def plain() -> object:
        with torch.no_grad():
            weights = field.weights(latent[None].to(pipeline.device))
        return extract_mesh(field, weights, resolution=resolution, refine=False)

    return Job(ours=ours, plain=plain if compare else None)


def render_job(
    pipeline: Pipeline,
    *,
    mode: Literal["mesh", "nerf"],
    size_px: int,
    resolution: int,
    compare: bool,
) -> Job:
    """One view, of a surface that is there already or of the density.

    The plain twin of a mesh's antialiased view casts as many rays through every pixel; that of the density
    takes the published numbers of samples, in fp32. Both take one ray a pixel of the density.
    """
    asset, field = some_asset(pipeline), pipeline.model.autoencoder.field
    camera = cameras.turntable(8, size_px=size_px)[1]
    if mode == "mesh":
        studio = Studio(asset.clean_surface(MeshOptions(resolution=resolution)).mesh)
        plain = partial(studio.picture, camera, background=WHITE, everywhere=True)
        return Job(ours=lambda: asset.view(camera, resolution=resolution), plain=plain if compare else None)
    with torch.no_grad():
        weights = field.weights(asset.latent[None].to(pipeline.device))
        nerf = FastNerf(field, weights)
    return Job(
        ours=lambda: nerf.render(camera),
        plain=(lambda: render_nerf_image(field, weights, camera)) if compare else None,
    )


def encode_job(pipeline: Pipeline, file: Path | None, *, compare: bool) -> Job:
    """A 3D file to its latent, not refined; a sphere, written first, if None is given.

    The plain twin encodes in fp32.

    Raises: ModelError without an encoder.
    """

    def written_and_encoded(pipeline: Pipeline) -> object:
        with tempfile.TemporaryDirectory() as folder:
            mesh_files.save(sphere(), Path(folder) / "sphere.ply")
            return pipeline.encode(Path(folder) / "sphere.ply", refine=0)

    def encoded(pipeline: Pipeline) -> object:
        return written_and_encoded(pipeline) if file is None else pipeline.encode(file, refine=0)

    require_encoder(file or Path("sphere.ply"), pipeline.model.config)
    plain = Pipeline(pipeline.model, device=pipeline.device.type) if compare else None
    return Job(ours=partial(encoded, pipeline), plain=None if plain is None else partial(encoded, plain))


def sphere(rings: int = 32, sectors: int = 64) -> Mesh:
    """Of radius 1/2, grey, with a corner at each pole: 2 * (rings - 1) * sectors triangles."""
    polar = np.linspace(0, np.pi, rings + 1)[1:-1, None]
    around = np.linspace(0, 2 * np.pi, sectors, endpoint=False)[None]
    height = np.broadcast_to(np.cos(polar), (rings - 1, sectors))
    sides = [np.sin(polar) * np.cos(around), np.sin(polar) * np.sin(around), height]
    corners = np.concatenate([np.stack(sides, axis=-1).reshape(-1, 3), [[0, 0, 1], [0, 0, -1]]])
    row, column = np.arange(rings - 1)[:, None] * sectors, np.arange(sectors)[None]
    here, right = row + column, row + (column + 1) % sectors
    top, bottom = (rings - 1) * sectors, (rings - 1) * sectors + 1
    quads = [(here[:-1], here[1:], right[1:]), (here[:-1], right[1:], right[:-1])]
    caps = [(np.full(sectors, top), here[0], right[0]), (np.full(sectors, bottom), right[-1], here[-1])]
    faces = [np.stack(corner, axis=-1).reshape(-1, 3) for corner in (*quads, *caps)]
    return Mesh(
        vertices=(0.5 * corners).astype(np.float32),
        faces=np.concatenate(faces).astype(np.int64),
        vertex_colors=np.full((len(corners), 3), 0.5, dtype=np.float32),
    )


def made_up_condition(config: PriorConfig, batch: int) -> Condition:
    """Something for each part that the prior wants. Raises: ConfigError for one that wants coarse points."""
    if config.low_res is not None:
        raise ConfigError("Upsamplers of point clouds are not measured: take a model of latents.")
    generator = torch.Generator().manual_seed(1)

    def draw(width: int | None, *tokens: int) -> torch.Tensor | None:
        return None if width is None else torch.randn(batch, *tokens, width, generator=generator)

    text, pooled = draw(config.text_token_width, TEXT_TOKENS), draw(config.text_pooled_width)
    return Condition(
        text_pooled=None if pooled is None else F.normalize(pooled, dim=-1),
        text_tokens=text,
        text_mask=None if text is None else torch.ones(batch, TEXT_TOKENS, dtype=torch.bool),
        image_tokens=draw(config.image_token_width, IMAGE_TOKENS),
    )


def some_asset(pipeline: Pipeline) -> Asset:
    """A sample of a model that reads prompts; else a latent of the size and spread of the model's own."""
    if pipeline.model.prior is not None and pipeline.model.config.text is not None:
        return pipeline.generate(PROMPT, steps=QUICK_STEPS)[0]
    sizes, statistics = pipeline.model.config.autoencoder.field, pipeline.model.statistics
    noise = torch.randn(
        sizes.latent_tokens, sizes.latent_channels, generator=torch.Generator().manual_seed(0)
    )
    latent = torch.tanh(noise) if statistics is None else statistics.restore(noise).clamp(-1, 1)
    return pipeline.asset(latent, prompt="made up", seed=0, settings={})
