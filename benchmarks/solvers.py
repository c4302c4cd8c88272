"""How far each solver ends from the exact flow of a prior, by evaluations: the figures of solvers.md.

    python benchmarks/solvers.py --guidance 4 --prompts 8 --seeds 2

From the same noise, every solver's latents (standardised) against those of very many steps over the same
range of noise: the root of the mean squared difference. The reference's sampler is 64 Heun steps.
"""

import argparse
import time
from collections.abc import Sequence
from dataclasses import replace

import torch
from torch import Tensor

from shapewright.diffusion import SampleNoise
from shapewright.evaluation.prompts import HOUSEHOLD_PROMPTS
from shapewright.pipeline import Pipeline
from shapewright.pipeline.conditioners import Conditioners
from shapewright.prior import Condition, SamplerConfig, sample_from

STEPS = {
    "heun": (24, 64),
    "dpmpp2m": (8, 12, 16, 24, 32),
    "dpmpp3m": (24, 32),
    "unipc": (12, 16, 24, 32),
}


def main() -> None:
    given = arguments()
    pipeline = Pipeline.from_pretrained(given.model, device="cpu")
    condition, start = inputs(pipeline, given.prompts, given.seeds, given.offset)
    exactly = f"{given.reference_steps} steps of {given.reference_solver}"
    print(f"{given.model}: {given.prompts} prompts with {given.seeds} seeds each, against {exactly}")
    for guidance in given.guidance:
        plain = replace(pipeline.sampler(), guidance=guidance, guidance_interval=None)
        exact = compare(pipeline, condition, start, plain, given)
        if given.interval:
            limited = replace(plain, guidance_interval=tuple(given.interval))
            changed = compare(pipeline, condition, start, limited, given)
            print(f"The interval itself moves the exact solution by {rms(changed, exact):.4f}.")


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--model", default="homeware")
    parser.add_argument("--prompts", type=int, default=8)
    parser.add_argument("--offset", type=int, default=1, help="of the list, from which every third is taken")
    parser.add_argument("--seeds", type=int, default=2)
    parser.add_argument("--guidance", type=float, nargs="+", default=[1.0, 3.0, 4.0, 8.0])
    parser.add_argument("--interval", type=float, nargs=2, default=None, metavar=("LOW", "HIGH"))
    parser.add_argument("--reference-solver", choices=list(STEPS), default="heun")
    parser.add_argument("--reference-steps", type=int, default=512)
    parser.add_argument("--solvers", nargs="+", choices=list(STEPS), default=list(STEPS))
    parser.add_argument("--steps", type=int, nargs="+", help="in place of each solver's own list")
    return parser.parse_args()


def inputs(pipeline: Pipeline, prompts: int, seeds: int, offset: int) -> tuple[Condition, Tensor]:
    """Every prompt with every seed: its condition and its noise."""
    # neither neighbours in the list nor of one kind
    texts = [prompt.text for prompt in HOUSEHOLD_PROMPTS[offset::3][:prompts]]
    condition = (
        Conditioners(pipeline.model, pipeline.device, text=None, image=None).read_prompts(texts).condition
    )
    rows = torch.arange(len(texts)).repeat_interleave(seeds)
    assert pipeline.model.prior is not None
    config = pipeline.model.prior.config
    noise = SampleNoise(list(range(len(rows))))
    return condition.select(rows).trimmed(), noise((config.latent_tokens, config.latent_channels))


def compare(
    pipeline: Pipeline, condition: Condition, start: Tensor, base: SamplerConfig, given: argparse.Namespace
) -> Tensor:
    """Print a table of all solvers; returns the exact solution."""
    exact, _ = solved(
        pipeline,
        condition,
        start,
        replace(base, method=given.reference_solver, steps=given.reference_steps, levels=None),
    )
    within = f", guided in {base.guidance_interval}" if base.guidance_interval else ""
    print(f"\nguidance {base.guidance:g}{within}\n")
    print("| solver | levels | steps | evaluations | of branches | error | worst sample | seconds |")
    print("|---|---|---|---|---|---|---|---|", flush=True)
    for method in given.solvers:
        for steps in given.steps or STEPS[method]:
            # Karras's noise levels, and the model's own for solvers that are there to be quick
            for levels in {None: 1} if method == "heun" else dict.fromkeys((None, base.levels)):
                config = replace(base, method=method, steps=steps, levels=levels)
                found, seconds = solved(pipeline, condition, start, config)
                print(row(config, found, exact, seconds), flush=True)
    return exact


def solved(
    pipeline: Pipeline, condition: Condition, start: Tensor, config: SamplerConfig
) -> tuple[Tensor, float]:
    assert pipeline.model.prior is not None
    begun = time.perf_counter()
    found = sample_from(pipeline.model.prior, condition, start, config=config)
    return found, time.perf_counter() - begun


def row(config: SamplerConfig, found: Tensor, exact: Tensor, seconds: float) -> str:
    worst = max(rms(a, b) for a, b in zip(found, exact, strict=True))
    cells: Sequence[str] = (
        config.method,
        "Karras" if config.levels is None else "own",
        str(config.steps),
        str(config.evaluations),
        str(config.branch_evaluations),
        f"{rms(found, exact):.4f}",
        f"{worst:.4f}",
        f"{seconds:.1f}",
    )
    return f"| {' | '.join(cells)} |"


def rms(a: Tensor, b: Tensor) -> float:
    return float((a - b).square().mean().sqrt())


if __name__ == "__main__":
    main()
