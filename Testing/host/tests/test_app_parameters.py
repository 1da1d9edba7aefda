"""slicer.parameterNodeWrapper: fields, checks, storage."""

import enum
import pathlib
from typing import Annotated

import pytest
import slicer


class Colour(enum.Enum):
    RED = 1
    GREEN = 2


@pytest.mark.parametrize(
    ("type_", "value", "stored"),
    [
        (int, 3, "3"),
        (float, 0.1, "0.1"),
        (float, 2, "2"),
        (str, "a b", "a b"),
        (bool, True, "True"),
        (bool, False, "False"),
        (Colour, Colour.GREEN, "GREEN"),
        (pathlib.PurePosixPath, pathlib.PurePosixPath("a/b"), "a/b"),
    ],
)
def test_a_value_is_stored_as_slicer_stores_it(wrap, node, type_, value, stored):
    parameters = wrap({"field": type_})
    parameters.field = value
    assert node.GetParameter("field") == stored
    assert parameters.field == value
    assert isinstance(parameters.field, type_)


@pytest.mark.parametrize(
    ("type_", "default"),
    [
        (int, 0),
        (float, 0),
        (str, ""),
        (bool, False),
        (Colour, Colour.RED),
        (pathlib.Path, pathlib.Path()),
        (list[int], []),
    ],
)
def test_a_field_without_default_has_slicers(wrap, type_, default):
    assert wrap({"field": type_}).field == default


def test_a_default_is_written_into_the_node(wrap, node):
    wrap({"field": int}, field=7)
    assert node.GetParameter("field") == "7"


def test_a_stored_value_wins_over_the_default(wrap, node):
    node.SetParameter("field", "5")
    assert wrap({"field": int}, field=7).field == 5


def test_a_default_beside_the_type(wrap):
    from slicer.parameterNodeWrapper import Default

    assert wrap({"field": Annotated[int, Default(4)]}).field == 4


def test_a_default_that_is_refused_fails_when_the_wrapper_is_made(wrap):
    from slicer.parameterNodeWrapper import WithinRange

    with pytest.raises(ValueError, match="within"):
        wrap({"field": Annotated[int, WithinRange(1, 4)]})  # the default's default is 0


@pytest.mark.parametrize(("value", "error"), [(None, ValueError), ("3", TypeError), (3.5, TypeError)])
def test_another_type_is_refused(wrap, value, error):
    parameters = wrap({"field": int})
    with pytest.raises(error):
        parameters.field = value
    assert parameters.field == 0


@pytest.mark.parametrize(
    ("validator", "arguments", "good", "bad"),
    [
        ("WithinRange", (1, 4), 4, 5),
        ("Minimum", (1,), 1, 0),
        ("Maximum", (4,), 4, 5),
        ("Choice", ([1, 2],), 2, 3),
        ("Exclude", ([3],), 2, 3),
    ],
)
def test_a_validator_refuses(wrap, validator, arguments, good, bad):
    import slicer.parameterNodeWrapper

    check = getattr(slicer.parameterNodeWrapper, validator)(*arguments)
    parameters = wrap({"field": Annotated[int, check]}, field=1)
    parameters.field = good
    with pytest.raises(ValueError, match=str(bad)):
        parameters.field = bad
    assert parameters.field == good


def test_a_node_field_is_a_node_reference(host, wrap, node):
    volume = host.mrmlScene.AddNewNodeByClass("vtkMRMLScalarVolumeNode")
    parameters = wrap({"field": slicer.vtkMRMLScalarVolumeNode})
    assert parameters.field is None
    parameters.field = volume
    assert node.GetNodeReferenceID("field") == volume.GetID()
    assert node.GetParameter("field") == ""
    parameters.field = None
    assert parameters.field is None


def test_a_node_of_another_class_is_refused(host, wrap):
    text = host.mrmlScene.AddNewNodeByClass("vtkMRMLTextNode")
    parameters = wrap({"field": slicer.vtkMRMLScalarVolumeNode})
    with pytest.raises(TypeError):
        parameters.field = text


def test_a_removed_node_is_none(host, wrap):
    volume = host.mrmlScene.AddNewNodeByClass("vtkMRMLScalarVolumeNode")
    parameters = wrap({"field": slicer.vtkMRMLScalarVolumeNode})
    parameters.field = volume
    host.mrmlScene.RemoveNode(volume)
    assert parameters.field is None


def test_the_new_spelling_of_a_union_is_refused_as_in_slicer(wrap):
    with pytest.raises(TypeError, match="serializer"):
        wrap({"field": int | None})


def test_a_renamed_enum_member_breaks_old_scenes(wrap, node):
    node.SetParameter("field", "BLUE")
    with pytest.raises(ValueError, match="BLUE"):
        wrap({"field": Colour})


def test_a_field_that_does_not_exist_is_refused(wrap):
    parameters = wrap({"field": int})
    with pytest.raises(AttributeError):
        parameters.feild = 1
    with pytest.raises(AttributeError):
        parameters.feild  # noqa: B018


def test_methods_of_the_node_are_not_the_wrappers(wrap, node):
    parameters = wrap({"field": int})
    assert parameters.parameterNode is node
    assert not hasattr(parameters, "GetID")


def test_a_reserved_name_is_refused(host):
    from slicer.parameterNodeWrapper import parameterNodeWrapper

    with pytest.raises(ValueError, match="reserved"):
        parameterNodeWrapper(type("P", (), {"__annotations__": {"default": int}}))


def test_a_change_is_one_event_and_observers_see_the_new_value(wrap):
    parameters = wrap({"field": int, "other": list[int]})
    seen = []
    tag = parameters.AddObserver("ModifiedEvent", lambda *_: seen.append(list(parameters.other)))
    parameters.other = [1, 2]
    parameters.RemoveObserver(tag)
    parameters.other = [3]
    assert seen == [[1, 2]]


def test_a_change_of_the_node_reaches_the_wrapper(wrap, node):
    parameters = wrap({"field": int})
    assert parameters.isCached("field")
    node.SetParameter("field", "9")
    assert parameters.field == 9


def test_get_and_set_by_name(wrap):
    parameters = wrap({"field": int}, field=2)
    parameters.setValue("field", 3)
    assert parameters.getValue("field") == 3
    assert parameters.default("field").value == 2
    assert parameters.dataType("field") is int
    with pytest.raises(ValueError, match="nofield"):
        parameters.getValue("nofield")


def test_a_prefix_keeps_two_sets_apart(host, node):
    from slicer.parameterNodeWrapper import isParameterNodeWrapper, parameterNodeWrapper

    cls = parameterNodeWrapper(type("P", (), {"__annotations__": {"field": int}}))
    first, second = cls(node, "a_"), cls(node, "b_")
    first.field, second.field = 1, 2
    assert (node.GetParameter("a_field"), node.GetParameter("b_field")) == ("1", "2")
    assert isParameterNodeWrapper(first)


def test_a_wrapper_that_is_gone_observes_no_more(wrap, node):
    import gc

    import vtk

    parameters = wrap({"field": int})
    assert node.HasObserver(vtk.vtkCommand.ModifiedEvent)
    del parameters
    gc.collect()
    assert not node.HasObserver(vtk.vtkCommand.ModifiedEvent)
