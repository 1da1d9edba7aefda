"""slicer.util from slicer-core, made to behave as in the application."""

import logging
from types import ModuleType
from typing import Any

# What slicer-core puts into ``slicer`` beside the classes; in Slicer none of these is there.
_KEEP = {"util", "MRMLCore", "MRMLLogic", "MRMLCLI", "MRMLDisplayableManager"}


def forget_false_names(slicer: Any) -> None:
    """Delete from ``slicer`` what only slicer-core has there: ``slicer.loadVolume``, ``slicer.plot``..."""
    for name, value in list(vars(slicer).items()):
        if name.startswith(("_", "vtk")) or name in _KEEP:
            continue
        if isinstance(value, ModuleType) and value.__name__.startswith("slicer."):
            continue
        delattr(slicer, name)


def mend(slicer: Any) -> None:
    """Replace what would wait."""

    def delayDisplay(message: str, autoCloseMsec: int = 1000, parent: Any = None, **kwargs: Any) -> None:
        """Log the message, let Qt work, do not wait."""
        logging.info(message)
        slicer.app.processEvents()

    slicer.util.delayDisplay = delayDisplay
