"""The stand-in itself, for its own tests."""

from slicerhost.fixtures import host, slicer_application

__all__ = ["host", "slicer_application"]
