"""Rehearsal: samples of the base among what is learnt, so that a prior does not forget what it knew.

Not in the paper. The samples are drawn without guidance: they are then distributed as the base has learnt.
"""

import hashlib
from functools import partial
from itertools import product
from pathlib import Path

import torch

from shapewright.conditioning import TextConditioner
from shapewright.pipeline import Model, Pipeline
from shapewright.training.finetuning_data import Working
from shapewright.training.finetuning_latents import keep, read_kept
from shapewright.training.latents import LatentSet

__all__ = ["REHEARSED", "rehearsed"]

NOUNS = (
    "chair", "table", "bed", "sofa", "lamp", "wardrobe", "shelf", "car", "tree", "plant", "bottle", "cup",
    "box", "door", "bicycle", "desk",
)  # fmt: skip
WORDS = ("", "white ", "red ", "blue ", "green ", "brown wooden ", "black ", "yellow ")
# every noun plainly before any is coloured
REHEARSED = tuple(f"a {word}{noun}" for word, noun in product(WORDS, NOUNS))


def rehearsed(
    base: Model, latents: LatentSet, run: Path, count: int, encoder: TextConditioner, working: Working | None
) -> LatentSet:
    """`latents`, repeated until they are about as many, and `count` samples of the base with their prompts.

    The samples are made once and kept in RUN/rehearsal.safetensors. With a count of 0 nothing is changed.
    """
    if count == 0:
        return latents
    path = run / "rehearsal.safetensors"
    wanted = hashlib.sha256(f"{base.sha256} {count} {REHEARSED}".encode()).hexdigest()
    samples = read_kept(path, wanted)
    if samples is None:
        samples = drawn(base, count, encoder, working)
        keep(samples, path, wanted)
    repeats = max(1, round(count / len(latents.assets)))
    return LatentSet(
        latents=torch.cat([*[latents.latents] * repeats, samples.latents]),
        assets=latents.assets * repeats + samples.assets,
        captions=latents.captions * repeats + [[prompt] for prompt in samples.assets],
    )


def drawn(base: Model, count: int, encoder: TextConditioner, working: Working | None) -> LatentSet:
    """Samples for the first prompts, or several rounds of all of them."""
    pipeline = Pipeline(base, text_encoder=encoder)
    prompts = [REHEARSED[k % len(REHEARSED)] for k in range(count)]
    parts: list[torch.Tensor] = []
    for start in range(0, count, len(REHEARSED)):
        asked = prompts[start : start + len(REHEARSED)]
        progress = None if working is None else partial(working, "rehearse")
        assets = pipeline.generate(asked, seed=start, guidance=1.0, progress=progress)
        parts += [asset.latent for asset in assets]
    return LatentSet(latents=torch.stack(parts), assets=prompts, captions=[[prompt] for prompt in prompts])
