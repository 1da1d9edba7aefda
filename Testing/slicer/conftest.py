"""The stand-in for the Slicer application, for all tests of the Slicer side."""

import pytest

import slicerhost


@pytest.fixture(scope="session")
def slicer_application():
    """Start the stand-in once."""
    return slicerhost.start()


@pytest.fixture
def host(slicer_application):
    """Give ``slicer``; afterwards everything is made new, and what went wrong in slots and threads fails the test."""
    yield slicer_application
    slicerhost.reset()
    wrong = slicerhost.errors.take()
    assert not wrong, "\n".join(wrong)
