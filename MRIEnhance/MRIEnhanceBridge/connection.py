"""One life of the worker process: lines in, lines out, and its end.

`subprocess` and not QProcess: the environment of the process is an ordinary dictionary, the whole tree of processes can
be killed (PythonSlicer is a launcher, the interpreter is its child), and it needs no event loop in a batch run.
"""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from typing import IO, Any

from slicer.i18n import tr as _

from MRIEnhanceBridge.errors import BridgeError

_CHUNK = 1 << 16
_LOG_TAIL = 4000
_WINDOWS = sys.platform == "win32"


class Connection:
    """A running process that answers in JSON lines.

    Parameters
    ----------
    command
        Program and arguments.
    environment
        The process's environment.

    Raises
    ------
    BridgeError
        If it cannot be started.
    """

    def __init__(self, command: Sequence[str], environment: Mapping[str, str]) -> None:
        self._log: IO[bytes] = tempfile.TemporaryFile()  # noqa: SIM115 - it lives as long as the process
        self._buffer = b""
        self._killed = False
        try:
            self._process = subprocess.Popen(
                list(command),
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=self._log,
                env=dict(environment),
                # A group of its own: it can be killed as a whole, and Ctrl-C in Slicer's terminal does not reach it.
                start_new_session=not _WINDOWS,
                creationflags=getattr(subprocess, "CREATE_NO_WINDOW", 0),
            )
        except OSError as error:
            self._log.close()
            hint = _("choose another Python interpreter in the Advanced section")
            raise BridgeError(
                _("{program} cannot be started: {reason}").format(program=command[0], reason=error.strerror or error),
                hint,
            ) from error
        if not _WINDOWS:
            os.set_blocking(self._output.fileno(), False)

    @property
    def pid(self) -> int:
        """The process's number; of the launcher, if it is one."""
        return self._process.pid

    @property
    def alive(self) -> bool:
        """Whether the process runs."""
        return self._process.poll() is None

    @property
    def exit_code(self) -> int | None:
        """What it ended with (below 0: the signal that killed it), None while it runs."""
        return self._process.poll()

    @property
    def _output(self) -> IO[bytes]:
        return self._process.stdout  # type: ignore[return-value]

    def send(self, message: Mapping[str, Any]) -> None:
        """Send one object. A process that is gone is noticed by `receive`."""
        line = json.dumps(message, allow_nan=False) + "\n"
        pipe = self._process.stdin
        with contextlib.suppress(OSError, ValueError):
            pipe.write(line.encode("ascii"))  # type: ignore[union-attr]
            pipe.flush()  # type: ignore[union-attr]

    def receive(self) -> list[dict[str, Any]]:
        """All objects that have arrived. Never waits.

        Raises
        ------
        BridgeError
            If a line is not an object in JSON: then somebody else is speaking.
        """
        while data := _available(self._output.fileno()):
            self._buffer += data
        *lines, self._buffer = self._buffer.split(b"\n")
        return [_message(line) for line in lines if line.strip()]

    def kill(self) -> None:
        """End the process and its children, at once. A launcher that is gone may have left its child behind."""
        if self._killed:
            return
        self._killed = True
        _kill_tree(self._process)
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(5)
        for file in (self._process.stdin, self._process.stdout, self._log):
            with contextlib.suppress(OSError):
                file.close()  # type: ignore[union-attr]

    def log_tail(self) -> str:
        """The last lines that the process wrote to its standard error; not to be asked for after `kill`."""
        size = self._log.seek(0, os.SEEK_END)
        self._log.seek(max(0, size - _LOG_TAIL))
        return self._log.read().decode("utf-8", errors="replace").strip()


def _available(descriptor: int) -> bytes:
    """What a pipe holds now; empty at its end, or if there is nothing yet."""
    if _WINDOWS:
        return _available_on_windows(descriptor)
    try:
        return os.read(descriptor, _CHUNK)
    except BlockingIOError:
        return b""


def _available_on_windows(descriptor: int) -> bytes:
    """Pipes there can be made non-blocking from Python 3.12 on only, but they can be asked how much they hold."""
    import _winapi
    import msvcrt

    try:
        handle = msvcrt.get_osfhandle(descriptor)  # type: ignore[attr-defined, unused-ignore]
        count: int = _winapi.PeekNamedPipe(handle, 0)[0]  # type: ignore[attr-defined, unused-ignore]
    except OSError:  # the other end is closed
        return b""
    return os.read(descriptor, min(count, _CHUNK)) if count else b""


def _message(line: bytes) -> dict[str, Any]:
    try:
        message = json.loads(line)
    except ValueError:
        message = None
    if not isinstance(message, dict):
        start = line[:80].decode("utf-8", errors="replace")
        raise BridgeError(
            _("the worker said something that is no answer: {text}").format(text=start),
            _("choose another Python interpreter in the Advanced section, or install the extension again"),
            kind="Protocol",
        )
    return message


def _kill_tree(process: subprocess.Popen[bytes]) -> None:
    if _WINDOWS:
        command = ["taskkill", "/F", "/T", "/PID", str(process.pid)]
        with contextlib.suppress(OSError, subprocess.TimeoutExpired):
            subprocess.run(command, capture_output=True, timeout=5, creationflags=0x08000000, check=False)
        process.kill()
    else:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(process.pid, signal.SIGKILL)
