"""Shares of a batch's random numbers, put together, are the whole batch's."""

from collections.abc import Callable

import pytest
import torch

from shapewright.nn import draws
from shapewright.nn.draws import WHOLE, Share, ShareGenerator

CPU = torch.device("cpu")
Draw = Callable[[tuple[int, ...], torch.Generator | None], torch.Tensor]
DRAWS: dict[str, Draw] = {
    "uniform": draws.uniform,
    "normal": draws.normal,
    "integers": lambda shape, generator: draws.integers(1000, shape, generator),
}


def drawn(draw: Draw, rows: int, count: int) -> torch.Tensor:
    """Two draws, one of `rows` and one of twice as many, by each of `count` shares."""
    generators = [ShareGenerator(3, Share(i, count), CPU) for i in range(count)]
    parts = [(draw((rows // count, 5), g), draw((2 * rows // count,), g)) for g in generators]
    return torch.cat([torch.cat([x for x, _ in parts]).flatten(), torch.cat([y for _, y in parts])])


@pytest.mark.parametrize("draw", DRAWS.values(), ids=DRAWS)
@pytest.mark.parametrize("count", [2, 3, 6])
def test_shares_are_cut_from_the_same_numbers(draw: Draw, count: int) -> None:
    assert torch.equal(drawn(draw, 6, count), drawn(draw, 6, 1))


def test_a_whole_and_an_ordinary_generator_draw_as_torch_does() -> None:
    for generator in (ShareGenerator(3, WHOLE, CPU), torch.Generator().manual_seed(3)):
        theirs = torch.Generator().manual_seed(3)
        assert torch.equal(draws.uniform((4, 2), generator), torch.rand((4, 2), generator=theirs))
        assert torch.equal(draws.normal((4,), generator), torch.randn(4, generator=theirs))
        assert torch.equal(draws.integers(9, (4,), generator), torch.randint(9, (4,), generator=theirs))
    assert draws.normal((2, 3), None).shape == (2, 3)


def test_whoever_draws_with_torch_gets_numbers_of_its_own() -> None:
    shares = [ShareGenerator(seed, Share(i, 4), CPU) for seed in (3, 4) for i in range(4)]
    firsts = {float(torch.rand((), generator=generator, dtype=torch.float64)) for generator in shares}
    assert len(firsts) == 8


def test_shares_are_equal_and_in_order() -> None:
    assert [list(Share(i, 3).of(6)) for i in range(3)] == [[0, 1], [2, 3], [4, 5]]
    with pytest.raises(AssertionError, match="5 items cannot be cut into 3 equal shares"):
        Share(0, 3).of(5)
    with pytest.raises(AssertionError):
        Share(3, 3)
