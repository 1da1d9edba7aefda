"""What the command says: results on stdout, everything else on stderr."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any


def say(text: str = "") -> None:
    """Write a line to stdout."""
    sys.stdout.write(f"{text}\n")


def complain(kind: str, message: str, hint: str = "") -> None:
    """Write one line to stderr, and a second one with the hint, whatever line breaks are in them."""
    sys.stderr.write(f"mrienhance: {kind}: {' '.join(message.split())}\n")
    if hint:
        sys.stderr.write(f"  hint: {' '.join(hint.split())}\n")
    sys.stderr.flush()


class JsonProgress:
    """Progress as one JSON object a line on stderr."""

    def report(self, fraction: float, seconds_left: float | None, text: str) -> None:
        """Write ``{"fraction": …, "seconds_left": …, "text": …}``."""
        left = None if seconds_left is None else round(seconds_left, 3)
        sys.stderr.write(json.dumps({"fraction": round(fraction, 6), "seconds_left": left, "text": text}) + "\n")
        sys.stderr.flush()


class BarProgress:
    """Progress as a bar that disappears when it is full."""

    def __init__(self, bar: Any) -> None:
        self._bar = bar
        self._task = bar.add_task("", total=1.0, left="")

    def report(self, fraction: float, seconds_left: float | None, text: str) -> None:
        """Move the bar."""
        left = "" if seconds_left is None else f"{time.strftime('%H:%M:%S', time.gmtime(seconds_left))} left"
        self._bar.update(self._task, completed=fraction, description=text, left=left)


@contextmanager
def progress(kind: str) -> Iterator[JsonProgress | BarProgress | None]:
    """The progress that ``--progress`` asks for; a bar needs a terminal and is silent elsewhere."""
    if kind == "json":
        yield JsonProgress()
    elif kind == "bar" and sys.stderr.isatty():
        from rich.console import Console
        from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn

        left = TextColumn("{task.fields[left]}")
        columns = (TextColumn("{task.description}"), BarColumn(), TaskProgressColumn(), left)
        with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
            yield BarProgress(bar)
    else:
        yield None


def describe(path: Path, image: Any) -> str:
    """One line on an image that was written: ``OUT.nii.gz  288 x 288 x 181 voxels of 0.43 x 0.43 x 1 mm``."""
    size = " x ".join(map(str, image.GetSize()))
    spacing = " x ".join(f"{value:.3g}" for value in image.GetSpacing())
    return f"{path}  {size} voxels of {spacing} mm"
