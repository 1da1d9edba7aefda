"""Fixtures for pytest; a conftest.py imports them by name."""

from collections.abc import Iterator
from typing import Any

import pytest

from . import errors, reset, start


@pytest.fixture(scope="session")
def slicer_application() -> Any:
    """Start the stand-in once."""
    return start()


@pytest.fixture
def host(slicer_application: Any) -> Iterator[Any]:
    """Give ``slicer``; afterwards everything is made new, and what went wrong in slots and threads fails the test."""
    yield slicer_application
    reset()
    wrong = errors.take()
    assert not wrong, "\n".join(wrong)
