"""What a request has at hand while it is worked on: progress, the wish to stop, warm models, files for its results."""

from __future__ import annotations

import contextlib
import time
from collections import OrderedDict
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any

from mrienhance.cli.worker import requirements
from mrienhance.cli.worker.voxels import describe
from mrienhance.inference.progress import Cancel

if TYPE_CHECKING:
    import SimpleITK as sitk

    from mrienhance.models import Entry, Model

MOST_MODELS = 2
"""Models that are kept."""

_INTERVAL = 0.1


class Reports:
    """Progress as lines: the fraction never falls, and there are few of them.

    Parameters
    ----------
    send
        Where a line goes.
    number
        Of the request.
    clock
        Seconds from any origin.
    """

    def __init__(
        self, send: Callable[[Mapping[str, Any]], None], number: int, *, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._send, self._number, self._clock = send, number, clock
        self._fraction, self._text, self._sent_at = 0.0, "", -_INTERVAL

    def report(self, fraction: float, seconds_left: float | None, text: str) -> None:
        """Send a line, if the last one was a while ago or spoke of something else. 1 is left to `finish`."""
        if fraction >= 1:
            return
        self._fraction = max(self._fraction, fraction)
        now = self._clock()
        if text != self._text or now - self._sent_at >= _INTERVAL:
            self._text, self._sent_at = text, now
            self._line(self._fraction, seconds_left)

    def finish(self) -> None:
        """Send the last line."""
        self._text = "Done"
        self._line(1.0, 0.0)

    def _line(self, fraction: float, seconds_left: float | None) -> None:
        left = None if seconds_left is None else round(seconds_left, 3)
        line = {"fraction": round(fraction, 4), "seconds_left": left, "text": self._text}
        self._send({"type": "progress", "id": self._number, **line})


class WarmModels:
    """The models that were used last, ready to run again; on the GPU, if they ran there."""

    def __init__(self) -> None:
        self._models: OrderedDict[tuple[str, int, int], Model] = OrderedDict()

    def get(self, entry: Entry, tell: Callable[[str], None]) -> tuple[Model, bool]:
        """Load a model, unless its very file was loaded before.

        Parameters
        ----------
        entry
            As the catalogue found it just now.
        tell
            Told in words when it must be loaded.

        Returns
        -------
        Model
            The model.
        bool
            Whether it was there already.

        Raises
        ------
        ModelError
            If the file is broken or gone.
        """
        from mrienhance.errors import ModelError
        from mrienhance.models import load_model

        path = str(entry.path.resolve())
        try:
            status = entry.path.stat()
        except OSError:
            raise ModelError(f"the model file {entry.path} is gone", hint="choose another model") from None
        key = (path, status.st_size, status.st_mtime_ns)
        if key in self._models:
            self._models.move_to_end(key)
            return self._models[key], True
        outdated = [other for other in self._models if other[0] == path]
        tell(f"Loading {entry.name} again: its file has changed" if outdated else f"Loading {entry.name}")
        self._drop(outdated)
        self._models[key] = load_model(entry)
        self._drop(list(self._models)[:-MOST_MODELS])
        return self._models[key], False

    def clear(self) -> None:
        """Forget all."""
        self._models.clear()

    def _drop(self, keys: list[tuple[str, int, int]]) -> None:
        for key in keys:
            del self._models[key]


class Folder:
    """Where the images of an answer go; they vanish if there will be no answer.

    Parameters
    ----------
    path
        The requester's folder.
    cancel
        Asked while writing.
    """

    def __init__(self, path: Path, cancel: Cancel) -> None:
        self._path, self._cancel = path, cancel
        self._written: list[Path] = []

    def __enter__(self) -> Folder:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if kind is not None:
            for path in self._written:
                with contextlib.suppress(OSError):
                    path.unlink()

    def write(self, image: sitk.Image, name: str, *, symmetric: bool = False) -> dict[str, Any]:
        """Write an image's voxels, and describe it.

        Parameters
        ----------
        image
            A scalar volume.
        name
            What the file's name begins with.
        symmetric
            Whether 0 is in the middle of what should be shown.

        Raises
        ------
        OutputError
            If it cannot be written.
        Cancelled
            If somebody asked to stop.
        """
        from mrienhance.images import write_raw

        path = write_raw(image, self._path, name=name, step=self._cancel.check)
        self._written.append(path)
        return describe(image, path, symmetric=symmetric)


@dataclass(frozen=True)
class Desk:
    """What is at hand for one request."""

    reports: Reports
    cancel: Cancel
    models: WarmModels = field(default_factory=WarmModels)

    def stage(self, fraction: float, text: str) -> None:
        """Begin a part of the work: tell, and stop if asked."""
        self.cancel.check()
        self.reports.report(fraction, None, text)

    def load_libraries(self) -> None:
        """Have everything that computing needs, which takes seconds the first time.

        Raises
        ------
        DependencyError
            If something is missing or broken.
        """
        if not requirements.loaded():
            self.stage(0.0, "Loading PyTorch")
            requirements.load()
