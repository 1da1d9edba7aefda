"""The stand-in for the Slicer application, and people who use it, for all tests of the Slicer side."""

from batches import batch, module, scan, worker
from sessions import application, real, user_with
from slicerhost.fixtures import host, slicer_application

__all__ = ["application", "batch", "host", "module", "real", "scan", "slicer_application", "user_with", "worker"]
