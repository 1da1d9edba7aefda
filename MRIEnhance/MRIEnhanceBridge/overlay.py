"""A map over its image in the slice views, in warm colours: where a network looked more closely, or is not sure.

Only MRML nodes are touched. The map is the foreground, the image the background, and the strength is the foreground's
opacity: it works alike in linked views and in others, and Slicer's own slider shows it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import slicer
import vtk

from MRIEnhanceBridge import views
from MRIEnhanceBridge.viewstate import identifier, slice_views, weak

COLORS = "MRIEnhanceAttention"
"""Singleton tag of the colour table."""
_RAMP = ((0.0, (0.4, 0.38, 0.33)), (0.5, (0.95, 0.6, 0.1)), (1.0, (1.0, 0.05, 0.0)))
"""From nearly grey through orange to red. All colours are equally opaque, since Slicer knows a colour's opacity only as
all or nothing; so what is weak must look weak."""
_STEPS = 256
_GREY = "vtkMRMLColorTableNodeGrey"
_WEAKEST, _ABOVE_ALL = 0.05, 2.0
"""Parts of the strongest value: below the first nothing is tinted; the second is above 1 and its rounding errors."""


def colour(attention: slicer.vtkMRMLScalarVolumeNode, strongest: float = 1.0) -> None:
    """Give a map the display it needs over an image: warm colours from 0 to `strongest`, none below 5 % of that."""
    attention.CreateDefaultDisplayNodes()
    display = attention.GetDisplayNode()
    with slicer.util.NodeModify(display):
        display.AutoWindowLevelOff()
        display.SetWindowLevelMinMax(0.0, strongest)
        display.SetAndObserveColorNodeID(_colors().GetID())
        highest = attention.GetImageData().GetScalarRange()[1]
        display.SetThreshold(_WEAKEST * strongest, max(_ABOVE_ALL * strongest, highest))
        display.ApplyThresholdOn()


def _colors() -> slicer.vtkMRMLColorTableNode:
    """The colour table, which a scene has once; filled if its file was not saved with the scene."""
    scene = slicer.mrmlScene
    table = scene.GetSingletonNode(COLORS, "vtkMRMLColorTableNode")
    if table is None:
        table = slicer.vtkMRMLColorTableNode()
        table.SetSingletonTag(COLORS)
        table.SetName(scene.GenerateUniqueName("MRIEnhance attention"))
        table.SetTypeToUser()
        table = scene.AddNode(table)
    if table.GetNumberOfColors() != _STEPS:
        values = np.linspace(0.0, 1.0, _STEPS)
        places, colors = [place for place, _color in _RAMP], np.array([color for _place, color in _RAMP])
        ramp = np.stack([np.interp(values, places, channel) for channel in colors.T], axis=1)
        with slicer.util.NodeModify(table):
            table.SetNumberOfColors(_STEPS)
            for step, color in enumerate(ramp.tolist()):
                table.SetColor(step, f"{values[step]:.3f}", *color)
    return table


class Overlay:
    """A map shown over its image, and what the views showed before."""

    def __init__(self) -> None:
        self._before: dict[str, _Layer] = {}
        self._attention = vtk.vtkWeakReference()

    @property
    def active(self) -> bool:
        """Whether a map has been put over an image."""
        return bool(self._before)

    def show(self, result: Any, attention: Any, strength: float = 0.5, *, strongest: float = 1.0) -> bool:
        """Put a map over its image in the slice views that show the image as background.

        Where nothing at all is shown, all slice views show both. A map that is shown already goes first. The image's
        display stays as it is; the map gets its colours, unless the user has given it others than grey.

        Parameters
        ----------
        result, attention
            Image, and map from 0 on, on its grid.
        strength
            Opacity of the map, from 0 to 1.
        strongest
            Value of the map that has the last colour; what is above has it too.

        Returns
        -------
        bool
            False, and nothing is changed, where a volume is not in the scene, or no view shows the image.
        """
        scene = slicer.mrmlScene
        there = all(node and scene.IsNodePresent(node) and node.GetImageData() for node in (result, attention))
        if not there or not views.show(result, source=None):
            return False
        self.hide()
        display = attention.GetDisplayNode()
        chosen = display.GetColorNode() if display is not None else None
        if chosen is None or chosen.GetID() == _GREY:
            colour(attention, strongest)
        elif chosen.GetSingletonTag() == COLORS:
            _colors()  # so that there are some, also in a scene that was saved without their file
        self._attention = weak(attention)
        for name, (_view, composite) in slice_views().items():
            if composite.GetBackgroundVolumeID() == result.GetID():
                self._before[name] = _Layer.of(composite)
                with slicer.util.NodeModify(composite):
                    composite.SetForegroundVolumeID(attention.GetID())
                    composite.SetForegroundOpacity(_within(strength))
                    composite.SetCompositing(composite.Alpha)
        return True

    def set_strength(self, strength: float) -> None:
        """Change the map's opacity, from 0 to 1, in all views that have it as foreground."""
        shown = identifier(self._attention)
        for _view, composite in slice_views().values():
            if shown and composite.GetForegroundVolumeID() == shown:
                composite.SetForegroundOpacity(_within(strength))

    def hide(self) -> bool:
        """Put back what was before. Views whose foreground the user has chosen meanwhile are left alone.

        Returns
        -------
        bool
            False if nothing was shown.
        """
        before, self._before = self._before, {}
        shown, self._attention = identifier(self._attention), vtk.vtkWeakReference()
        for name, (_view, composite) in slice_views().items():
            now = composite.GetForegroundVolumeID() or ""
            if name in before and now in ("", shown):
                before[name].restore(composite, volume=now == shown)
        return bool(before)


@dataclass(frozen=True)
class _Layer:
    """The foreground of a view as it was."""

    volume: Any
    opacity: float
    compositing: int

    @classmethod
    def of(cls, composite: Any) -> _Layer:
        """Remember it; the volume weakly, since identifiers may be given again."""
        volume = slicer.mrmlScene.GetNodeByID(composite.GetForegroundVolumeID() or "")
        return cls(weak(volume), composite.GetForegroundOpacity(), composite.GetCompositing())

    def restore(self, composite: Any, *, volume: bool) -> None:
        """Make it as it was; without the `volume`, only how it is mixed in."""
        with slicer.util.NodeModify(composite):
            if volume:
                composite.SetForegroundVolumeID(identifier(self.volume))
            composite.SetForegroundOpacity(self.opacity)
            composite.SetCompositing(self.compositing)


def _within(strength: float) -> float:
    return min(max(float(strength), 0.0), 1.0)
