"""What the stand-in pretends to be: which Slicer, started how. Tests change it with `slicerhost.pretend`."""

import dataclasses

VERSIONS = ("5.10", "5.12")


@dataclasses.dataclass
class Pretence:
    """How this Slicer was started.

    Parameters
    ----------
    version
        ``"5.10"`` (no ``slicer.packaging``, plain ``launchConsoleProcess``) or ``"5.12"``.
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


def change(**changes: object) -> Pretence:
    """Set some of the fields; gives the whole."""
    changed = dataclasses.replace(current, **changes)  # type: ignore[arg-type]
    for field in dataclasses.fields(changed):
        setattr(current, field.name, getattr(changed, field.name))
    return current
