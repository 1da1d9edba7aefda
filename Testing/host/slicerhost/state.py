"""What the stand-in pretends to be: which Slicer, started how. Tests change it with `slicerhost.pretend`."""

import dataclasses
import sys
from typing import Any

VERSIONS = ("5.10", "5.12")
_EXECUTABLE = sys.executable


@dataclasses.dataclass
class Pretence:
    """How this Slicer was started.

    Parameters
    ----------
    version
        ``"5.10"`` (no ``slicer.packaging``, plain ``launchConsoleProcess``, ``connectGui`` without a tag) or
        ``"5.12"``.
    main_window
        False: as with ``--no-main-window``: no layout manager, no slice views, message boxes are only logged, and a
        dialog that would wait for ever raises.
    testing
        True: as with ``--testing``.
    executable
        What ``sys.executable`` says inside the application; None leaves it alone. It may be empty there.
    """

    version: str = "5.12"
    main_window: bool = True
    testing: bool = False
    executable: str | None = None

    def __post_init__(self) -> None:
        if self.version not in VERSIONS:
            raise ValueError(f"this stand-in knows Slicer {', '.join(VERSIONS)}, not {self.version!r}")


current = Pretence()


def change(**changes: Any) -> None:
    """Set some of the fields."""
    for name, value in vars(dataclasses.replace(current, **changes)).items():
        setattr(current, name, value)


def executable() -> str:
    """What ``sys.executable`` is to be."""
    return _EXECUTABLE if current.executable is None else current.executable
