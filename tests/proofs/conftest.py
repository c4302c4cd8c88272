"""Objects drawn once, a gallery, and `--no-skips`."""

from collections.abc import Generator

import pytest

from proofs.gallery import Gallery
from proofs.objects import Objects


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--no-skips", action="store_true", help="a program that is not installed is a failure")


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    report = yield
    if report.skipped and item.config.getoption("--no-skips", default=False):
        report.outcome = "failed"
    return report


@pytest.fixture(scope="session")
def objects() -> Objects:
    return Objects()


@pytest.fixture(scope="session")
def gallery() -> Generator[Gallery]:
    shown = Gallery()
    yield shown
    shown.save_sheet()
