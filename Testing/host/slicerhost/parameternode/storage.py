"""How single values stand in a vtkMRMLScriptedModuleNode, letter by letter as Slicer writes them.

A number is its ``str``, a bool is ``True`` or ``False``, text and paths are themselves, an Enum is its member's name;
a node is an empty parameter (which says "written") and a node reference of the same name.
"""

import enum
import pathlib
from typing import Any

from .annotations import IsInstance, IsNone, NotNone, Validator

PATHS = (
    pathlib.Path,
    pathlib.PosixPath,
    pathlib.WindowsPath,
    pathlib.PurePath,
    pathlib.PurePosixPath,
    pathlib.PureWindowsPath,
)


class Serializer:
    """Writes and reads values of one type; the base handles what fits into one string."""

    validators: tuple[Validator, ...] = ()

    def default(self) -> Any:
        """Value of a field without a default."""
        raise NotImplementedError

    def to_text(self, value: Any) -> str:
        """The value as it is stored."""
        return str(value)

    def from_text(self, text: str) -> Any:
        """The value again."""
        raise NotImplementedError

    def accepts(self, type_: Any) -> bool:
        """For a Union: whether a value of this very type could be meant."""
        raise NotImplementedError

    def validate(self, value: Any) -> None:
        """Raise where the value is not allowed."""
        for validator in self.validators:
            validator.validate(value)

    def isIn(self, node: Any, name: str) -> bool:
        """True where the node has the value."""
        return bool(node.HasParameter(name))

    def write(self, node: Any, name: str, value: Any) -> None:
        """Check and store."""
        self.validate(value)
        node.SetParameter(name, self.to_text(value))

    def read(self, node: Any, name: str) -> Any:
        """Give the stored value."""
        return self.from_text(node.GetParameter(name))

    def remove(self, node: Any, name: str) -> None:
        """Take the value out of the node."""
        node.UnsetParameter(name)

    def supportsCaching(self) -> bool:
        """True where the wrapper may keep the value until the node is modified."""
        return True


class Number(Serializer):
    """int, or float (which takes an int too)."""

    def __init__(self, type_: type) -> None:
        self.type = type_
        self.validators = (NotNone(), IsInstance((int, float) if type_ is float else int))

    def default(self) -> int:
        """0, for a float too."""
        return 0

    def from_text(self, text: str) -> Any:
        """Convert; raises ValueError for what is no number."""
        return self.type(text)

    def accepts(self, type_: Any) -> bool:
        """Any number, as Slicer's NumberSerializer says of itself."""
        return type_ in (int, float)


class Text(Serializer):
    """str."""

    validators = (NotNone(), IsInstance(str))

    def default(self) -> str:
        """Empty."""
        return ""

    def from_text(self, text: str) -> str:
        """Itself."""
        return text

    def accepts(self, type_: Any) -> bool:
        """Only str."""
        return type_ is str


class Bool(Serializer):
    """bool."""

    validators = (NotNone(), IsInstance(bool))

    def default(self) -> bool:
        """False."""
        return False

    def to_text(self, value: Any) -> str:
        """True or False."""
        return "True" if value else "False"

    def from_text(self, text: str) -> bool:
        """Anything but True is False."""
        return text == "True"

    def accepts(self, type_: Any) -> bool:
        """Only bool."""
        return type_ is bool


class Path(Serializer):
    """The kinds of pathlib paths."""

    def __init__(self, type_: type) -> None:
        self.type = type_
        self.validators = (NotNone(), IsInstance(type_))

    def default(self) -> Any:
        """The current folder, "."."""
        return self.type()

    def from_text(self, text: str) -> Any:
        """Convert."""
        return self.type(text)

    def accepts(self, type_: Any) -> bool:
        """Any path."""
        return type_ in PATHS


class Enumeration(Serializer):
    """An Enum, by the name of its member."""

    def __init__(self, type_: type[enum.Enum]) -> None:
        if len(type_) == 0:
            raise ValueError("an Enum without members cannot be stored")
        self.type = type_
        self.validators = (IsInstance(type_),)

    def default(self) -> enum.Enum:
        """The first member."""
        return next(iter(self.type))

    def to_text(self, value: enum.Enum) -> str:
        """The member's name; None fails with AttributeError, as in Slicer."""
        return value.name

    def from_text(self, text: str) -> enum.Enum:
        """Raise ValueError for a name that is gone: renaming a member breaks old scenes."""
        try:
            return self.type[text]
        except KeyError as error:
            raise ValueError(f"{text!r} stands in the parameter node, but is no name in {self.type!r}") from error

    def accepts(self, type_: Any) -> bool:
        """Any Enum."""
        return isinstance(type_, type) and issubclass(type_, enum.Enum)


class Nothing(Serializer):
    """None, as a part of a Union."""

    validators = (IsNone(),)

    def default(self) -> None:
        """None."""
        return

    def to_text(self, value: Any) -> str:
        """Something that says that it is there."""
        return "True"

    def from_text(self, text: str) -> None:
        """None."""
        return

    def accepts(self, type_: Any) -> bool:
        """Only NoneType."""
        return type_ is type(None)


class Node(Serializer):
    """A MRML node of a class, or None."""

    def __init__(self, type_: type) -> None:
        self.validators = (IsInstance(type_),)

    def default(self) -> None:
        """None."""
        return

    def write(self, node: Any, name: str, value: Any) -> None:
        """Store a node reference."""
        self.validate(value)
        node.SetParameter(name, "")
        node.SetNodeReferenceID(name, None if value is None else value.GetID())

    def read(self, node: Any, name: str) -> Any:
        """The node, or None where it is gone."""
        return node.GetNodeReference(name)

    def remove(self, node: Any, name: str) -> None:
        """Parameter and reference."""
        node.UnsetParameter(name)
        node.RemoveNodeReferenceIDs(name)

    def accepts(self, type_: Any) -> bool:
        """Any node class; the validator tells them apart."""
        import slicer

        return isinstance(type_, type) and issubclass(type_, slicer.vtkMRMLNode)
