"""The ``mrienhance`` command: parse, run one command, and turn every ending into an exit code.

0 done, 1 failed with one clear line on stderr, 2 wrong usage, 130 cancelled.
"""

from __future__ import annotations

import os
import signal
import sys
import threading
import traceback
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import NoReturn

from mrienhance._version import __version__
from mrienhance.cli import (
    batch,
    demo,
    evaluate,
    models,
    prepare,
    reconstruct,
    report,
    simulate,
    super_resolve,
    synthesize,
    train,
    worker,
)
from mrienhance.cli.console import complain
from mrienhance.cli.parser import Parser
from mrienhance.errors import Cancelled, MRIEnhanceError, UsageError


def build_parser() -> Parser:
    """The parser of the whole command line."""
    parser = Parser(
        prog="mrienhance",
        description="Make MRI better with deep learning. For research, not for diagnosis.",
        example="mrienhance super-resolve scan.nii.gz -o scan_x2.nii.gz",
    )
    parser.add_argument("--version", action="version", version=f"mrienhance {__version__}")
    parser.add_argument("--debug", action="store_true", default=False, help="show the traceback of an error")
    commands = parser.add_subparsers(metavar="COMMAND", title="commands")
    for command in (
        demo,
        models,
        super_resolve,
        synthesize,
        reconstruct,
        simulate,
        evaluate,
        prepare,
        train,
        report,
        batch,
        worker,
    ):
        command.add(commands)
    return parser


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line `argv` (by default this process's) and return the exit code."""
    arguments = list(sys.argv[1:] if argv is None else argv)
    try:
        with _stoppable():
            code = _run(arguments)
            sys.stdout.flush()
            return code
    except BaseException as error:
        if "--debug" in arguments:
            traceback.print_exc()
        return _refuse(error)


def _run(arguments: list[str]) -> int:
    parser = build_parser()
    try:
        args = parser.parse_args(arguments)
    except SystemExit:  # --help and --version have spoken
        return 0
    if "run" not in args:
        parser.print_help(sys.stderr)
        return 2
    from mrienhance.inference.allocator import keep_freed_memory

    keep_freed_memory()
    args.run(args)
    return 0


def _refuse(error: BaseException) -> int:
    """Say in one line what went wrong, and choose the exit code."""
    if isinstance(error, KeyboardInterrupt):
        error = Cancelled()
    if isinstance(error, MRIEnhanceError):
        if error.said:
            # Whoever started several processes kills those that are left once one has failed: the one that tells must
            # have the time to.
            return 0
        stopped = isinstance(error, Cancelled)
        complain("stopped" if stopped else "error", error.message, error.hint)
        return 130 if stopped else 2 if isinstance(error, UsageError) else 1
    if isinstance(error, BrokenPipeError):
        # The reader of our output (head, less) has left; without this Python complains once more at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    if isinstance(error, MemoryError):
        complain("error", "not enough memory", "try a smaller --batch or --tile, or close other programs")
        return 1
    if isinstance(error, OSError):
        complain("error", str(error), "check the path, its permissions and the free space")
        return 1
    complain("error", f"internal error: {type(error).__name__}: {error}", "please report it, with what --debug shows")
    return 1


@contextmanager
def _stoppable() -> Iterator[None]:
    """Let a polite kill end the work like Ctrl-C does, so that nothing half-written stays behind."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    numbers = [getattr(signal, name) for name in ("SIGTERM", "SIGHUP") if hasattr(signal, name)]
    # Under nohup, or where somebody else listens already, it stays as it is.
    ours = [number for number in numbers if signal.getsignal(number) is signal.SIG_DFL]
    for number in ours:
        signal.signal(number, _interrupt)
    try:
        yield
    finally:
        for number in ours:
            signal.signal(number, signal.SIG_DFL)


def _interrupt(number: int, frame: object) -> NoReturn:
    raise KeyboardInterrupt
