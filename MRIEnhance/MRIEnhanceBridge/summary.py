"""The summary of a batch run: what became of each case."""

from __future__ import annotations

import argparse
import json
import time
import traceback
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

from slicer.i18n import tr as _

from MRIEnhanceBridge import metrics
from MRIEnhanceBridge.errors import BridgeError
from MRIEnhanceBridge.outputs import Product, write_json

TOOL = "MRIEnhance batch"


@dataclass
class Outcome:
    """What became of one case.

    Parameters
    ----------
    case, input
        Its name and path.
    output
        Path of the result; empty without one.
    status
        ``"ok"``, ``"failed"``, or ``"skipped"``: the run ended before it.
    seconds
        From reading to the written result.
    message, hint, kind, details
        Why it failed, as in `BridgeError`.
    report
        The facts of the result's report that one wants to see in a table.
    outputs
        Where there may be several results, the paths of all of them by name; `output`, `report` and `metrics` are those
        of the first.
    maps
        Paths of the images that were asked for beside the result, by name; beside several, by theirs and its name.
    metrics
        Where the truth is known, how far the result is from it: one mapping a method.
    """

    case: str
    input: str
    output: str = ""
    status: str = "skipped"
    seconds: float = 0.0
    message: str = ""
    hint: str = ""
    kind: str = ""
    details: str = ""
    report: dict[str, Any] = field(default_factory=dict)
    outputs: dict[str, str] = field(default_factory=dict)
    maps: dict[str, str] = field(default_factory=dict)
    metrics: list[dict[str, Any]] = field(default_factory=list)

    def succeed(self, products: Mapping[str, Product], *, maps: Iterable[str], facts: Sequence[str]) -> None:
        """Note the results, by their names or by none, and of the first one's report those facts that are there."""
        first = next(iter(products.values()))
        self.status, self.output = "ok", str(next(iter(first.images)))
        self.report = {name: first.report[name] for name in facts if name in first.report}
        names = list(maps)
        for part, product in products.items():
            path, *beside = map(str, product.images)
            if part:
                self.outputs[part] = path
            for name, image in zip(names, beside, strict=True):
                self.maps[f"{part}_{name}" if part else name] = image

    def fail(self, error: Exception) -> None:
        """Note why there is none."""
        self.status = "failed"
        if isinstance(error, BridgeError):
            self.message, self.hint, self.kind, self.details = error.message, error.hint, error.kind, error.details
        else:
            self.message, self.kind = f"{type(error).__name__}: {error}", "Internal"
            self.details = "".join(traceback.format_exception(error))


class Summary:
    """The summary; it is written after every case, so that it tells the truth also if the application dies.

    Parameters
    ----------
    options
        Of the run; ``output`` and ``summary`` say where.
    outcomes
        One a case.

    Raises
    ------
    BridgeError
        If the folder cannot be made or written to, or if somebody else's file has the summary's name.
    """

    def __init__(self, options: argparse.Namespace, outcomes: Sequence[Outcome]) -> None:
        self.path: Path = options.summary
        self.outcomes = list(outcomes)
        self.versions: dict[str, str] = {}
        self.error = self.details = ""
        self._options = {
            name: str(value) if isinstance(value, Path) else value for name, value in vars(options).items()
        }
        self._created = datetime.now(timezone.utc).isoformat(timespec="seconds")
        self._started = time.monotonic()
        if not options.force and self.path.exists() and not _is_ours(self.path):
            message = _("{file} is there and no summary of a batch run").format(file=self.path)
            raise BridgeError(message, _("name another file with --summary, or replace it with --force"))
        for folder in (options.output, self.path.parent):
            try:
                folder.mkdir(parents=True, exist_ok=True)
            except OSError as error:
                reason = (error.strerror or str(error)).lower()
                message = _("the folder {folder} cannot be made: {reason}").format(folder=folder, reason=reason)
                raise BridgeError(message, _("choose another one")) from error
        self.write()

    def count(self, status: str) -> int:
        """How many cases have this status."""
        return sum(outcome.status == status for outcome in self.outcomes)

    def write(self, exit_code: int | None = None) -> None:
        """Write it as it is now; without the exit code it says that the run is not over.

        Raises
        ------
        BridgeError
            If it cannot be written.
        """
        content = {
            "tool": TOOL,
            "created": self._created,
            "finished": exit_code is not None,
            "exit_code": exit_code,
            "error": self.error,
            "details": self.details,
            "seconds": round(time.monotonic() - self._started, 3),
            "versions": self.versions,
            "options": self._options,
            "counts": {status: self.count(status) for status in ("ok", "failed", "skipped")},
            "cases": [asdict(outcome) for outcome in self.outcomes],
        }
        write_json(content, self.path)


def metrics_of(result: Any) -> list[dict[str, Any]]:
    """How far a result is from the truth, one mapping a method; nothing where the truth is not known."""
    table = result.GetNodeReference(metrics.TABLE)
    rows: list[dict[str, Any]] = json.loads(table.GetAttribute("MRIEnhance.evaluation"))["rows"] if table else []
    return rows


def _is_ours(path: Path) -> bool:
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return False
    return isinstance(content, dict) and content.get("tool") == TOOL
