"""The run of the batch script: case after case, each on its own."""

from __future__ import annotations

import argparse
import contextlib
import glob
import json
import logging
import signal
import sys
import time
import traceback
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import slicer
from slicer.i18n import tr as _

from MRIEnhanceBridge import nodes, worker
from MRIEnhanceBridge.cases import Case, find_cases
from MRIEnhanceBridge.errors import BridgeError, MissingPackages
from MRIEnhanceBridge.install import install
from MRIEnhanceBridge.interpreter import find
from MRIEnhanceBridge.outputs import check_new, write_result
from MRIEnhanceBridge.steps import Progress, run_now
from MRIEnhanceBridge.summary import Outcome, Summary
from MRIEnhanceBridge.verbs import VERBS, Verb

INTERRUPTED = 130
_SAY_EVERY = 3.0
FORMATS = ("nrrd", "nii.gz", "mha")


def run(arguments: Sequence[str], folder: str) -> int:
    """Run the batch script.

    Parameters
    ----------
    arguments
        What stands behind the script's name; words before the verb are Slicer's and are skipped.
    folder
        The working directory, for relative paths.

    Returns
    -------
    int
        0 if all cases are done, 1 if not, 130 if stopped.

    Raises
    ------
    SystemExit
        After a usage message, with the code 2.
    """
    options = _options(arguments, Path(folder))
    verb = VERBS[options.verb]
    try:
        cases = find_cases(options.input, pattern=options.pattern, leave_out=options.output)
        _check_names(cases)
        summary = Summary(options, [Outcome(case.name, str(case.path)) for case in cases])
    except BridgeError as error:
        _say_error(error)
        return 1
    try:
        with _stoppable():
            try:
                summary.versions = _ready(may_install=options.install)
                _all(cases, verb, options, summary)
                return _end(summary)
            except BridgeError as error:  # one that would stop every case
                summary.error, summary.details = str(error), error.details
                _say_error(error)
                return _end(summary)
            except KeyboardInterrupt:
                summary.error = _("stopped")
                return _end(summary, INTERRUPTED)
    finally:
        worker.shared().stop()


def _options(arguments: Sequence[str], folder: Path) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="batch.py", description=_("A folder of cases in, a folder of results out."))
    verbs = parser.add_subparsers(dest="verb", required=True, metavar="VERB")
    for verb in VERBS.values():
        one = verbs.add_parser(verb.name, help=verb.summary, description=verb.summary, allow_abbrev=False)
        _add_common(one)
        verb.add_options(one)
    first = next((place for place, word in enumerate(arguments) if word in VERBS), len(arguments))
    options = parser.parse_args(arguments[first:])
    for name in ("input", "output", "summary"):
        if (path := getattr(options, name)) is not None:
            setattr(options, name, (folder / path).resolve())
    if options.summary is None:
        options.summary = options.output / "summary.json"
    if options.input == options.output:
        parser.error(_("the results need a folder of their own: --output is --input"))
    return options


def _add_common(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--input", type=Path, required=True, metavar="DIR", help=_("volumes, or folders with DICOM"))
    parser.add_argument("--output", type=Path, required=True, metavar="DIR", help=_("where the results go"))
    parser.add_argument("--pattern", metavar="GLOB", help=_("only files and folders with such names"))
    parser.add_argument("--format", choices=FORMATS, default=FORMATS[0], help=_("of the results"))
    parser.add_argument("--force", action="store_true", help=_("replace results that are there"))
    parser.add_argument("--summary", type=Path, metavar="FILE", help=_("by default OUTPUT/summary.json"))
    parser.add_argument("--install", action="store_true", help=_("install missing packages without a question"))


def _check_names(cases: Sequence[Case]) -> None:
    """Refuse cases whose results would have one name, also where upper and lower case are one."""
    counts = Counter(case.name.casefold() for case in cases)
    twins = [case.path.name for case in cases if counts[case.name.casefold()] > 1]
    if twins:
        message = _("these cases would have results of the same name: {names}").format(names=", ".join(twins))
        raise BridgeError(message, _("rename them, or choose some with --pattern"))


def _ready(*, may_install: bool) -> dict[str, str]:
    """See that the worker can compute before the first case; the versions it names."""
    shared = worker.shared()
    missing = shared.missing()
    if missing and may_install:
        _say(_("installing {packages}").format(packages=", ".join(missing)))
        shared.stop()
        install(missing, shared.interpreter or find(), ask=False)
        missing = shared.missing()
    if missing:
        raise MissingPackages(missing)
    hello = run_now(shared.greeting())
    return {"slicer": slicer.app.applicationVersion, "mrienhance": hello["library"], "python": hello["python"]}


def _all(cases: Sequence[Case], verb: Verb, options: argparse.Namespace, summary: Summary) -> None:
    for number, (case, outcome) in enumerate(zip(cases, summary.outcomes, strict=True), start=1):
        prefix = f"[{number}/{len(cases)}] {case.name}: "
        started = time.monotonic()
        _say(prefix + _("starts"))
        try:
            _one(case, verb, options, outcome, _Teller(prefix))
        except MissingPackages:
            raise
        except Exception as error:  # one case never stops the others
            outcome.fail(error)
            logging.debug("%s", traceback.format_exc())
            _say(prefix + _("failed: {reason}").format(reason=error))
        else:
            _say(prefix + _("done, {file}").format(file=outcome.output))
        finally:
            outcome.seconds = round(time.monotonic() - started, 3)
            slicer.mrmlScene.Clear(0)
        summary.write()


def _one(case: Case, verb: Verb, options: argparse.Namespace, outcome: Outcome, teller: _Teller) -> None:
    if not options.force:
        # By pattern: which factor the model has is known afterwards only, if it was not said.
        check_new(options.output, f"{glob.escape(case.name)}{verb.label(options, {})}.{options.format}")
    node = nodes.from_image(case.read(), case.name)
    result = verb.process(node, options, teller.tell)
    report = json.loads(result.GetAttribute("MRIEnhance.report") or "{}")
    path = options.output / f"{case.name}{verb.label(options, report)}.{options.format}"
    write_result(nodes.to_image(result), report, path, force=options.force)
    outcome.succeed(path, report)


def _end(summary: Summary, code: int | None = None) -> int:
    """Write the summary and say the last word; the exit code."""
    done, total = summary.count("ok"), len(summary.outcomes)
    code = int(done < total) if code is None else code
    try:
        summary.write(code)
    except BridgeError as error:
        _say_error(error)
        code = code or 1
    _say(_("{done} of {total} cases done; summary: {file}").format(done=done, total=total, file=summary.path))
    return code


@contextlib.contextmanager
def _stoppable() -> Iterator[None]:
    """Make the first Ctrl-C or SIGTERM end the run politely, and the second one at once.

    Inside Slicer Python's own handler for Ctrl-C is switched off.
    """

    def stop(number: int, frame: Any) -> None:
        for each in before:
            signal.signal(each, signal.SIG_DFL)
        raise KeyboardInterrupt

    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    for number in before:
        signal.signal(number, stop)
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, signal.SIG_DFL if handler is None else handler)


class _Teller:
    """Says how far a case is, now and then."""

    def __init__(self, prefix: str) -> None:
        self._prefix = prefix
        self._next = time.monotonic() + _SAY_EVERY

    def tell(self, progress: Progress) -> None:
        if time.monotonic() >= self._next:
            self._next = time.monotonic() + _SAY_EVERY
            _say(f"{self._prefix}{progress.fraction:.0%}".replace("%", " %"))


def _say(line: str) -> None:
    _write(sys.stdout, line)


def _say_error(error: BridgeError) -> None:
    _write(sys.stderr, f"batch.py: error: {error}")


def _write(stream: Any, line: str) -> None:
    """A reader that is gone, or that cannot show a letter of a file's name, stops nothing."""
    with contextlib.suppress(OSError):
        try:
            stream.write(line + "\n")
        except UnicodeEncodeError:
            stream.write(ascii(line) + "\n")
        stream.flush()
