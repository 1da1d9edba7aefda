"""slicer.parameterNodeWrapper.parameterNodeWrapper: typed fields over a vtkMRMLScriptedModuleNode.

Behaviour after Slicer's wrapper.py, traps included: a field is written with its default when the wrapper is made, so a
default that its validator refuses fails there; values are kept until the node is modified; 5.10's ``connectGui``
returns None, so that ``disconnectGui`` does nothing there. Stricter than Slicer in one thing: setting an attribute
that is no field raises, while there it is quietly never saved.
"""

import dataclasses
import enum
import logging
import typing
import weakref
from typing import Any

from . import containers, gui, storage
from .annotations import Default, is_validator, splitAnnotations
from .storage import Serializer


@dataclasses.dataclass(frozen=True)
class Field:
    """One field of a wrapper class."""

    name: str
    serializer: Serializer
    validators: tuple[Any, ...]
    default: Default
    unalteredType: Any

    def write(self, node: Any, name: str, value: Any) -> None:
        """Check with the serializer's own validators first, then with the field's, and store."""
        self.serializer.validate(value)
        for validator in self.validators:
            validator.validate(value)
        self.serializer.write(node, name, value)

    def read(self, node: Any, name: str) -> Any:
        """Stored value; a missing one becomes the default."""
        if not self.serializer.isIn(node, name):
            self.write(node, name, self.default.value)
        return self.serializer.read(node, name)


class Slot:
    """One field of one wrapper; keeps the value until the node is modified, where the type allows that."""

    def __init__(self, field: Field, node: Any, name: str) -> None:
        self.field, self.node, self.name = field, node, name
        self.cached = field.serializer.supportsCaching()
        self._writing = False
        if not field.serializer.isIn(node, name):
            field.write(node, name, field.default.value)
        if self.cached:
            import vtk

            self._value = field.read(node, name)
            me = weakref.ref(self)
            tag = node.AddObserver(vtk.vtkCommand.ModifiedEvent, lambda *_: me()._refresh())  # type: ignore[union-attr]
            weakref.finalize(self, node.RemoveObserver, tag).atexit = False

    def _refresh(self) -> None:
        if not self._writing:
            self._value = self.field.read(self.node, self.name)

    def read(self) -> Any:
        """Value."""
        return self._value if self.cached else self.field.read(self.node, self.name)

    def write(self, value: Any) -> None:
        """Store; observers of the node see the new value already."""
        import slicer

        if not self.cached:
            self.field.write(self.node, self.name, value)
            return
        self._writing = True
        try:
            with slicer.util.NodeModify(self.node):
                self.field.write(self.node, self.name, value)
                self._value = self.field.read(self.node, self.name)
        finally:
            self._writing = False


def _serializer(datatype: Any) -> tuple[Serializer, tuple[Any, ...], Default | None]:
    """Serializer, validators and default for a type with its annotations."""
    plain, annotations = splitAnnotations(datatype)
    validators = tuple(each for each in annotations if is_validator(each))
    defaults = [each for each in annotations if isinstance(each, Default)]
    if len(defaults) > 1:
        raise TypeError("more than one Default")
    unused = [each for each in annotations if not is_validator(each) and each not in defaults]
    if unused:
        logging.warning("Unused annotations: %s", unused)
    return _plain_serializer(plain), validators, defaults[0] if defaults else None


def _plain_serializer(plain: Any) -> Serializer:
    import slicer

    origin, arguments = typing.get_origin(plain), typing.get_args(plain)
    parts = [_element(argument) for argument in arguments]
    if origin is typing.Union:
        return containers.Union(parts)
    if origin is list:
        return containers.List(*parts)
    if origin is tuple:
        return containers.Tuple(parts)
    if origin is dict:
        return containers.Dict(*parts)
    simple = {int: storage.Number, float: storage.Number, str: storage.Text, bool: storage.Bool}
    if plain in (int, float):
        return storage.Number(plain)
    if plain in simple:
        return simple[plain]()
    if plain in storage.PATHS:
        return storage.Path(plain)
    if plain is type(None):
        return storage.Nothing()
    if isinstance(plain, type) and issubclass(plain, enum.Enum):
        return storage.Enumeration(plain)
    if isinstance(plain, type) and issubclass(plain, slicer.vtkMRMLNode):
        return storage.Node(plain)
    # Slicer does not know `X | None` either (only Optional[X]); parts it knows and this stand-in does not:
    # parameter packs, QColor, and containers of anything (list, dict, Any).
    raise TypeError(f"Unable to create serializer for type: {plain}")


def _element(datatype: Any) -> Serializer:
    serializer, validators, _ = _serializer(datatype)
    serializer.validators = (*serializer.validators, *validators)
    return serializer


def parameterNodeWrapper(classtype: Any = None) -> Any:
    """Make a parameter node wrapper of a class with annotated fields; used as a decorator."""
    if classtype is None:
        return parameterNodeWrapper
    fields: dict[str, Field] = {}
    for name, datatype in typing.get_type_hints(classtype, include_extras=True).items():
        try:
            serializer, validators, annotated = _serializer(datatype)
        except Exception as error:
            raise TypeError(f"Unable to create serializer for {classtype} member {name}") from error
        default = Default(getattr(classtype, name)) if hasattr(classtype, name) else annotated
        fields[name] = Field(name, serializer, validators, default or Default(serializer.default()), datatype)
        setattr(classtype, name, _property(name))
    for name, member in _members(fields).items():
        if hasattr(classtype, name):
            raise ValueError(f"Cannot use reserved name '{name}' in a parameterNodeWrapper")
        setattr(classtype, name, member)
    classtype.__init__ = _init
    classtype.__setattr__ = _set
    return classtype


def isParameterNodeWrapper(classOrObj: Any) -> bool:
    """True for a wrapper, and for its class."""
    return bool(getattr(classOrObj, "_is_parameter_node_wrapper", False))


def _property(name: str) -> property:
    return property(lambda self: self._slots[name].read(), lambda self, value: self._slots[name].write(value))


def _init(self: Any, parameterNode: Any, prefix: str | None = None) -> None:
    if parameterNode is None:
        raise AssertionError("a parameter node wrapper needs a node")
    self.parameterNode = parameterNode
    self._gui: dict[int, tuple[dict[str, Any], int]] = {}
    self._next_tag = 0
    self._updating = False
    self._slots: dict[str, Slot] = {}
    for name, field in self.allParameters.items():
        self._slots[name] = Slot(field, parameterNode, f"{prefix or ''}{name}")


def _set(self: Any, name: str, value: Any) -> None:
    if not name.startswith("_") and name != "parameterNode" and not hasattr(type(self), name):
        raise AttributeError(f"{type(self).__name__} has no field {name!r}; Slicer would never save it")
    object.__setattr__(self, name, value)


def _members(fields: dict[str, Field]) -> dict[str, Any]:
    """Everything that a wrapper class gets beside its fields; none of these names can be a field's."""
    return {
        "allParameters": fields,
        "_is_parameter_node_wrapper": True,
        "default": lambda self, name: self.allParameters[_checked(self, name)].default,
        "isCached": lambda self, name: self._slots[_checked(self, name)].cached,
        "dataType": staticmethod(lambda name: fields[_known(fields, name)].unalteredType),
        "getValue": lambda self, name: self._slots[_checked(self, name)].read(),
        "setValue": lambda self, name, value: self._slots[_checked(self, name)].write(value),
        "connectGui": gui.connect_gui,
        "connectParametersToGui": gui.connect_parameters,
        "disconnectGui": gui.disconnect_gui,
        "StartModify": lambda self: self.parameterNode.StartModify(),
        "EndModify": lambda self, was: self.parameterNode.EndModify(was),
        "AddObserver": lambda self, event, callback, priority=0.0: self.parameterNode.AddObserver(
            event, callback, priority
        ),
        "RemoveObserver": lambda self, tag: self.parameterNode.RemoveObserver(tag),
        "Modified": lambda self: self.parameterNode.Modified(),
    }


def _checked(wrapper: Any, name: str) -> str:
    return _known(wrapper.allParameters, name)


def _known(fields: dict[str, Field], name: str) -> str:
    if name not in fields:
        raise ValueError(f"Cannot find a param with the given name: {name}; there are {', '.join(fields)}")
    return name
