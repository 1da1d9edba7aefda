"""Nodes that results go into: made like new, with a display of their own, placed beside their source."""

from __future__ import annotations

from typing import Any

import slicer
from slicer.i18n import tr as _

from MRIEnhanceBridge.errors import BridgeError

PREFIX = "MRIEnhance."
"""What the names of our attributes and node references begin with."""
_UIDS = ("DICOM", "DICOMInstanceUID")
"""What the subject hierarchy calls the identifiers of a series and of its slices."""


def check_output(node: Any, source: Any) -> None:
    """Refuse a node that a result of `source`, a volume or None, cannot go into.

    Raises
    ------
    BridgeError
        If it is the source, no plain scalar volume, or not in the scene.
    """
    name = node.GetName()
    if node is source:
        raise BridgeError(
            _('"{name}" is the input volume and is never overwritten').format(name=name),
            _("choose another output volume, or create a new one"),
        )
    if node.GetClassName() != "vtkMRMLScalarVolumeNode" or not slicer.mrmlScene.IsNodePresent(node):
        raise BridgeError(
            _('"{name}" cannot hold the result').format(name=name), _("choose a scalar volume, or create a new one")
        )


def forget(node: slicer.vtkMRMLScalarVolumeNode) -> None:
    """Take away what a volume says of the image that it held before, and the file that it came from.

    Its storage node goes: with it, saving would write over the file of the old image. Its item in the subject hierarchy
    loses its DICOM identifiers.
    """
    for key in node.GetAttributeNames():
        node.RemoveAttribute(key)
    node.SetDescription("")
    for index in reversed(range(node.GetNumberOfStorageNodes())):
        slicer.mrmlScene.RemoveNode(node.GetNthStorageNode(index))
    roles = [node.GetNthNodeReferenceRole(index) for index in range(node.GetNumberOfNodeReferenceRoles())]
    for role in roles:
        if role.startswith(PREFIX):
            node.RemoveNodeReferenceIDs(role)
    hierarchy = _hierarchy()
    item = hierarchy.GetItemByDataNode(node)
    if item:
        for name in _UIDS:
            if hierarchy.GetItemUID(item, name):
                hierarchy.SetItemUID(item, name, "")  # not every Slicer can remove one
        for key in hierarchy.GetItemAttributeNames(item):
            if key.startswith("DICOM."):
                hierarchy.RemoveItemAttribute(item, key)


def set_display(node: slicer.vtkMRMLScalarVolumeNode, window: float, level: float) -> None:
    """Give a volume a display in grey with a fixed window; a display that it has is made like new."""
    fresh = slicer.mrmlScene.CreateNodeByClass("vtkMRMLScalarVolumeDisplayNode")  # with the user's defaults
    fresh.UnRegister(None)  # the method counts for the caller, and Python has counted as well
    fresh.AutoWindowLevelOff()
    fresh.SetWindowLevel(window, level)
    display = node.GetVolumeDisplayNode()
    if display is None:
        display = slicer.mrmlScene.AddNode(fresh)
        node.SetAndObserveDisplayNodeID(display.GetID())
    else:
        display.CopyContent(fresh)
    display.SetDefaultColorMap()


def place_beside(node: slicer.vtkMRMLNode, source: slicer.vtkMRMLNode | None) -> None:
    """Put a node where its source is in the subject hierarchy: in the same study, patient or folder.

    Without a source it goes to the top, outside any study.
    """
    hierarchy = _hierarchy()
    parent = hierarchy.GetSceneItemID()
    if source is not None:
        item = hierarchy.GetItemByDataNode(source)
        if not item:
            return
        parent = hierarchy.GetItemParent(item)
    its_own = hierarchy.GetItemByDataNode(node)
    if its_own:
        hierarchy.SetItemParent(its_own, parent)
    else:
        hierarchy.CreateItem(parent, node)


def _hierarchy() -> slicer.vtkMRMLSubjectHierarchyNode:
    return slicer.vtkMRMLSubjectHierarchyNode.GetSubjectHierarchyNode(slicer.mrmlScene)
