"""Latent to mesh and to pictures: the fast paths against their plain twins, in one run, one thread.

    OMP_NUM_THREADS=1 python benchmarks/decode.py [--latents FILE.safetensors --count 12] [--official]

FILE holds `latents` (M, T, C) of the shipped model; without it, latents are drawn.
--count 200 --timed 0 is the slow comparison of surfaces alone.
Times are CPU seconds of this process, so that other programs count less.
"""

import argparse
import json
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median
from typing import Any

import torch
from safetensors.torch import load_file
from scipy.ndimage import label
from scipy.spatial import cKDTree

import shapewright
from shapewright.evaluation.metrics import psnr_db
from shapewright.field import Field, FieldConfig, FieldWeights
from shapewright.geometry.cameras import turntable
from shapewright.interop.made_up_weights import made_up_weight
from shapewright.interop.official_names import from_official, to_official
from shapewright.pipeline.model_folder import load_model
from shapewright.render import (
    FastNerf,
    MeshRenderer,
    NerfConfig,
    extract_mesh,
    extract_mesh_fast,
    render_nerf_image,
)
from shapewright.render.fast_surface import fast_distance_grid
from shapewright.render.surface import signed_distance_grid

WHITE = (1.0, 1.0, 1.0)
SHIPPED = Path(shapewright.__file__).parent / "weights" / "homeware"


def timed(call: Callable[[], Any]) -> tuple[float, Any]:
    start = time.process_time()
    result = call()
    return time.process_time() - start, result


def compare(field: Field, weights: FieldWeights, resolution: int, size_px: int) -> dict[str, float]:
    """One asset, every job both ways."""
    plain_s, plain = timed(lambda: extract_mesh(field, weights, resolution=resolution, refine=False))
    fast_s, fast = timed(lambda: extract_mesh_fast(field, weights, resolution=resolution))
    row = {"mesh_plain_s": plain_s, "mesh_fast_s": fast_s, "mesh_ratio": plain_s / fast_s}
    row |= {"farthest_voxels": farthest(plain.vertices, fast.vertices) * (resolution - 1) / 2}
    camera = turntable(8, size_px=size_px)[1]
    row["mesh_view_256_s"] = timed(lambda: MeshRenderer(fast).render(turntable(8, size_px=256)[1]))[0]
    plain_s, _ = timed(lambda: render_nerf_image(field, weights, camera, background=WHITE))
    fast_s, view = timed(lambda: FastNerf(field, weights).render(camera, background=WHITE))
    row |= {"nerf_plain_s": plain_s, "nerf_fast_s": fast_s, "nerf_ratio": plain_s / fast_s}
    small = turntable(8, size_px=32)[1]
    many = NerfConfig(coarse_samples=192, fine_samples=192)
    converged = render_nerf_image(field, weights, small, many, background=WHITE)[..., :3]
    view = FastNerf(field, weights).render(small, background=WHITE)[..., :3]
    return row | {"nerf_fast_db": psnr_db(view, converged)}


def same_surface(field: Field, weights: FieldWeights, resolution: int) -> dict[str, float]:
    """Signs that differ from the dense grid's, and components of the dense one that the fast one lacks."""
    dense = signed_distance_grid(field, weights, resolution, refine=False) > 0
    fast = fast_distance_grid(field, weights, resolution) > 0
    parts, count = label(dense.numpy())
    found = len(set(parts[fast.numpy()].tolist()) - {0})
    return {"signs_changed": float((dense != fast).sum()), "components": count, "missed": count - found}


def farthest(one: Any, other: Any) -> float:
    """From any vertex to the nearest of the other mesh, both ways."""
    return max(cKDTree(a).query(b)[0].max() for a, b in ((one, other), (other, one)))


def official_field(damping: float) -> tuple[Field, FieldWeights]:
    """Published size, made-up weights; octave k of the first layer times 2^(-damping k): 0 is noise."""
    field = Field(FieldConfig()).eval()
    shapes = {name: tuple(value.shape) for name, value in to_official(field).items()}
    from_official(field, {name: torch.from_numpy(made_up_weight(name, s)) for name, s in shapes.items()})
    latent = torch.randn(1, 1024, 1024, generator=torch.Generator().manual_seed(0)).clamp(-1, 1)
    weights = field.weights(latent)
    octave = torch.arange(15).repeat_interleave(3)
    weights[0] = weights[0] * torch.cat([torch.ones(3), *[2.0 ** (-damping * octave)] * 2])
    return field, weights


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--latents", type=Path)
    parser.add_argument("--count", type=int, default=12)
    parser.add_argument("--timed", type=int, default=3)
    parser.add_argument("--resolution", type=int, default=128)
    parser.add_argument("--size-px", type=int, default=128)
    parser.add_argument("--official", action="store_true")
    options = parser.parse_args()
    if options.official:
        for damping in (0.0, 1.5):
            row = compare(*official_field(damping), options.resolution, options.size_px)
            print(json.dumps({"damping": damping} | row), flush=True)
        return
    field = load_model(SHIPPED).autoencoder.field
    drawn = torch.randn(options.count, 32, 32, generator=torch.Generator().manual_seed(0)) * 0.5
    latents = load_file(options.latents)["latents"] if options.latents else drawn.clamp(-1, 1)
    chosen = latents[torch.linspace(0, len(latents) - 1, options.count).long()]
    rows = [same_surface(field, field.weights(latent[None]), options.resolution) for latent in chosen]
    print(json.dumps({key: sum(row[key] for row in rows) for key in rows[0]}), flush=True)
    if options.timed == 0:
        return
    rows = [
        compare(field, field.weights(latent[None]), options.resolution, options.size_px)
        for latent in chosen[: options.timed]
    ]
    print(json.dumps({key: median(row[key] for row in rows) for key in rows[0]}))


if __name__ == "__main__":
    torch.set_num_threads(1)
    with torch.no_grad():
        main()
