"""MRML belongs to the main thread: any use of a MRML object from another thread is refused.

In Slicer such a call may seem to work, or corrupt the scene, or crash, depending on who observes. Here every method of
every MRML class of slicer-core (scene, nodes, logics) is wrapped: called from another thread it raises RuntimeError,
and the refusal is kept in `slicerhost.errors`, so that the test fails even if the thread swallows it.

How: VTK's classes are immutable to ``setattr``, but each has an ordinary dict behind its ``__dict__`` proxy. The
method descriptors there are replaced by guards that give the original ones when the thread is right. Classes stay
themselves (``type(node)``, ``isinstance``, identity), and it holds for objects that C++ made.

Caught: every call ``node.Method(...)``, also of a method that was bound on the main thread; the snake_case properties
of newer VTK; slicer.util functions, because they call such methods. Not caught: use of plain VTK objects (a
vtkImageData taken from a node on the main thread, a numpy view of its voxels), making a node that is in no scene, and
a node's end by reference counting.
"""

import ctypes
import gc
import threading
from typing import Any

from . import errors

_guarded = False
_main = threading.main_thread().ident
# Methods of vtkObject that the MRML classes inherit; wrapped in the roots, so that other VTK objects stay free.
_INHERITED = ("AddObserver", "RemoveObserver", "RemoveAllObservers", "InvokeEvent", "Modified", "HasObserver")


class _Method:
    """Descriptor in place of one method of one class."""

    def __init__(self, original: Any, label: str) -> None:
        self._original, self._label = original, label
        self.__doc__ = getattr(original, "__doc__", None)

    def __get__(self, instance: Any, owner: type | None = None) -> Any:
        return _Bound(self._original.__get__(instance, owner), self._label)


class _Property(_Method):
    """Descriptor in place of one snake_case property."""

    def __get__(self, instance: Any, owner: type | None = None) -> Any:
        if instance is not None:
            _check(self._label)
        return self._original.__get__(instance, owner)

    def __set__(self, instance: Any, value: Any) -> None:
        _check(self._label)
        self._original.__set__(instance, value)


class _Bound:
    # A bound method that looks at the thread when it is called; its documentation is the method's.

    __slots__ = ("_label", "_method")
    __doc__ = property(lambda self: self._method.__doc__)

    def __init__(self, method: Any, label: str) -> None:
        self._method, self._label = method, label

    def __call__(self, *arguments: Any, **keywords: Any) -> Any:
        _check(self._label)
        return self._method(*arguments, **keywords)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._method, name)

    def __eq__(self, other: object) -> bool:
        return self._method == (other._method if isinstance(other, _Bound) else other)

    def __hash__(self) -> int:
        return hash(self._method)


def _check(label: str) -> None:
    if threading.get_ident() != _main:
        message = f"MRML off the main thread: {label} was called in {threading.current_thread().name}"
        errors.record(message)
        raise RuntimeError(message)


def guard(slicer: Any) -> None:
    """Wrap the methods of all MRML classes, once."""
    global _guarded
    if _guarded:
        return
    _guarded = True
    roots = (slicer.vtkMRMLScene, slicer.vtkMRMLNode, slicer.vtkMRMLAbstractLogic)
    for cls in {value for value in vars(slicer).values() if isinstance(value, type) and issubclass(value, roots)}:
        _guard_class(cls, _INHERITED if cls in roots else ())


def _guard_class(cls: type, inherited: tuple[str, ...]) -> None:
    own = gc.get_referents(cls.__dict__)[0]
    for name in inherited:
        own.setdefault(name, _inherited(cls, name))
    for name, member in list(own.items()):
        if name.startswith("_"):
            continue
        kind = type(member).__name__
        if kind == "method_descriptor":
            own[name] = _Method(member, f"{cls.__name__}.{name}")
        elif kind == "getset_descriptor":
            own[name] = _Property(member, f"{cls.__name__}.{name}")
    ctypes.pythonapi.PyType_Modified(ctypes.py_object(cls))


def _inherited(cls: type, name: str) -> Any:
    return next(vars(base)[name] for base in cls.__mro__ if name in vars(base))
