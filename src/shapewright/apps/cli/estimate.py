"""About how long a command will take and how much memory, from the sizes in a model's config.

Nothing is loaded: networks are built without weights, only to be counted.
"""

import time
from dataclasses import dataclass, replace

import torch
from torch import nn

from shapewright.autoencoder import Autoencoder
from shapewright.encoder.views import PIXELS_AT_ONCE
from shapewright.field import FieldConfig
from shapewright.field.config import FIELD_OUTPUTS
from shapewright.field.latent_to_weights import LatentToWeights
from shapewright.nn.positional_encoding import encoded_width
from shapewright.pipeline import ModelConfig, PointEPipeline
from shapewright.pipeline.latent_refinement import RefinementConfig
from shapewright.pipeline.pipeline import BATCH_SIZE
from shapewright.pipeline.refinement_losses import nerf_of
from shapewright.prior import Prior, PriorConfig, SamplerConfig
from shapewright.prior.precision import lower

__all__ = [
    "Estimate",
    "encoding_memory",
    "estimate_generation",
    "points_seconds",
    "refinement_seconds",
    "surface_seconds",
]

FLOAT = 4  # bytes: networks run in fp32, whatever their file holds; large priors may be lowered

# ---- time
# Transformers reach about this share of what plain large matrix products do.
EFFICIENCY = 0.4
PROBE_SIDE = 384
# Of a grid's points about this share is near enough to the surface to be computed.
REFINED_SHARE = 0.2
SECONDS_TO_WRITE = 1.0
# What a refinement step costs beside its products, and making targets of a file.
SECONDS_PER_STEP, SECONDS_FOR_TARGETS = 0.004, 2.0

# ---- memory
# Python with torch, transformers and the file formats, measured on Linux; on a GPU it is the host's.
PROGRAM_BYTES = 520e6
# Parameters of the frozen encoders; CLIP's are those of ViT-L/14, which the published models take.
MINILM, CLIP_TEXT, CLIP_IMAGE = 23e6, 124e6, 303e6
CLIP_IMAGE_TOKENS = 256
# Numbers held at once for each token of a transformer: residual, its norm, queries, keys and values, and the
# hidden layer (four times the width) before and after its activation.
WIDTHS_PER_TOKEN = 14
# Numbers held at once for each number of a latent while it is sampled.
STATES_PER_LATENT = 10
# Bytes for each point of the surface's grid: distances at two strides, and what is known and wanted of them.
BYTES_PER_GRID_POINT = 30
# Of a point cloud's neighbourhoods: the convolution's windows, what they are cut from, and its result.
COPIES_OF_NEIGHBOURS = 3
# Of the pixels of some views: their three encodings, joined, with the background replaced, reordered.
COPIES_OF_PIXELS = 4


@dataclass(frozen=True, kw_only=True)
class Estimate:
    """Right within a factor of about two in time, and about a fifth in memory."""

    seconds: float
    memory_bytes: float


def estimate_generation(
    config: ModelConfig,
    device: torch.device,
    *,
    count: int,
    sampler: SamplerConfig,
    resolution: int,
    precision: torch.dtype = torch.float32,
) -> Estimate:
    """Of drawing and writing `count` objects with a model that has a prior; its encoder is not loaded.

    precision: of the prior's large matrices.
    """
    assert config.prior is not None
    tokens = prior_tokens(config.prior, config.text_tokens)
    drawing = sampling_operations(parameters(config.prior), tokens, sampler)
    surface = 2.0 * field_weights(config.autoencoder.field) * REFINED_SHARE * resolution**3
    seconds = count * (drawing / _speed(device, precision) + surface / _speed(device) + SECONDS_TO_WRITE)
    rows = branches(sampler) * min(count, BATCH_SIZE)
    sampling = FLOAT * rows * tokens * config.prior.width * WIDTHS_PER_TOKEN
    sampling += FLOAT * rows * config.prior.latent_tokens * config.prior.latent_channels * STATES_PER_LATENT
    # one after another; encoders are freed before the prior is sampled
    stages = (_conditioner_bytes(config), sampling, BYTES_PER_GRID_POINT * float(resolution) ** 3)
    drawn_by = replace(config, autoencoder=replace(config.autoencoder, encoder=None))
    weights = _weight_bytes(drawn_by, precision)
    return Estimate(seconds=seconds, memory_bytes=PROGRAM_BYTES + weights + max(stages))


def points_seconds(
    pipeline: PointEPipeline, count: int, *, steps: int | None, guidance: float | None
) -> float:
    """Rough seconds to draw `count` point clouds, both stages."""
    model, given = pipeline.model, pipeline.model.config.image_tokens
    first, second = pipeline.samplers(steps=steps, guidance=guidance)
    tokens = model.base.config.latent_tokens + given
    operations = sampling_operations(_count(model.base), tokens, first)
    if model.upsampler is not None and second is not None:
        tokens += model.upsampler.config.latent_tokens
        operations += sampling_operations(_count(model.upsampler), tokens, second)
    return count * operations / _speed(pipeline.device)


def surface_seconds(pipeline: PointEPipeline, resolution: int) -> float:
    """Rough seconds for the mesh of a cloud: its SDF network on every point of a grid."""
    model, sdf = pipeline.model, pipeline.model.sdf
    if sdf is None:
        return 0.0
    points = model.base.config.latent_tokens
    points += 0 if model.upsampler is None else model.upsampler.config.latent_tokens
    attention = 2 * points * sdf.config.width * sdf.config.decoder_layers
    return resolution**3 * 2.0 * (_count(sdf.decoder) + attention) / _speed(pipeline.device)


def sampling_operations(weights: int, tokens: int, sampler: SamplerConfig) -> float:
    """Of one sample: two for each weight, token, evaluation and guidance branch of that."""
    return 2.0 * weights * tokens * sampler.branch_evaluations


def branches(sampler: SamplerConfig) -> int:
    """How many conditions an evaluation runs under at most."""
    return 1 if sampler.guidance in (0, 1) else 2


def encoding_memory(config: ModelConfig) -> float:
    """Bytes needed to encode one asset."""
    encoder = config.autoencoder.encoder
    points = views = patches = 0.0
    if encoder is not None and encoder.points is not None:
        conv, channels = encoder.points.conv, encoder.points.channels or encoder.width
        windows = conv.kernel / conv.stride * conv.neighbors * conv.centers * channels
        points = COPIES_OF_NEIGHBOURS * windows + 2 * config.points * channels
    if encoder is not None and encoder.views is not None:
        pixel = COPIES_OF_PIXELS * 3 * encoded_width(3, encoder.views.octaves) + encoder.width
        views = max(PIXELS_AT_ONCE, config.view_size_px**2) * pixel
        # of all views, for the cross-attention: themselves, their norm, keys and values
        patches = 4 * encoder.width * config.views * (config.view_size_px / encoder.views.patch_px) ** 2
    return PROGRAM_BYTES + _weight_bytes(config) + FLOAT * (max(points, views) + patches)


def refinement_seconds(config: ModelConfig, device: torch.device, steps: int) -> float:
    """Rough seconds to refine one latent in so many steps."""
    field, wanted = config.autoencoder.field, RefinementConfig()
    nerf = nerf_of(field)
    points = wanted.queries + wanted.rays * (nerf.coarse_samples + nerf.fine_samples)
    with torch.device("meta"):
        network = LatentToWeights(field)
    writing = _count(network.projections)
    if network.mixer is not None:  # it works on every token, the projections once
        writing += _count(network.mixer) * field.latent_tokens
    # forward, and backward to the latent but not to the weights of the decoder
    operations = 2 * 2.0 * (field_weights(field) * points + writing)
    return SECONDS_FOR_TARGETS + steps * (operations / _speed(device) + SECONDS_PER_STEP)


def parameters(config: PriorConfig) -> int:
    """How many a prior has."""
    with torch.device("meta"):
        return _count(Prior(config))


def prior_tokens(config: PriorConfig, text_tokens: int) -> int:
    """Length of the sequence that the prior's transformer sees."""
    # a prior of both is told one of the two, of pictures in about as many tokens as of text
    image = CLIP_IMAGE_TOKENS if config.image_token_width is not None and not config.has_both else 0
    text = text_tokens if config.text_token_width is not None else 0
    return config.latent_tokens + image + text + (config.text_pooled_width is not None) + 1


def field_weights(config: FieldConfig) -> int:
    """Multiplications for one queried point."""
    outputs = [config.hidden_width] * config.hidden_layers + [FIELD_OUTPUTS]
    return sum(i * o for i, o in zip(config.input_widths, outputs, strict=True))


def _weight_bytes(config: ModelConfig, precision: torch.dtype = torch.float32) -> float:
    with torch.device("meta"):
        autoencoder = _count(Autoencoder(config.autoencoder))
        prior = None if config.prior is None else lower(Prior(config.prior), precision)
    numbers = () if prior is None else prior.parameters()
    return FLOAT * autoencoder + sum(part.numel() * part.dtype.itemsize for part in numbers)


def _conditioner_bytes(config: ModelConfig) -> float:
    text = {"minilm": MINILM, "clip": CLIP_TEXT, None: 0.0}[config.text]
    return FLOAT * max(text, CLIP_IMAGE if config.image == "clip" else 0.0)


def _count(module: nn.Module) -> int:
    return sum(parameter.numel() for parameter in module.parameters())


def _speed(device: torch.device, precision: torch.dtype = torch.float32) -> float:
    return EFFICIENCY * _operations_per_second(device, precision)


def _operations_per_second(device: torch.device, precision: torch.dtype) -> float:
    """Measured on matrix products that take a few milliseconds; the best of a few."""
    side = PROBE_SIDE if device.type == "cpu" else 8 * PROBE_SIDE
    matrix = torch.randn(side, side, device=device, dtype=precision)
    best = float("inf")
    for _ in range(4):
        start = time.perf_counter()
        float((matrix @ matrix)[0, 0])  # reading a number waits for the device
        best = min(best, time.perf_counter() - start)
    return 2.0 * side**3 / best
