"""Orthogonalised updates for hidden layers, Adam for the rest, and for rarely seen rows of tables."""

import pytest
import torch
from torch import nn

from shapewright.nn.transformer import Transformer
from shapewright.training.loop import LoopConfig, make_optimizer
from shapewright.training.muon import MuonAdamW, orthogonalised, split_parameters

RATE = 0.01


def matrix_with(singular_values: torch.Tensor, columns: int) -> torch.Tensor:
    generator = torch.Generator().manual_seed(0)
    rows = len(singular_values)
    left = torch.linalg.qr(torch.randn(rows, rows, generator=generator)).Q
    right = torch.linalg.qr(torch.randn(columns, rows, generator=generator)).Q
    return left * singular_values @ right.T


@pytest.mark.parametrize(("rows", "columns"), [(16, 16), (16, 48)])
def test_singular_values_come_near_one_and_the_singular_vectors_stay(rows: int, columns: int) -> None:
    matrix = matrix_with(torch.linspace(1, 30, rows), columns)
    result = orthogonalised(torch.stack([matrix, -100 * matrix])).float()
    for update, given in zip(result, (matrix, -matrix), strict=True):
        values = torch.linalg.svdvals(update)
        assert float(values.min()) > 0.1
        assert float(values.max()) < 2
        left, _, right = torch.linalg.svd(given, full_matrices=False)
        turned = left.T @ update @ right.T
        # in the given matrix's own axes the update is diagonal, but for what steep polynomials make of
        # bf16's rounding: 0.14 measured
        assert float((turned - torch.diag(turned.diagonal())).abs().max()) < 0.25
        assert float(turned.diagonal().min()) > 0.1


def test_a_step_against_the_written_out_rule() -> None:
    """Nesterov momentum, orthogonalised; weight decay apart; tall matrices like their transposes."""
    generator = torch.Generator().manual_seed(0)
    starts = [torch.randn(shape, generator=generator) for shape in ((4, 6), (6, 4), (4, 4))]
    parameters = [nn.Parameter(start.clone()) for start in starts]
    group = {"params": parameters, "rule": "muon", "momentum": 0.9, "weight_decay": 0.1}
    optimizer = MuonAdamW([group], lr=RATE, betas=(0.9, 0.98))
    momenta = [torch.zeros_like(start) for start in starts]
    expected = [start.clone() for start in starts]
    for _ in range(2):
        for i, parameter in enumerate(parameters):
            gradient = torch.randn(parameter.shape, generator=generator)
            parameter.grad = gradient
            momenta[i] = 0.9 * momenta[i] + 0.1 * gradient
            blend = 0.1 * gradient + 0.9 * momenta[i]
            tall = blend.shape[0] > blend.shape[1]
            update = orthogonalised((blend.T if tall else blend)[None])[0].float()
            update = update.T if tall else update
            size = 0.2 * max(parameter.shape) ** 0.5
            expected[i] = expected[i] * (1 - RATE * 0.1) - RATE * size * update
        optimizer.step()
    for parameter, wanted in zip(parameters, expected, strict=True):
        # bf16 rounds a batched product otherwise than a single one: 1% of a step of about 0.002
        torch.testing.assert_close(parameter.detach(), wanted, rtol=0, atol=2e-4)


def table_and_optimizer(start: torch.Tensor) -> tuple[nn.Parameter, MuonAdamW]:
    table = nn.Parameter(start.clone())
    group = {"params": [table], "rule": "rows", "weight_decay": 0.0}
    return table, MuonAdamW([group], lr=RATE, betas=(0.9, 0.98))


def test_rows_that_are_visited_get_adam_and_others_nothing() -> None:
    """Row 0 is visited at every step, row 1 at every second, row 2 never; each is Adam over its visits."""
    generator = torch.Generator().manual_seed(0)
    start = torch.randn(3, 2, 4, generator=generator)
    table, optimizer = table_and_optimizer(start)
    twins = [nn.Parameter(start[row].clone()) for row in range(3)]
    adams = [torch.optim.Adam([twin], lr=RATE, betas=(0.9, 0.98)) for twin in twins]
    for step in range(6):
        table.grad = torch.zeros_like(table)
        for row in (0, 1) if step % 2 else (0,):
            gradient = torch.randn(2, 4, generator=generator)
            table.grad[row], twins[row].grad = gradient, gradient
            adams[row].step()
        optimizer.step()
        for row, twin in enumerate(twins):
            torch.testing.assert_close(table.detach()[row], twin.detach())
    assert torch.equal(table[2], start[2])
    assert not torch.equal(table[1], start[1])


def test_adamw_where_nothing_else_is_asked_for() -> None:
    torch.manual_seed(0)
    ours, theirs = nn.Linear(4, 4), nn.Linear(4, 4)
    theirs.load_state_dict(ours.state_dict())
    group = {"params": list(ours.parameters()), "rule": "adamw", "weight_decay": 0.1}
    optimizers = [
        MuonAdamW([group], lr=RATE, betas=(0.9, 0.98)),
        torch.optim.AdamW(theirs.parameters(), lr=RATE, betas=(0.9, 0.98), weight_decay=0.1),
    ]
    x = torch.randn(5, 4)
    for _ in range(3):
        for model, optimizer in zip((ours, theirs), optimizers, strict=True):
            optimizer.zero_grad()
            model(x).square().sum().backward()
            optimizer.step()
    torch.testing.assert_close(ours.weight, theirs.weight)


class Everything(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.table = nn.Parameter(torch.zeros(5, 2, 8))
        self.input_proj = nn.Linear(3, 8)
        self.backbone = Transformer(8, 1, 2)


def test_parameters_are_split_by_what_they_are() -> None:
    model = Everything()
    split = split_parameters(model)
    names = {id(parameter): name for name, parameter in model.named_parameters()}
    assert [names[id(p)] for p in split.tables] == ["table"]
    assert [names[id(p)] for p in split.matrices] == ["input_proj.weight"]
    assert {names[id(p)].split(".", 3)[3] for p in split.hidden} == {
        "attn.c_qkv.weight",
        "attn.c_proj.weight",
        "mlp.c_fc.weight",
        "mlp.c_proj.weight",
    }
    everything = [*split.hidden, *split.matrices, *split.vectors, *split.tables]
    assert sorted(map(id, everything)) == sorted(map(id, model.parameters()))
    assert all(parameter.ndim == 1 for parameter in split.vectors)


def test_weight_decay_is_for_matrices_only() -> None:
    optimizer = make_optimizer(Everything(), LoopConfig(steps=1, batch_size=1, learning_rate=0.1))
    assert [(g["rule"], g["weight_decay"]) for g in optimizer.param_groups] == [
        ("adamw", 0.01),
        ("adamw", 0.01),
        ("adamw", 0.0),
        ("rows", 0.0),
    ]
