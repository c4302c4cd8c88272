"""Samplers that cost one evaluation a step, because they go on from the estimates of the steps before.

Same form as those of `samplers`: (denoiser, x, sigmas) -> x. In time l = -log(sigma) the probability flow is
dx/dl = D(x, sigma) - x, of which the linear part is solved exactly and D, the denoiser, is a polynomial
through its latest values: x(l + h) = e^-h x(l) + integral over 0..h of e^-(h - s) D(l + s) ds.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import torch
from jaxtyping import Float
from torch import Tensor

from shapewright.diffusion.preconditioning import Denoiser
from shapewright.diffusion.samplers import StepCallback, report

__all__ = ["dpmpp2m", "dpmpp3m", "unipc"]


@dataclass(frozen=True)
class Estimate:
    """What the denoiser said of x_0 at the time l = -log(sigma)."""

    time: float
    x0: Tensor


def dpmpp2m(
    denoiser: Denoiser,
    x: Float[Tensor, "b *rest"],
    sigmas: Float[Tensor, " steps_and_zero"],
    *,
    on_step: StepCallback | None = None,
) -> Float[Tensor, "b *rest"]:
    """Implements Algorithm 2, DPM-Solver++(2M), of Lu et al. (2022, "DPM-Solver++"); one evaluation a step.

    D is the line through its last two values, taken at the middle of the step. The first step and that to
    zero are Euler's.
    """
    levels = sigmas.tolist()
    before: Estimate | None = None
    for i, (sigma, following) in enumerate(pairwise(levels)):
        now = Estimate(-math.log(sigma), denoiser(x, sigma))
        if following > 0:
            shrunk, middle = following / sigma, now.x0
            if before is not None:
                ahead = math.log(sigma / following) / 2
                middle = now.x0 + (now.x0 - before.x0) * (ahead / (now.time - before.time))
            x = shrunk * x + (1 - shrunk) * middle
        else:
            x = now.x0
        before = now
        report(on_step, i + 1, len(levels) - 1)
    return x


def dpmpp3m(
    denoiser: Denoiser,
    x: Float[Tensor, "b *rest"],
    sigmas: Float[Tensor, " steps_and_zero"],
    *,
    on_step: StepCallback | None = None,
) -> Float[Tensor, "b *rest"]:
    """Third order: D is the parabola through its last three values; one evaluation a step.

    Source: Lu et al. (2022, "DPM-Solver++"), section 4.2, the multistep form of order 3.
    """
    return adams(denoiser, x, sigmas, order=3, corrector_order=0, on_step=on_step)


def unipc(
    denoiser: Denoiser,
    x: Float[Tensor, "b *rest"],
    sigmas: Float[Tensor, " steps_and_zero"],
    *,
    on_step: StepCallback | None = None,
) -> Float[Tensor, "b *rest"]:
    """UniPC-2 on x_0: second-order steps, each taken again, to third order, with the estimate at its end.

    That estimate is the next step's too: one evaluation a step. Source: Zhao et al. (2023, "UniPC"),
    algorithm 1, with the coefficients that integrate the polynomial exactly.
    """
    return adams(denoiser, x, sigmas, order=2, corrector_order=3, on_step=on_step)


def adams(
    denoiser: Denoiser,
    x: Float[Tensor, "b *rest"],
    sigmas: Float[Tensor, " steps_and_zero"],
    *,
    order: int,
    corrector_order: int,
    on_step: StepCallback | None,
) -> Float[Tensor, "b *rest"]:
    """Steps through the last `order` estimates, corrected through `corrector_order` of them (0: not).

    The correction goes through the estimate at the end of the step also. The first steps, which have fewer
    estimates behind them, are of lower order; that to zero is Euler's.
    """
    levels = sigmas.tolist()
    known: list[Estimate] = []  # the latest first
    start, begun = x, -math.log(levels[0])
    for i, (sigma, following) in enumerate(pairwise(levels)):
        time = -math.log(sigma)
        known = [Estimate(time, denoiser(x, sigma)), *known][: max(order, corrector_order)]
        if following > 0:
            if i > 0 and corrector_order > 0:
                x = advanced(start, begun, time, known[:corrector_order])
            start, begun = x, time
            x = advanced(x, time, -math.log(following), known[:order])
        else:
            x = known[0].x0
        report(on_step, i + 1, len(levels) - 1)
    return x


def advanced(
    x: Float[Tensor, "b *rest"], begun: float, ended: float, known: Sequence[Estimate]
) -> Float[Tensor, "b *rest"]:
    """x, from the time `begun` to `ended`, with D the polynomial through the known estimates."""
    weights = integral_weights([estimate.time - begun for estimate in known], ended - begun)
    x = math.exp(begun - ended) * x
    for weight, estimate in zip(weights, known, strict=True):
        x = x + weight * estimate.x0
    return x


def integral_weights(nodes: Sequence[float], h: float) -> list[float]:
    """w with sum(w_j p(nodes_j)) = integral over 0..h of e^-(h - s) p(s) ds, polynomials p of low degree.

    Exact up to the degree len(nodes) - 1.
    """
    # of s^k; every one follows from the one before it by parts
    moments = [-math.expm1(-h)]
    for k in range(1, len(nodes)):
        moments.append(h**k - k * moments[-1])
    # in units of h, for a well-conditioned system
    powers = torch.tensor(
        [[(node / h) ** k for node in nodes] for k in range(len(nodes))], dtype=torch.float64
    )
    scaled = torch.tensor([m / h**k for k, m in enumerate(moments)], dtype=torch.float64)
    return torch.linalg.solve(powers, scaled).tolist()
