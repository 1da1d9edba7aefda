"""The stand-in itself, for its own tests."""

import pytest

from slicerhost.fixtures import host, slicer_application

__all__ = ["host", "slicer_application"]


@pytest.fixture
def node(host):
    return host.mrmlScene.AddNewNodeByClass("vtkMRMLScriptedModuleNode")


@pytest.fixture
def wrap(host, node):
    """Make a wrapper class of annotations (and defaults), over the node."""
    from slicer.parameterNodeWrapper import parameterNodeWrapper

    def make(annotations, **defaults):
        cls = type("Parameters", (), {"__annotations__": annotations, **defaults})
        return parameterNodeWrapper(cls)(node)

    return make
