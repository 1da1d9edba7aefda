"""Signals of objects that are no Qt objects here: ``slicer.app``, the module manager."""

from collections.abc import Callable
from typing import Any


class Signals:
    """Gives `connect` and `disconnect` in PythonQt's manner.

    Slicer answers a signal that does not exist with a printed line and False; here it raises, so that a typing error
    cannot pass a test.
    """

    _signals: tuple[str, ...] = ()

    def __init__(self) -> None:
        self._connections: dict[str, list[Callable[..., Any]]] = {name: [] for name in self._signals}

    def connect(self, signal: str, slot: Callable[..., Any]) -> bool:
        """Call `slot` whenever `signal`, written like ``"startupCompleted()"``, is emitted."""
        if not callable(slot):
            raise TypeError(f"{slot!r} cannot be called")
        self._slots(signal).append(slot)
        return True

    def disconnect(self, signal: str, slot: Callable[..., Any]) -> bool:
        """Take one connection back; False where there was none."""
        slots = self._slots(signal)
        if slot not in slots:
            return False
        slots.remove(slot)
        return True

    def emit(self, signal: str, *arguments: Any) -> None:
        """For the stand-in: emit. A slot's exception is kept and the others still run, as in Qt."""
        import sys

        for slot in list(self._slots(signal)):
            try:
                slot(*arguments)
            except Exception as error:
                sys.excepthook(type(error), error, error.__traceback__)

    def _slots(self, signal: str) -> list[Callable[..., Any]]:
        name, bracket, _ = signal.partition("(")
        if not bracket or name not in self._connections:
            raise ValueError(f"{type(self).__name__} has no signal {signal!r}; it has {', '.join(self._signals)}")
        return self._connections[name]

    def _forget_connections(self) -> None:
        for slots in self._connections.values():
            slots.clear()
