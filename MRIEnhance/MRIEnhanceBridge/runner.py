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
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import slicer
from slicer.i18n import tr as _

from MRIEnhanceBridge import nodes, worker
from MRIEnhanceBridge.cases import IMAGES, Case, check_names, find_cases
from MRIEnhanceBridge.errors import BridgeError, MissingPackages
from MRIEnhanceBridge.install import install
from MRIEnhanceBridge.interpreter import find
from MRIEnhanceBridge.outputs import Product, check_new, file_names, write_results
from MRIEnhanceBridge.steps import Progress, run_now
from MRIEnhanceBridge.summary import Outcome, Summary, metrics_of
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
        named = [value for value in vars(options).values() if isinstance(value, Path) and value != options.input]
        cases = find_cases(options.input, kind=verb.kind(options), pattern=options.pattern, leave_out=named)
        check_names(cases)
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
        _add_common(one, verb)
        verb.add_options(one)
    first = next((place for place, word in enumerate(arguments) if word in VERBS), len(arguments))
    options = parser.parse_args(arguments[first:])
    for name, value in vars(options).items():
        if isinstance(value, Path):
            setattr(options, name, (folder / value).resolve())
    if options.summary is None:
        options.summary = options.output / "summary.json"
    if options.input == options.output:
        parser.error(_("the results need a folder of their own: --output is --input"))
    if complaint := VERBS[options.verb].check(options):
        parser.error(complaint)
    return options


def _add_common(parser: argparse.ArgumentParser, verb: Verb) -> None:
    parser.add_argument("--input", type=Path, required=True, metavar="DIR", help=verb.cases)
    parser.add_argument("--output", type=Path, required=True, metavar="DIR", help=_("where the results go"))
    parser.add_argument("--pattern", metavar="GLOB", help=_("only files and folders with such names"))
    parser.add_argument("--format", choices=FORMATS, default=FORMATS[0], help=_("of the results"))
    parser.add_argument("--force", action="store_true", help=_("replace results that are there"))
    parser.add_argument("--summary", type=Path, metavar="FILE", help=_("by default OUTPUT/summary.json"))
    parser.add_argument("--install", action="store_true", help=_("install missing packages without a question"))


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
    maps = verb.maps(options)
    if not options.force:
        # By pattern: which factor the model has is known afterwards only, if it was not said.
        for foreseen in verb.foreseen(options):
            for pattern in file_names(glob.escape(case.name) + verb.label(options, foreseen), maps, options.format):
                check_new(options.output, pattern)
    source = nodes.from_image(case.read(), case.name) if verb.kind(options) is IMAGES else str(case.path)
    made = verb.process(source, options, teller.tell)
    results = made if isinstance(made, Mapping) else {"": made}
    products = {name: _product(case, verb, options, result) for name, result in results.items()}
    write_results(list(products.values()), force=options.force)
    outcome.succeed(products, maps=maps, facts=verb.facts)
    outcome.metrics = metrics_of(next(iter(results.values())))


def _product(case: Case, verb: Verb, options: argparse.Namespace, result: Any) -> Product:
    """A result and what is written beside it."""
    maps, report = verb.maps(options), json.loads(result.GetAttribute("MRIEnhance.report") or "{}")
    volumes = [result, *(_map(result, name, reference, report) for name, reference in maps.items())]
    names = file_names(case.name + verb.label(options, report), maps, options.format)
    paths = [options.output / name for name in names]
    return Product({path: nodes.to_image(each) for path, each in zip(paths, volumes, strict=True)}, report)


def _map(result: Any, name: str, reference: str, report: Mapping[str, Any]) -> Any:
    """The volume that a result references."""
    volume = result.GetNodeReference(reference)
    if volume is None:
        message = _("{model} gives no image {name}").format(model=report["model"]["name"], name=repr(name))
        raise BridgeError(message, _("choose another model, or leave it out of --maps"), kind="UsageError")
    return volume


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
