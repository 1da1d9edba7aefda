"""The worker's life: one thread listens, the main thread works, and either may end the process at once."""

from __future__ import annotations

import faulthandler
import os
import signal
import sys
import threading
import traceback
from collections.abc import Callable, Mapping
from typing import Any, NoReturn

from mrienhance.cli.worker import evaluate, listing, reconstruct, requirements, super_resolve, synthesize
from mrienhance.cli.worker.channel import Channel, encoded, log
from mrienhance.cli.worker.desk import Desk, Reports, WarmModels
from mrienhance.cli.worker.fields import Fields
from mrienhance.cli.worker.jobs import Job, Jobs
from mrienhance.cli.worker.protocol import ProtocolError, Request, failure, hello, parse
from mrienhance.errors import Cancelled, UsageError

Answer = Callable[[Fields, Desk], dict[str, Any]]

ANSWERS: Mapping[str, Answer] = {
    "models": listing.models,
    "devices": listing.devices,
    "super-resolve": super_resolve.super_resolve,
    "synthesize": synthesize.synthesize,
    "reconstruct": reconstruct.reconstruct,
    "evaluate": evaluate.evaluate,
}
"""What can be asked for."""

_TERMINAL = "this is for programs: it reads requests, one JSON object a line, and answers alike. Ctrl-D ends it"
_LAST_LINE_SECONDS = 0.2


def serve() -> NoReturn:
    """Serve on the standard streams until the input ends.

    Raises
    ------
    UsageError
        If there are none.
    """
    prepare()
    if sys.stdin is not None and sys.stdin.isatty():
        log(_TERMINAL)
    try:
        channel = Channel.standard()
    except OSError as error:
        raise UsageError("the worker has no standard streams to talk on", hint="start it with pipes") from error
    Server(channel, ANSWERS, os._exit).run()


def prepare() -> None:
    """Stop as the system does when it is told to: at once, also in the middle of a layer that takes long."""
    if sys.stderr is not None:
        faulthandler.enable()  # a crash in C leaves a trace in the log
    for name in ("SIGINT", "SIGTERM", "SIGHUP"):
        number = getattr(signal, name, None)
        if number is not None and signal.getsignal(number) is not signal.SIG_IGN:
            signal.signal(number, signal.SIG_DFL)


class Server:
    """Answers requests.

    Parameters
    ----------
    channel
        Where they come from.
    answers
        What can be asked for, by name.
    leave
        Ends the process with an exit code.
    patience
        Seconds without a request after which memory that the next one could use is given back: Slicer needs it too.
    """

    def __init__(
        self,
        channel: Channel,
        answers: Mapping[str, Answer],
        leave: Callable[[int], NoReturn],
        *,
        patience: float = 30.0,
    ) -> None:
        self._channel, self._answers, self._leave = channel, answers, leave
        self._patience = patience
        self._jobs, self._models = Jobs(), WarmModels()
        self._last = -1

    def run(self) -> NoReturn:
        """Greet, and work for ever: the thread that listens ends the process."""
        self._send(hello(requirements.missing()))
        threading.Thread(target=self._listen, name="listener", daemon=True).start()
        while True:
            job = self._jobs.next(self._patience)
            if job is None:
                _release_memory()
                job = self._jobs.next()
            if job is not None:
                self._work(job)

    def _listen(self) -> None:
        try:
            for line in self._channel.lines():
                try:
                    self._take(parse(line, tuple(self._answers)))
                except ProtocolError as error:
                    self._send(failure(error, error.number))
            self._end(0)
        except BaseException:  # without ears there is nothing left to do
            traceback.print_exc()
            self._end(1)

    def _take(self, request: Request) -> None:
        if request.do == "exit":
            self._end(0)
        if request.do == "cancel":
            job = self._jobs.cancel(request.number)
            if job is not None:
                self._send(failure(Cancelled(), job.request.number))
            return
        if request.number <= self._last:
            message = f"the number {request.number} is not above the last one, {self._last}"
            raise ProtocolError(message, hint="count the requests", number=None)
        self._last = request.number
        self._jobs.put(request)

    def _work(self, job: Job) -> None:
        message = self._outcome(job)
        if message.get("kind") == "OutOfMemory":
            self._models.clear()
            _release_memory()
        self._send(message)

    def _outcome(self, job: Job) -> dict[str, Any]:
        """The line that ends a job. The failure's traceback, and all that it holds, is gone when this returns."""
        request = job.request
        reports = Reports(self._send, request.number)
        try:
            job.cancel.check()
            answer = self._answers[request.do](
                Fields(request.fields, request.do), Desk(reports, job.cancel, self._models)
            )
            job.cancel.check()
            message = {"type": "result", "id": request.number, **answer}
            encoded(message)  # a result that cannot be told is a failure too
        except BaseException as error:
            return failure(error, request.number)
        reports.finish()
        return message

    def _send(self, message: Mapping[str, Any]) -> None:
        try:
            self._channel.send(message)
        except OSError:  # nobody listens any more
            self._end(0)

    def _end(self, code: int) -> NoReturn:
        """End the process now, whatever else it does; only a line that is being written is waited for."""
        self._channel.settle(_LAST_LINE_SECONDS)
        self._leave(code)


def _release_memory() -> None:
    """Give back what is held for later, on the GPU too; before torch was loaded there is hardly any."""
    if "torch" in sys.modules:
        from mrienhance.inference.memory import release_memory

        release_memory()
