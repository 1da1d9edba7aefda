"""What may stand beside a field's type: ``Annotated[float, WithinRange(1, 4), Default(2)]``.

Names and effects are those of slicer.parameterNodeWrapper (validators.py, default.py, guiConnectors.py, util.py).
"""

import dataclasses
import typing
from collections.abc import Callable, Container, Sequence
from typing import Annotated, Any


class Validator:
    """Base of what checks a value before it is written."""

    def validate(self, value: Any) -> None:
        """Raise where the value is not allowed."""
        raise NotImplementedError


class NotNone(Validator):
    """Refuses None."""

    def validate(self, value: Any) -> None:
        """Raise ValueError for None."""
        if value is None:
            raise ValueError("None is not allowed here")


class IsNone(Validator):
    """Allows nothing but None."""

    def validate(self, value: Any) -> None:
        """Raise ValueError for anything but None."""
        if value is not None:
            raise ValueError(f"only None is allowed here, not {value!r}")


@dataclasses.dataclass(frozen=True)
class IsInstance(Validator):
    """Allows None and instances of a type."""

    classtype: Any

    def validate(self, value: Any) -> None:
        """Raise TypeError for another type."""
        if value is not None and not isinstance(value, self.classtype):
            raise TypeError(f"{value!r} is a {type(value).__name__}, not a {self.classtype}")


@dataclasses.dataclass(frozen=True)
class WithinRange(Validator):
    """Allows from `minimum` to `maximum`, both included."""

    minimum: float
    maximum: float

    def validate(self, value: Any) -> None:
        """Raise ValueError outside."""
        if not self.minimum <= value <= self.maximum:
            raise ValueError(f"{value} is not within [{self.minimum}, {self.maximum}]")


@dataclasses.dataclass(frozen=True)
class Minimum(Validator):
    """Allows `minimum` and more."""

    minimum: float

    def validate(self, value: Any) -> None:
        """Raise ValueError below."""
        if value < self.minimum:
            raise ValueError(f"{value} is less than {self.minimum}")


@dataclasses.dataclass(frozen=True)
class Maximum(Validator):
    """Allows `maximum` and less."""

    maximum: float

    def validate(self, value: Any) -> None:
        """Raise ValueError above."""
        if value > self.maximum:
            raise ValueError(f"{value} is more than {self.maximum}")


@dataclasses.dataclass(frozen=True)
class Choice(Validator):
    """Allows what is listed."""

    choices: Sequence[Any]

    def validate(self, value: Any) -> None:
        """Raise ValueError for what is not listed."""
        if value not in self.choices:
            raise ValueError(f"{value!r} is none of {self.choices}")


@dataclasses.dataclass(frozen=True)
class Exclude(Validator):
    """Refuses what is listed."""

    excludedValues: Container[Any]

    def validate(self, value: Any) -> None:
        """Raise ValueError for what is listed."""
        if value in self.excludedValues:
            raise ValueError(f"{value!r} is excluded")


class Default:
    """A field's default, or a function that makes it."""

    def __init__(self, value: Any = None, *, generator: Callable[[], Any] | None = None) -> None:
        self._value, self._generator = value, generator

    @property
    def value(self) -> Any:
        """The default; made anew each time where there is a generator."""
        return self._generator() if self._generator else self._value


@dataclasses.dataclass
class Decimals:
    """Digits after the point that a widget shows."""

    value: int


@dataclasses.dataclass
class SingleStep:
    """A widget's step."""

    value: float


def splitAnnotations(datatype: Any) -> tuple[Any, tuple[Any, ...]]:
    """Give the type and its annotations."""
    arguments = typing.get_args(Annotated[datatype, None])
    return arguments[0], arguments[1:-1]


def unannotatedType(datatype: Any) -> Any:
    """Give the type alone."""
    return splitAnnotations(datatype)[0]


def findFirstAnnotation(annotations: Sequence[Any], kind: type) -> Any:
    """Give the first annotation of a kind, or None."""
    return next((annotation for annotation in annotations if isinstance(annotation, kind)), None)


def is_validator(annotation: Any) -> bool:
    """True for a validator, or a class of validators."""
    return isinstance(annotation, Validator) or (isinstance(annotation, type) and issubclass(annotation, Validator))


def isNodeOrUnionOfNodes(datatype: Any) -> bool:
    """True for a node class, and for a Union of node classes and None."""
    plain = unannotatedType(datatype)
    if _is_union(plain):
        return all(part is type(None) or _is_node(unannotatedType(part)) for part in typing.get_args(plain))
    return _is_node(plain)


def getNodeTypes(datatype: Any) -> tuple[str, ...]:
    """Class names for a node selector."""
    plain = unannotatedType(datatype)
    parts = typing.get_args(plain) if _is_union(plain) else (plain,)
    return tuple(unannotatedType(part).__name__ for part in parts if part is not type(None))


def _is_union(plain: Any) -> bool:
    return typing.get_origin(plain) is typing.Union


def _is_node(plain: Any) -> bool:
    import slicer

    return isinstance(plain, type) and issubclass(plain, slicer.vtkMRMLNode)
