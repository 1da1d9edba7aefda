"""PySide classes that call back into a Python class which a module derived from a Qt class."""

from typing import Any

from . import convert, errors

_ANSWER_WHETHER_HANDLED = ("event", "eventFilter")


def shell_class(cls: Any) -> type:
    """A PySide class whose event handlers are those that `cls` (derived from a wrapper class) overrides."""
    base = next(base for base in cls.__mro__[1:] if hasattr(base, "_derived") and not base._derived)
    native = base._native_class
    members: dict[str, Any] = {"_wrapper_class": cls, "_native_base": native}
    for owner in reversed(cls.__mro__[: cls.__mro__.index(base)]):
        for name, member in vars(owner).items():
            if callable(member) and not name.startswith("__") and callable(getattr(native, name, None)):
                members[name] = _forward(native, name)
    return type(cls.__name__, (native,), members)


def _forward(native: type, name: str) -> Any:
    def call(self: Any, *arguments: Any) -> Any:
        # Qt calls some handlers from its constructor, before there is a Python object to ask.
        if "_python_state" not in self.__dict__:
            return getattr(native, name)(self, *arguments)
        try:
            answer = getattr(convert.wrap(self), name)(*(convert.wrap(each) for each in arguments))
            # A handler without a return statement means False in PythonQt; PySide would warn.
            return bool(answer) if name in _ANSWER_WHETHER_HANDLED else convert.unwrap(answer)
        except BaseException as error:
            errors.report(error)
            return getattr(native, name)(self, *arguments)

    call.__name__ = name
    return call
