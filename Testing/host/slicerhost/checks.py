"""What happens when modules start up: they must open no dialog, install nothing, start no process, import no torch.

The modules of a folder are loaded in a process of its own, because what was once imported stays imported. Python's
audit events say what they do there, whoever does it.
"""

import dataclasses
import json
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

FORBIDDEN = ("torch", "mrienhance")
_PROCESSES = ("subprocess.Popen", "os.system", "os.posix_spawn", "os.exec", "os.fork", "os.startfile")
_NETWORK = ("socket.connect", "socket.getaddrinfo", "urllib.Request")


@dataclasses.dataclass
class Startup:
    """What happened.

    Parameters
    ----------
    modules
        Names of the modules that loaded.
    failures
        What was printed for those that did not.
    dialogs, installations, processes, connections
        What was opened, installed, started, looked up.
    imports
        Forbidden packages that were imported.
    errors
        Uncaught exceptions in slots, observers and threads.
    """

    modules: list[str] = dataclasses.field(default_factory=list)
    failures: str = ""
    dialogs: list[str] = dataclasses.field(default_factory=list)
    installations: list[str] = dataclasses.field(default_factory=list)
    processes: list[str] = dataclasses.field(default_factory=list)
    connections: list[str] = dataclasses.field(default_factory=list)
    imports: list[str] = dataclasses.field(default_factory=list)
    errors: list[str] = dataclasses.field(default_factory=list)

    def problems(self) -> list[str]:
        """One line for each thing that must not happen at start-up."""
        found = [f"failed: {self.failures}"] if self.failures else []
        for name in ("dialogs", "installations", "processes", "connections", "imports", "errors"):
            found += [f"{name}: {each}" for each in getattr(self, name)]
        return found


def startup(folder: str | Path, *, forbidden: Sequence[str] = FORBIDDEN) -> Startup:
    """Start Slicer with the modules of a folder, with a main window, until "startupCompleted()".

    Parameters
    ----------
    folder
        Module folder.
    forbidden
        Packages that must not be imported.

    Raises
    ------
    RuntimeError
        If the process itself fails.
    """
    code = "import sys; from slicerhost.checks import _report; _report(sys.argv[1], sys.argv[2:])"
    command = [sys.executable, "-c", code, str(folder), *forbidden]
    here = str(Path(__file__).resolve().parent.parent)
    done = subprocess.run(command, cwd=here, capture_output=True, text=True, timeout=300)
    if done.returncode != 0:
        raise RuntimeError(f"starting up failed:\n{done.stdout}\n{done.stderr}")
    return Startup(
        **json.loads(done.stdout.splitlines()[-1]), failures=done.stderr if "Failed to load" in done.stderr else ""
    )


def _report(folder: str, forbidden: Sequence[str]) -> None:
    import slicerhost

    from . import modules

    slicer = slicerhost.start(executable="")
    seen: dict[str, Any] = {"processes": [], "connections": [], "imports": []}

    def audit(event: str, arguments: tuple[Any, ...]) -> None:
        if event in _PROCESSES:
            seen["processes"].append(f"{event} {arguments[0]!r}")
        elif event in _NETWORK:
            seen["connections"].append(f"{event} {arguments!r}")
        elif event == "import" and arguments[0].split(".")[0] in forbidden:
            seen["imports"].append(arguments[0])

    sys.addaudithook(audit)
    loaded = modules.discover(folder)
    slicer.app.emit("startupCompleted()")
    slicerhost.process_events_until(lambda: False, 0.2)  # what a module put off with a timer belongs to it
    seen["modules"] = [module.name for module in loaded]
    seen["dialogs"] = [f"{dialog.kind}: {dialog.text}" for dialog in slicerhost.dialogs]
    seen["installations"] = [" ".join(each.requirements) for each in slicerhost.installations]
    seen["errors"] = slicerhost.errors.take()
    sys.stdout.write(json.dumps(seen) + "\n")
