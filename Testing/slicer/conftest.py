"""The stand-in for the Slicer application, and people who use it, for all tests of the Slicer side."""

from batches import batch, module, raw, reconstructor, scan, synthesizer, worker
from outcomes import answer, results, source
from screens import comparison, pair, screen, views
from sessions import application, real, user_with
from slicerhost.fixtures import host, slicer_application

__all__ = [
    "answer",
    "application",
    "batch",
    "comparison",
    "host",
    "module",
    "pair",
    "raw",
    "real",
    "reconstructor",
    "results",
    "scan",
    "screen",
    "slicer_application",
    "source",
    "synthesizer",
    "user_with",
    "views",
    "worker",
]
