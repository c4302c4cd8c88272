"""Search noise levels with which few evaluations come near the exact flow, as those of the shipped model.

    OMP_NUM_THREADS=2 python benchmarks/noise_levels.py [--evaluations 90 --exact-steps 384]

The density of levels in log sigma is straight between knots; Nelder and Mead's method moves their logarithms
to lessen the mean logarithm of error over that of 64 Heun steps. Judge what is found on other prompts, with
`solvers.py`.
"""

import argparse
import math
from dataclasses import replace

import numpy as np
import torch
from scipy.optimize import minimize
from solvers import inputs, rms
from torch import Tensor

from shapewright.pipeline import Pipeline
from shapewright.prior import SamplerConfig, sample_from

KNOTS, GRID, LEVELS = 7, 2001, 9
GUIDANCES = (1.0, 4.0, 8.0)
STEPS = 24


def levels_of(density: np.ndarray, sigma_max: float, sigma_min: float) -> tuple[float, ...]:
    """LEVELS noise levels, evenly along the density whose logarithms at the knots are given."""
    knots = np.linspace(math.log(sigma_max), math.log(sigma_min), KNOTS)
    logs = np.linspace(knots[0], knots[-1], GRID)
    along = np.exp(np.interp(-logs, -knots, density))
    reached = np.concatenate([[0.0], np.cumsum((along[1:] + along[:-1]) / 2)])
    inner = np.exp(np.interp(np.linspace(0, 1, LEVELS), reached / reached[-1], logs))[1:-1]
    return (sigma_max, *(float(f"{level:.2g}") for level in inner), sigma_min)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--model", default="homeware")
    parser.add_argument("--prompts", type=int, default=5)
    parser.add_argument("--evaluations", type=int, default=90)
    parser.add_argument("--exact-steps", type=int, default=384)
    given = parser.parse_args()
    pipeline = Pipeline.from_pretrained(given.model, device="cpu")
    condition, start = inputs(pipeline, given.prompts, 1, offset=0)
    base = replace(pipeline.sampler(), levels=None)

    def drawn(config: SamplerConfig) -> dict[float, Tensor]:
        assert pipeline.model.prior is not None, "levels are a prior's"
        return {
            guidance: sample_from(
                pipeline.model.prior, condition, start, config=replace(config, guidance=guidance)
            )
            for guidance in GUIDANCES
        }

    exact, heun = (drawn(replace(base, method="heun", steps=n)) for n in (given.exact_steps, 64))
    least = math.inf

    def score(density: np.ndarray) -> float:
        nonlocal least
        levels = levels_of(density - density.mean(), base.sigma_max, base.sigma_min)
        found = drawn(replace(base, method="unipc", steps=STEPS, levels=levels))
        ratios = {g: rms(found[g], exact[g]) / rms(heun[g], exact[g]) for g in GUIDANCES}
        mean = sum(math.log(ratio) for ratio in ratios.values()) / len(ratios)
        if mean < least:
            least = mean
            print(f"{mean:.3f}", {g: round(ratio, 2) for g, ratio in ratios.items()}, levels, flush=True)
        return mean

    simplex = np.vstack([np.zeros(KNOTS), 0.5 * np.eye(KNOTS)])
    options = {"maxfev": given.evaluations, "initial_simplex": simplex}
    minimize(score, simplex[0], method="Nelder-Mead", options=options)


if __name__ == "__main__":
    torch.set_grad_enabled(False)
    main()
