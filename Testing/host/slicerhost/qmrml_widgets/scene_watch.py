"""Observes a scene for a widget, and lets go of it when the widget is gone."""

from collections.abc import Callable
from typing import Any

import vtk


class SceneWatch:
    """Calls a widget back about nodes that come, go and change.

    Parameters
    ----------
    changed
        Called with None after nodes have come or the whole scene has changed, with a node when it was modified.
    leaving
        Called with a node that is about to leave the scene.
    """

    def __init__(self, changed: Callable[[Any], None], leaving: Callable[[Any], None]) -> None:
        self.scene: Any = None
        self._changed, self._leaving = changed, leaving
        self._tags: list[tuple[Any, int]] = []
        self._node_tags: dict[str, tuple[Any, int]] = {}

    def watch(self, scene: Any) -> None:
        """Watch this scene (None: none) and no other."""
        self.stop()
        self.scene = scene
        if scene is None:
            return

        @vtk.calldata_type(vtk.VTK_OBJECT)
        def added(caller: Any, event: Any, node: Any) -> None:
            self._observe(node)
            self._changed(None)

        @vtk.calldata_type(vtk.VTK_OBJECT)
        def leaving(caller: Any, event: Any, node: Any) -> None:
            self._forget(node)
            self._leaving(node)

        def whole(caller: Any, event: Any) -> None:
            self._changed(None)

        for event, function in {
            scene.NodeAddedEvent: added,
            scene.NodeAboutToBeRemovedEvent: leaving,
            scene.NodeRemovedEvent: whole,
            scene.EndCloseEvent: whole,
            scene.EndImportEvent: whole,
            scene.EndRestoreEvent: whole,
        }.items():
            self._tags.append((scene, scene.AddObserver(event, function)))
        for index in range(scene.GetNumberOfNodes()):
            self._observe(scene.GetNthNode(index))

    def _observe(self, node: Any) -> None:
        if node.GetID() not in self._node_tags:
            tag = node.AddObserver("ModifiedEvent", lambda caller, event: self._changed(caller))
            self._node_tags[node.GetID()] = (node, tag)

    def _forget(self, node: Any) -> None:
        known = self._node_tags.pop(node.GetID(), None)
        if known is not None:
            node.RemoveObserver(known[1])

    def stop(self) -> None:
        """Watch nothing any more."""
        for observed, tag in [*self._tags, *self._node_tags.values()]:
            observed.RemoveObserver(tag)
        self._tags.clear()
        self._node_tags.clear()
        self.scene = None
