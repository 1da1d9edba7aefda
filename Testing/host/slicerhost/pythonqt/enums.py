"""Enumerations as PythonQt shows them: integers, found on the class, on its instances, and nowhere else."""

import enum
from typing import Any


class EnumValue(int):
    """An integer that still knows which member of PySide's enumeration it is.

    PySide's functions take only members, PythonQt's code treats them as integers; combining two flags of one type
    gives a flag again, anything else gives a plain integer.
    """

    native: enum.Enum

    def __new__(cls, native: enum.Enum) -> "EnumValue":
        value = super().__new__(cls, native.value)
        value.native = native
        return value

    def _combine(self, other: Any, operation: str) -> int:
        if (
            isinstance(other, EnumValue)
            and isinstance(self.native, enum.Flag)
            and type(other.native) is type(self.native)
        ):
            return EnumValue(getattr(self.native, operation)(other.native))
        return getattr(int(self), operation)(int(other))

    def __or__(self, other: Any) -> int:
        return self._combine(other, "__or__")

    def __and__(self, other: Any) -> int:
        return self._combine(other, "__and__")

    def __xor__(self, other: Any) -> int:
        return self._combine(other, "__xor__")

    def __invert__(self) -> int:
        return EnumValue(~self.native) if isinstance(self.native, enum.Flag) else ~int(self)

    def __reduce__(self) -> tuple[type, tuple[int]]:
        return int, (int(self),)


def members(owner: type) -> dict[str, EnumValue]:
    """All members of the enumerations that are nested in a PySide class, by name."""
    found: dict[str, EnumValue] = {}
    for nested in vars(owner).values():
        if isinstance(nested, enum.EnumType):
            for name, member in nested.__members__.items():
                found.setdefault(name, EnumValue(member))
    return found
