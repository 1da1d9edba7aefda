"""The worker: one long-lived process that computes for all three modules.

It is started when it is first needed, keeps its models warm, is started again after a crash, and ends with Slicer. The
lines that are spoken with it are described in the library's ``docs/worker-protocol.md``.
"""

from __future__ import annotations

import atexit
import time
from collections.abc import Callable, Mapping
from typing import Any

import qt
from slicer.i18n import tr as _

from MRIEnhanceBridge.connection import Connection
from MRIEnhanceBridge.errors import BridgeError, MissingPackages
from MRIEnhanceBridge.interpreter import Interpreter, find, library_folder
from MRIEnhanceBridge.steps import Progress, Steps, run_now

PROTOCOL = 1
START_SECONDS = 60.0
"""The first start after an installation may read from a slow disk."""
GRACE_SECONDS = 1.0
"""How long a worker that was asked to stop may take before it is killed."""
IDLE_SECONDS = 15 * 60.0
"""A worker that nobody asks anything for so long is ended: it may hold gigabytes of a graphics card."""
_LAUNCHER_COMPLAINT = "exit abnormally"
"""What PythonSlicer says when the interpreter that it launched was killed; its own exit code is 1 then."""
_BOOTSTRAP = "import sys; sys.path.insert(0, sys.argv.pop(1)); from mrienhance.cli.main import main; sys.exit(main())"


class Worker:
    """Talks with the worker process, and starts it when there is none.

    Parameters
    ----------
    choose
        Which interpreter runs it; asked at every start.
    """

    def __init__(self, choose: Callable[[], Interpreter] = find) -> None:
        self._choose = choose
        self._connection: Connection | None = None
        self._answers: dict[int, dict[str, Any]] = {}
        self._progress: dict[int, Progress] = {}
        self._hello: dict[str, Any] | None = None
        self._last = 0
        self._used = time.monotonic()
        self.interpreter: Interpreter | None = None

    @property
    def running(self) -> bool:
        """Whether there is a process."""
        return self._connection is not None and self._connection.alive

    @property
    def pid(self) -> int | None:
        """Number of the interpreter's process (not of its launcher), once it has greeted."""
        return None if self._hello is None else int(self._hello["pid"])

    def greeting(self) -> Steps[dict[str, Any]]:
        """What the worker says of itself: ``library``, ``python``, ``missing`` ...; starts it if need be.

        Raises
        ------
        BridgeError
            If it cannot be started, or speaks another protocol.
        """
        connection = self._connected()
        started = time.monotonic()
        while self._hello is None:
            self._poll(connection)
            if self._hello is None:
                if time.monotonic() - started > START_SECONDS:
                    details = connection.log_tail()
                    self.stop()
                    raise BridgeError(_("the worker process does not answer"), _try_again(), details=details)
                yield Progress(0.0, _("Starting…"), waiting=True)
        return self._hello

    def ready(self) -> Steps[dict[str, Any]]:
        """As `greeting`, and sure that everything is there that computing needs.

        Raises
        ------
        MissingPackages
            If packages are missing in the interpreter.
        """
        hello = yield from self.greeting()
        if hello["missing"]:
            raise MissingPackages(hello["missing"])
        return hello

    def request(self, what: str, **fields: Any) -> Steps[dict[str, Any]]:
        """Ask for something; the progress of the answer, then the answer.

        Parameters
        ----------
        what
            Name of the request.
        **fields
            Its fields.

        Raises
        ------
        BridgeError
            If the worker refuses or fails, or dies on the way.
        """
        yield from self.greeting()
        connection = self._connected()
        self._last += 1
        number = self._last
        self._progress[number] = Progress(0.0, _("Waiting…"), waiting=True)
        connection.send({"protocol": PROTOCOL, "id": number, "do": what, **fields})
        try:
            while number not in self._answers:
                self._poll(connection)
                if number not in self._answers:
                    yield self._progress[number]
        except GeneratorExit:
            connection.send({"protocol": PROTOCOL, "do": "cancel", "id": number})
            raise
        finally:
            self._used = time.monotonic()
            self._progress.pop(number, None)
            answer = self._answers.pop(number, None)
        return _checked(answer or {})

    def leave(self) -> Steps[None]:
        """Ask the process to stop what it does and to end; kill it and its children if it takes too long."""
        connection = self._connection
        if connection is None:
            return
        for number in self._progress:
            connection.send({"protocol": PROTOCOL, "do": "cancel", "id": number})
        connection.send({"protocol": PROTOCOL, "do": "exit"})
        deadline = time.monotonic() + GRACE_SECONDS
        while connection.alive and time.monotonic() < deadline:
            yield Progress(0.0, _("Stopping…"), waiting=True)
        self._forget(connection)

    def stop(self) -> None:
        """End the process and its children, at once."""
        if self._connection is not None:
            self._forget(self._connection)

    def stop_if_idle(self) -> None:
        """End the process if nobody has asked it anything for a long time."""
        if not self._progress and time.monotonic() - self._used > IDLE_SECONDS:
            self.stop()

    @property
    def lacking(self) -> list[str]:
        """Which packages the interpreter lacks, as far as the worker has told."""
        return [] if self._hello is None else list(self._hello["missing"])

    def missing(self) -> list[str]:
        """Which packages the interpreter lacks; empty if it has all."""
        return list(run_now(self.greeting())["missing"])

    def _connected(self) -> Connection:
        if self._connection is None:
            self.interpreter = self._choose()
            command = [self.interpreter.executable, "-c", _BOOTSTRAP, str(library_folder()), "worker"]
            self._connection = Connection(command, self.interpreter.environment())
        return self._connection

    def _forget(self, connection: Connection) -> None:
        connection.kill()
        if connection is self._connection:
            self._connection = self._hello = None

    def _poll(self, connection: Connection) -> None:
        """Take in what has arrived, and notice an end."""
        if connection is not self._connection:
            raise BridgeError(_("the worker was stopped"), kind="Cancelled")
        alive = connection.alive  # asked first: what was said last is still read
        try:
            for message in connection.receive():
                self._take(message)
        except BridgeError:
            self._forget(connection)
            raise
        if not alive:
            error = _ended(connection)
            self._forget(connection)
            raise error

    def _take(self, message: Mapping[str, Any]) -> None:
        kind, number = message.get("type"), message.get("id")
        if kind == "hello":
            self._hello = _checked_greeting(message)
        elif kind == "progress" and number in self._progress:
            left = message.get("seconds_left")
            self._progress[number] = Progress(message["fraction"], message["text"], left, waiting=True)
        elif kind in ("result", "error") and number in self._progress:
            self._answers[number] = dict(message)
        elif kind == "error" and number is None:
            raise _error(message)


def _try_again() -> str:
    return _("try again: a new one is started")


def _checked_greeting(hello: Mapping[str, Any]) -> dict[str, Any]:
    spoken = hello.get("protocol")
    if spoken != PROTOCOL:
        raise BridgeError(
            _("the library {version} speaks protocol {spoken}, this extension speaks {ours}").format(
                version=hello.get("library"), spoken=spoken, ours=PROTOCOL
            ),
            _("install the extension again, so that both are of one version"),
            kind="Protocol",
        )
    return dict(hello)


def _checked(answer: Mapping[str, Any]) -> dict[str, Any]:
    if answer.get("type") != "result":
        raise _error(answer)
    return dict(answer)


def _error(answer: Mapping[str, Any]) -> BridgeError:
    return BridgeError(
        answer.get("message") or _("the worker gave no answer"),
        answer.get("hint") or "",
        kind=answer.get("kind") or "Internal",
        details=answer.get("traceback") or "",
    )


def _ended(connection: Connection) -> BridgeError:
    """What to say of a worker that ended without being asked to."""
    code, details = connection.exit_code, connection.log_tail()
    hint = _try_again()
    if code is not None and (code < 0 or code in (137, 0xC0000005) or _LAUNCHER_COMPLAINT in details):
        hint = _("it may have run out of memory: try a smaller tile size, or close other programs")
    message = _("the worker process ended unexpectedly (exit code {code})").format(code=code)
    return BridgeError(message, hint, kind="Crash", details=details)


_shared: Worker | None = None
_idle: Any = None


def shared() -> Worker:
    """The worker of this application, the same for all modules. It ends with the application."""
    global _shared, _idle
    if _shared is None:
        _shared, _idle = Worker(), qt.QTimer()
        atexit.register(_shared.stop)
        _idle.connect("timeout()", _shared.stop_if_idle)
        _idle.start(60_000)
    return _shared
