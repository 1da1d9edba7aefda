"""Stand-ins for the qMRML* widgets of the module slicer, over a real MRML scene."""

import types

from ..pythonqt import standin
from .checkable import qMRMLCheckableNodeComboBox
from .node_combo_box import qMRMLNodeComboBox
from .numbers import qMRMLSliderWidget, qMRMLSpinBox
from .subject_hierarchy import qMRMLSubjectHierarchyTreeView
from .table_view import qMRMLTableView
from .widget import qMRMLWidget

CLASSES = [
    qMRMLCheckableNodeComboBox,
    qMRMLNodeComboBox,
    qMRMLSliderWidget,
    qMRMLSpinBox,
    qMRMLSubjectHierarchyTreeView,
    qMRMLTableView,
    qMRMLWidget,
]


def register(slicer: types.ModuleType) -> None:
    """Offer the stand-ins in the module `slicer`."""
    standin.register(slicer, CLASSES)
