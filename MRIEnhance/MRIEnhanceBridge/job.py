"""One run: volumes go to the worker through files in a private folder, and come back the same way."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import slicer
from slicer.i18n import tr as _

from MRIEnhanceBridge import nodes, voxels
from MRIEnhanceBridge.errors import BridgeError
from MRIEnhanceBridge.geometry import Geometry
from MRIEnhanceBridge.steps import Progress, Steps, Stop
from MRIEnhanceBridge.worker import Worker

Result = TypeVar("Result")


@dataclass(frozen=True)
class Received:
    """A volume that came back and is in no node yet.

    Parameters
    ----------
    image
        What the worker says of it: geometry, pixel type, display window.
    data
        Its voxels, as `vtkImageData`.
    """

    image: Mapping[str, Any]
    data: Any


class Job:
    """What one run does with the worker.

    Parameters
    ----------
    worker
        Who computes.
    folder
        Private folder of this run, for voxels.
    """

    def __init__(self, worker: Worker, folder: Path) -> None:
        self._worker = worker
        self.folder = folder

    def send(self, node: Any, role: str, *, relative_to: Any = None) -> Steps[dict[str, Any]]:
        """Write a volume's voxels for the worker; what it is to be told of them.

        Parameters
        ----------
        node
            The volume.
        role
            What it is to the task; names its file.
        relative_to
            Volume in whose frame it is placed, if the two have different parent transforms.

        Raises
        ------
        BridgeError
            If the volume cannot be used, or the disk is full.
        """
        path = self.folder / f"{role}.raw"
        image = nodes.describe(node, path)
        image.update(Geometry.of(node, relative_to=relative_to).to_dict())
        for fraction in voxels.write_voxels(nodes.voxel_view(node), path):
            yield Progress(fraction, _("Sending the volume…"))
        return image

    def ask(self, what: str, **fields: Any) -> Steps[dict[str, Any]]:
        """As `Worker.request`, with this run's folder."""
        return (yield from self._worker.request(what, folder=str(self.folder), **fields))

    def receive(self, image: Mapping[str, Any]) -> Steps[Received]:
        """Read a volume that the worker has written.

        Raises
        ------
        BridgeError
            If its file is not what the answer says.
        """
        data, view = nodes.new_image_data(image)
        for fraction in voxels.read_voxels(Path(image["voxels"]), view):
            yield Progress(fraction, _("Loading the result…"))
        return Received(image, data)


def run(worker: Worker, body: Callable[[Job], Steps[Result]]) -> Steps[Result]:
    """Run `body` with a job of its own, and clear up after it, however it ends.

    A run that is stopped takes the worker process with it: all memory is free again, and nobody writes into the
    folder while it is removed.

    Raises
    ------
    MissingPackages
        If the worker lacks packages.
    BridgeError
        What `body` raises; of the kind ``"Cancelled"`` if it was stopped.
    """
    folder = Path(tempfile.mkdtemp(prefix="MRIEnhance-", dir=slicer.app.temporaryPath))
    try:
        yield from worker.ready()
        result = yield from body(Job(worker, folder))
        for path in folder.iterdir():
            for _left in voxels.discard(path):
                yield Progress(1.0, _("Clearing up…"))
        return result
    except Stop as stop:
        yield from worker.leave()
        raise BridgeError(str(stop) or _("Cancelled."), kind="Cancelled") from None
    except GeneratorExit:
        worker.stop()
        raise
    finally:
        shutil.rmtree(folder, ignore_errors=True)
