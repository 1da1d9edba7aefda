"""slicer.parameterNodeWrapper: lists, dicts, tuples and unions in a parameter node."""

from typing import Optional, Union

import pytest


def test_a_list_writes_itself_back(wrap, node):
    parameters = wrap({"field": list[int]})
    parameters.field = [1, 2]
    parameters.field.append(3)
    assert parameters.field == [1, 2, 3]
    assert [node.GetParameter(f"field.{name}") for name in ("len", "0", "2")] == ["3", "1", "3"]


def test_a_list_keeps_what_it_had_when_an_element_is_refused(wrap):
    parameters = wrap({"field": list[int]}, field=[1, 2])
    with pytest.raises(TypeError):
        parameters.field = [3, "x"]
    assert parameters.field == [1, 2]


def test_a_shorter_list_leaves_nothing_behind(wrap, node):
    parameters = wrap({"field": list[int]}, field=[1, 2, 3])
    parameters.field = [4]
    assert not node.HasParameter("field.2")


def test_a_dict_is_a_list_of_pairs(wrap, node):
    parameters = wrap({"field": dict[str, int]})
    parameters.field["a"] = 1
    assert parameters.field == {"a": 1}
    assert [node.GetParameter(f"field.{name}") for name in ("len", "0.0", "0.1")] == ["1", "a", "1"]
    del parameters.field["a"]
    assert len(parameters.field) == 0


def test_a_tuple_takes_as_many_values_as_it_has_types(wrap):
    parameters = wrap({"field": tuple[int, str]}, field=(1, "a"))
    assert parameters.field == (1, "a")
    with pytest.raises(ValueError, match="tuple"):
        parameters.field = (1,)


def test_an_optional_field_is_none_at_first(wrap, node):
    parameters = wrap({"field": Optional[int]})  # noqa: UP045
    assert parameters.field is None
    parameters.field = 3
    assert parameters.field == 3
    assert node.GetParameter("field.0") == "3"
    parameters.field = None
    assert parameters.field is None


def test_a_union_takes_its_types_and_no_others(wrap):
    parameters = wrap({"field": Union[int, str]})  # noqa: UP007
    parameters.field = "a"
    assert parameters.field == "a"
    with pytest.raises(TypeError):
        parameters.field = 1.5j
