"""slicer.parameterNodeWrapper: typed parameters in a scripted module's node, and their binding to widgets.

What is there behaves as in Slicer, including what is written into a scene. Left out, so that importing them fails:
parameterPack, FloatRange, RangeBounds, createGui and GUI creation, serializers of one's own.
"""

from .annotations import (
    Choice,
    Decimals,
    Default,
    Exclude,
    IsInstance,
    Maximum,
    Minimum,
    NotNone,
    SingleStep,
    Validator,
    WithinRange,
    findFirstAnnotation,
    getNodeTypes,
    isNodeOrUnionOfNodes,
    splitAnnotations,
    unannotatedType,
)
from .connectors import GuiConnector
from .gui import SlicerParameterNamePropertyName, findChildWidgetForParameter
from .pairs import createGuiConnector, parameterNodeGuiConnector
from .wrapper import isParameterNodeWrapper, parameterNodeWrapper

__all__ = [
    "Choice",
    "Decimals",
    "Default",
    "Exclude",
    "GuiConnector",
    "IsInstance",
    "Maximum",
    "Minimum",
    "NotNone",
    "SingleStep",
    "SlicerParameterNamePropertyName",
    "Validator",
    "WithinRange",
    "createGuiConnector",
    "findChildWidgetForParameter",
    "findFirstAnnotation",
    "getNodeTypes",
    "isNodeOrUnionOfNodes",
    "isParameterNodeWrapper",
    "parameterNodeGuiConnector",
    "parameterNodeWrapper",
    "splitAnnotations",
    "unannotatedType",
]
