"""Record of what would have been installed. Nothing here ever runs pip."""

import dataclasses
import subprocess
from typing import Any


@dataclasses.dataclass
class Installation:
    """One call that would have run pip.

    Parameters
    ----------
    command
        ``"install"`` or ``"uninstall"``.
    requirements
        What the caller gave.
    options
        The other arguments of the call.
    """

    command: str
    requirements: list[str]
    options: dict[str, Any] = dataclasses.field(default_factory=dict)


class Installations(list[Installation]):
    """The calls so far, and what is to go wrong with them."""

    def __init__(self) -> None:
        super().__init__()
        self.fails = False

    def clear(self) -> None:
        """Forget everything."""
        super().clear()
        self.fails = False

    def record(self, command: str, requirements: str | list[Any], **options: Any) -> None:
        """Keep a call.

        Raises
        ------
        subprocess.CalledProcessError
            If `fails` is set: as when pip fails.
        ValueError
            If the requirements are neither text nor a list, as in Slicer.
        """
        if not isinstance(requirements, str | list):
            raise ValueError(f"pip_{command}: requirements must be text or a list, not {requirements!r}")
        listed = requirements.split() if isinstance(requirements, str) else [str(each) for each in requirements]
        self.append(Installation(command, listed, options))
        if self.fails:
            raise subprocess.CalledProcessError(1, ["PythonSlicer", "-m", "pip", command, *listed])


installations = Installations()
