"""What every test gets: shapes and types of the package checked at each call, and one thread."""

from collections.abc import Generator

import pytest
from jaxtyping import install_import_hook

# Before anything of the package is imported: from then on every annotation there is enforced.
install_import_hook("shapewright", "typechecking.checked")

import torch  # noqa: E402

from ray_machines import TwoMachines, two_ray_machines  # noqa: E402

torch.set_num_threads(1)


@pytest.fixture(scope="module")
def two_machines() -> Generator[TwoMachines]:
    """A Ray cluster whose second machine can be lost."""
    with two_ray_machines() as machines:
        yield machines


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    if torch.cuda.is_available():
        return
    for item in items:
        if item.get_closest_marker("gpu"):
            item.add_marker(pytest.mark.skip(reason="no CUDA device here"))
