"""Muon: momentum whose matrices are orthogonalised, for the hidden layers; AdamW for everything else.

A step costs more than AdamW's and learns more; the small recipes gain by it.
Source: Jordan et al. (2024), "Muon: an optimizer for hidden layers in neural networks".
"""

from collections import defaultdict
from dataclasses import dataclass
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor, nn

from shapewright.training.sharding import local, part_like, whole

__all__ = ["MuonAdamW", "ParameterSplit", "orthogonalised", "split_parameters"]

# Quintic iterations, the optimal ones for singular values from 0.001 to 1; three bring most of them near 1.
# Source: Amsel et al. (2025), "The Polar Express".
COEFFICIENTS = (
    (8.28721201814563, -23.595886519098837, 17.300387312530933),
    (4.107059111542203, -2.9478499167379106, 0.5448431082926601),
    (3.9486908534822946, -2.908902115962949, 0.5518191394370137),
)
# An orthogonalised update of size (a, b) has entries of about 1 / sqrt(max(a, b)); AdamW's have about 0.2.
ADAM_SIZE = 0.2


class MuonAdamW(torch.optim.AdamW):
    """Each group's `rule` says how it is updated: "adamw", "muon" (orthogonalised momentum), or "rows".

    One class, one state_dict, so that checkpoints need not know. Matrices of one shape are
    orthogonalised together: one batched product instead of many small ones. Where parameters are sharded,
    every process orthogonalises the whole matrices and keeps its part of the result.
    """

    @torch.no_grad()
    def step(self, closure: None = None) -> None:  # pyright: ignore[reportIncompatibleMethodOverride]
        """Update every parameter that has a gradient."""
        assert closure is None, "closures are not supported"
        groups = self.param_groups
        self.param_groups = [group for group in groups if group["rule"] == "adamw"]
        super().step()
        self.param_groups = groups
        for group in groups:
            if group["rule"] == "muon":
                self.muon_step(group)
            elif group["rule"] == "rows":
                self.rows_step(group)

    def rows_step(self, group: dict[str, Any]) -> None:
        """Adam on those rows of a table that have a gradient; the others' moments stand still.

        A row of a large table is seen rarely: momentum must not move it in between.
        """
        first, second = group["betas"]
        for parameter in group["params"]:
            if parameter.grad is None:
                continue
            state = self.rows_state(parameter)
            table, mean, square = local(parameter), local(state["mean"]), local(state["square"])
            gradient = local(parameter.grad)
            rows = gradient.flatten(1).any(dim=1).nonzero()[:, 0]
            gradient = gradient[rows]
            local(state["visits"])[rows] += 1
            visits = local(state["visits"])[rows].reshape(-1, *[1] * (table.ndim - 1))
            mean[rows] = mean_here = mean[rows].lerp(gradient, 1 - first)
            square[rows] = square_here = square[rows].lerp(gradient**2, 1 - second)
            size = (square_here / (1 - second**visits)).sqrt() + group["eps"]
            table[rows] -= group["lr"] * (mean_here / (1 - first**visits)) / size

    def rows_state(self, table: nn.Parameter) -> dict[str, Tensor]:
        state = self.state[table]
        if "mean" not in state:
            state["mean"], state["square"] = torch.zeros_like(table), torch.zeros_like(table)
            state["step"] = torch.tensor(0.0)
            state["visits"] = part_like(torch.zeros(len(table), device=table.device), table)
        return state

    def muon_step(self, group: dict[str, Any]) -> None:
        same_shape: defaultdict[tuple[int, ...], list[nn.Parameter]] = defaultdict(list)
        for parameter in group["params"]:
            if parameter.grad is not None:
                same_shape[tuple(sorted(parameter.shape))].append(parameter)
        for parameters in same_shape.values():
            updates = orthogonalised(torch.stack([wide(self.momentum(p, group)) for p in parameters]))
            for parameter, update in zip(parameters, updates, strict=True):
                scale = ADAM_SIZE * max(parameter.shape) ** 0.5
                parameter.mul_(1 - group["lr"] * group["weight_decay"])
                update = update if update.shape == parameter.shape else update.T
                part = part_like(update.to(parameter.dtype), parameter)
                parameter.add_(part, alpha=-group["lr"] * scale)

    def momentum(self, parameter: nn.Parameter, group: dict[str, Any]) -> Tensor:
        """Nesterov momentum, the whole matrix."""
        assert parameter.grad is not None
        state = self.state[parameter]
        if "momentum" not in state:
            state["momentum"] = torch.zeros_like(parameter)
            state["step"] = torch.tensor(0.0)  # AdamW's loading of a state looks for it
        state["momentum"].lerp_(parameter.grad, 1 - group["momentum"])
        return whole(parameter.grad.lerp(state["momentum"], group["momentum"]))


def wide(matrix: Tensor) -> Tensor:
    """The matrix or its transpose, whichever has no more rows than columns."""
    return matrix if matrix.shape[0] <= matrix.shape[1] else matrix.T


def orthogonalised(matrices: Float[Tensor, "n a b"]) -> Float[Tensor, "n a b"]:
    """About U V^T of each matrix's singular value decomposition, by polynomial iterations in bf16; a <= b."""
    x = matrices.bfloat16()
    x = x / (x.norm(dim=(-2, -1), keepdim=True) + 1e-7)
    for a, b, c in COEFFICIENTS:
        gram = x @ x.mT
        factor = torch.baddbmm(gram, gram, gram, beta=b, alpha=c)
        x = torch.baddbmm(x, factor, x, beta=a)
    return x


@dataclass(frozen=True, kw_only=True)
class ParameterSplit:
    """A model's parameters by how they are best updated."""

    hidden: list[nn.Parameter]  # matrices inside transformer blocks
    matrices: list[nn.Parameter]  # embeddings, per-row projections, input and output layers
    vectors: list[nn.Parameter]
    tables: list[nn.Parameter]  # one row per asset, few of them seen in a step


def split_parameters(model: nn.Module) -> ParameterSplit:
    """Sort the parameters by name and shape."""
    split = ParameterSplit(hidden=[], matrices=[], vectors=[], tables=[])
    for name, parameter in model.named_parameters():
        inside = any(part in name for part in ("resblocks.", "cross."))
        if name == "table":
            split.tables.append(parameter)
        elif inside and parameter.ndim == 2:
            split.hidden.append(parameter)
        else:
            (split.matrices if parameter.ndim >= 2 else split.vectors).append(parameter)
    return split
