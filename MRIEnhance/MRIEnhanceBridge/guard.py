"""Notices when the scene takes away what a run needs."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import slicer
import vtk
from slicer.i18n import tr as _
from slicer.util import VTKObservationMixin


class SceneGuard(VTKObservationMixin):
    """Watches nodes, until `release`.

    Parameters
    ----------
    watched
        Nodes that must stay.
    on_lost
        Told once, in words, when one of them is removed or the scene is closed.
    """

    def __init__(self, watched: Sequence[Any], on_lost: Callable[[str], Any]) -> None:
        VTKObservationMixin.__init__(self)
        self._names = {node.GetID(): node.GetName() for node in watched}
        self._on_lost: Callable[[str], Any] | None = on_lost
        scene = slicer.mrmlScene
        self.addObserver(scene, scene.StartCloseEvent, self._closed)
        self.addObserver(scene, scene.NodeAboutToBeRemovedEvent, self._removed)

    def release(self) -> None:
        """Watch no longer."""
        self._on_lost = None
        self.removeObservers()

    def _closed(self, caller: Any, event: Any) -> None:
        self._lose(_("Stopped: the scene was closed."))

    @vtk.calldata_type(vtk.VTK_OBJECT)
    def _removed(self, caller: Any, event: Any, node: Any) -> None:
        name = self._names.get(node.GetID())
        if name is not None:
            self._lose(_("Stopped: the volume {name} was removed.").format(name=name))

    def _lose(self, reason: str) -> None:
        on_lost, self._on_lost = self._on_lost, None
        if on_lost is not None:
            on_lost(reason)
