"""Sets of drawn point clouds against sets of real ones: pure functions of arrays, for the benchmarks' pages.

Shapes: N drawn clouds and M real ones, all of K points. A sample that has no surface is a cloud of NaN: it
is as far from everything as can be.
"""

from dataclasses import dataclass

import numpy as np
import torch

__all__ = ["SetScores", "chamfers", "nearest_others", "set_scores"]

AT_ONCE = 64  # real clouds in one product: 64 x 256 x 256 distances are 17 MB


@dataclass(frozen=True, kw_only=True)
class SetScores:
    """coverage: share of real clouds that are the nearest one of some drawn cloud; the more the better.
    mmd: mean distance of a real cloud to the nearest drawn one. nearest_neighbor: share of clouds of both
    sets whose nearest other is of their own set: 0.5 where the sets cannot be told apart, 1 where they can.

    Source: Achlioptas et al. (2018); Yang et al. (2019), "PointFlow", for the last.
    """

    coverage: float
    mmd: float
    nearest_neighbor: float


def chamfers(clouds: np.ndarray, references: np.ndarray) -> np.ndarray:
    """(N, M) chamfer distances of positions (N, K, 3) and (M, L, 3): mean distances, both ways averaged."""
    found = np.full((len(clouds), len(references)), np.inf)
    there = np.flatnonzero(np.isfinite(references).all(axis=(1, 2)))
    real = torch.from_numpy(np.ascontiguousarray(references[there], dtype=np.float32))
    for row in np.flatnonzero(np.isfinite(clouds).all(axis=(1, 2))):
        cloud = torch.from_numpy(np.ascontiguousarray(clouds[row], dtype=np.float32))
        for start in range(0, len(real), AT_ONCE):
            part = real[start : start + AT_ONCE]
            # the nearest by squares: roots of those only, not of all pairs
            squares = part.square().sum(dim=2)[:, None, :] - 2 * cloud @ part.mT
            squares += cloud.square().sum(dim=1)[:, None]
            forth, back = (squares.amin(dim=dim).clamp(min=0).sqrt().mean(dim=1) for dim in (2, 1))
            found[row, there[start : start + len(part)]] = ((forth + back) / 2).numpy()
    return found


def set_scores(to_real: np.ndarray, among_drawn: np.ndarray, among_real: np.ndarray) -> SetScores:
    """Of the distances (N, M) of drawn clouds to real ones, (N, N) and (M, M) of either set among itself.

    Drawn clouds that are at no distance from anything cover nothing and are told apart at once.
    """
    there = np.isfinite(to_real).all(axis=1)
    covered = np.unique(to_real[there].argmin(axis=1)) if there.any() else np.empty(0)
    drawn_apart = nearest_others(among_drawn) <= to_real.min(axis=1)  # with inf <= inf for what is nowhere
    real_apart = nearest_others(among_real) <= to_real.min(axis=0)
    return SetScores(
        coverage=len(covered) / to_real.shape[1],
        mmd=float(to_real.min(axis=0).mean()),
        nearest_neighbor=float(np.concatenate([drawn_apart, real_apart]).mean()),
    )


def nearest_others(distances: np.ndarray) -> np.ndarray:
    """(N,) distances to the nearest cloud that is not the cloud itself, of (N, N)."""
    others = distances.copy()
    np.fill_diagonal(others, np.inf)
    return others.min(axis=1)
