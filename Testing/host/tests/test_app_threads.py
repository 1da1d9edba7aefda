"""MRML off the main thread is refused, and seen even where the thread says nothing."""

import threading

import numpy as np
import pytest
import vtk

import slicerhost


@pytest.fixture
def volume(host):
    return host.util.addVolumeFromArray(np.ones((3, 4, 5), np.float32), name="T1")


def in_a_thread(function):
    raised = []

    def run():
        try:
            function()
        except RuntimeError as error:
            raised.append(str(error))

    thread = threading.Thread(target=run)
    thread.start()
    thread.join()
    return raised


@pytest.mark.parametrize(
    "use",
    [
        lambda s, v: s.mrmlScene.AddNewNodeByClass("vtkMRMLTextNode"),
        lambda s, v: s.mrmlScene.AddNode(s.vtkMRMLTextNode()),
        lambda s, v: s.mrmlScene.RemoveNode(v),
        lambda s, v: s.mrmlScene.GetNodeByID(v.GetID()),
        lambda s, v: v.SetName("x"),
        lambda s, v: v.SetAttribute("a", "b"),
        lambda s, v: v.Modified(),
        lambda s, v: v.AddObserver("ModifiedEvent", print),
        lambda s, v: v.SetIJKToRASMatrix(vtk.vtkMatrix4x4()),
        lambda s, v: v.SetAndObserveImageData(vtk.vtkImageData()),
        lambda s, v: setattr(v, "name", "x"),
        lambda s, v: s.vtkMRMLNode.SetName(v, "x"),
        lambda s, v: s.util.arrayFromVolume(v),
        lambda s, v: s.util.updateVolumeFromArray(v, np.zeros((2, 2, 2))),
        lambda s, v: s.util.getNode("T1"),
        lambda s, v: s.app.applicationLogic().GetSelectionNode(),
    ],
)
def test_it_is_refused(host, volume, use):
    raised = in_a_thread(lambda: use(host, volume))
    assert len(raised) == 1
    assert "off the main thread" in raised[0]
    assert slicerhost.errors.take() == raised
    assert volume.GetName() == "T1"


def test_a_method_that_was_taken_on_the_main_thread_is_refused_too(host, volume):
    method = volume.SetName
    assert in_a_thread(lambda: method("x"))
    assert slicerhost.errors.take()


def test_on_the_main_thread_nothing_is_different(host, volume):
    assert type(volume) is host.vtkMRMLScalarVolumeNode
    assert isinstance(volume, host.vtkMRMLVolumeNode)
    assert host.vtkMRMLNode.GetName(volume) == "T1"
    assert volume.GetName.__doc__.startswith("GetName")
    assert volume.SetName == volume.SetName


def test_a_class_derived_in_python_can_call_its_base(host):
    class Mine(host.vtkMRMLTextNode):
        def GetName(self):  # noqa: N802
            return f"mine {super().GetName()}"

    node = Mine()
    node.SetName("x")
    assert node.GetName() == "mine x"


def test_arrays_may_go_to_a_thread(host, volume):
    array = host.util.arrayFromVolume(volume)
    assert in_a_thread(lambda: array.sum()) == []
