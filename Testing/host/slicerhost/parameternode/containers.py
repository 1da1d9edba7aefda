"""How lists, tuples, dicts and unions stand in a parameter node, as Slicer writes them.

A list is ``name.len`` and ``name.0``, ``name.1``...; a tuple is ``name.0``...; a dict is a list of tuples; a Union has
its value under ``name.<index of the type>``.
"""

from typing import Any

from .observed import ObservedDict, ObservedList
from .storage import Nothing, Number, Serializer


class List(Serializer):
    """list[T]."""

    def __init__(self, element: Serializer) -> None:
        self.element = element
        self._length = Number(int)

    def default(self) -> list[Any]:
        """Empty."""
        return []

    def accepts(self, type_: Any) -> bool:
        """Only list."""
        return type_ is list

    def isIn(self, node: Any, name: str) -> bool:
        """True where there is a length."""
        return self._length.isIn(node, f"{name}.len")

    def size(self, node: Any, name: str) -> int:
        """Stored length; 0 where there is none."""
        return self._length.read(node, f"{name}.len") if self.isIn(node, name) else 0

    def write(self, node: Any, name: str, value: Any) -> None:
        """Store all elements; a refused one leaves everything as it was."""
        import slicer

        with slicer.util.NodeModify(node):
            old = list(self.read(node, name)) if self.isIn(node, name) else None
            old_size = self.size(node, name)
            values = list(value)
            try:
                for index, item in enumerate(values):
                    self.element.write(node, f"{name}.{index}", item)
                self._length.write(node, f"{name}.len", len(values))
                for index in range(len(values), old_size):
                    self.element.remove(node, f"{name}.{index}")
            except Exception:
                if old is None:
                    self.remove(node, name)
                else:
                    self.write(node, name, old)
                raise

    def read(self, node: Any, name: str) -> ObservedList:
        """A list that writes itself back when it is changed."""
        values = [self.element.read(node, f"{name}.{index}") for index in range(self.size(node, name))]
        return ObservedList(node, self, name, values)

    def remove(self, node: Any, name: str) -> None:
        """Elements and length."""
        for index in range(self.size(node, name)):
            self.element.remove(node, f"{name}.{index}")
        self._length.remove(node, f"{name}.len")

    def supportsCaching(self) -> bool:
        """As the elements."""
        return self.element.supportsCaching()


class Tuple(Serializer):
    """tuple[A, B]."""

    def __init__(self, parts: list[Serializer]) -> None:
        self.parts = parts

    def default(self) -> tuple[Any, ...]:
        """The parts' defaults."""
        return tuple(part.default() for part in self.parts)

    def accepts(self, type_: Any) -> bool:
        """No plain tuple type is told apart in a Union."""
        return False

    def isIn(self, node: Any, name: str) -> bool:
        """True where the first part is."""
        return self.parts[0].isIn(node, f"{name}.0")

    def write(self, node: Any, name: str, value: Any) -> None:
        """Store all parts; raises ValueError for a wrong number of them."""
        import slicer

        values = tuple(value)
        if len(values) != len(self.parts):
            raise ValueError(f"{len(values)} values for a tuple of {len(self.parts)}")
        with slicer.util.NodeModify(node):
            for index, (part, item) in enumerate(zip(self.parts, values, strict=True)):
                part.write(node, f"{name}.{index}", item)

    def read(self, node: Any, name: str) -> tuple[Any, ...]:
        """A plain tuple."""
        return tuple(part.read(node, f"{name}.{index}") for index, part in enumerate(self.parts))

    def remove(self, node: Any, name: str) -> None:
        """All parts."""
        for index, part in enumerate(self.parts):
            part.remove(node, f"{name}.{index}")

    def supportsCaching(self) -> bool:
        """As the parts."""
        return all(part.supportsCaching() for part in self.parts)


class Dict(Serializer):
    """dict[K, V], in order."""

    def __init__(self, key: Serializer, value: Serializer) -> None:
        self._items = List(Tuple([key, value]))

    def default(self) -> dict[Any, Any]:
        """Empty."""
        return {}

    def accepts(self, type_: Any) -> bool:
        """Only dict."""
        return type_ is dict

    def isIn(self, node: Any, name: str) -> bool:
        """True where the list of items is."""
        return self._items.isIn(node, name)

    def write(self, node: Any, name: str, value: Any) -> None:
        """Store all items."""
        self._items.write(node, name, value.items())

    def read(self, node: Any, name: str) -> ObservedDict:
        """A dict that writes itself back when it is changed."""
        return ObservedDict(node, self, name, dict(self._items.read(node, name)))

    def remove(self, node: Any, name: str) -> None:
        """All items."""
        self._items.remove(node, name)

    def supportsCaching(self) -> bool:
        """As keys and values."""
        return self._items.supportsCaching()


class Union(Serializer):
    """Union[A, B, ...] and Optional[A]."""

    def __init__(self, parts: list[Serializer]) -> None:
        self.parts = parts

    def default(self) -> Any:
        """None for Optional, else the first type's default."""
        optional = len(self.parts) == 2 and isinstance(self.parts[1], Nothing)
        return None if optional else self.parts[0].default()

    def accepts(self, type_: Any) -> bool:
        """Unions in unions are flat in Python."""
        return False

    def isIn(self, node: Any, name: str) -> bool:
        """True where any part is."""
        return any(part.isIn(node, f"{name}.{index}") for index, part in enumerate(self.parts))

    def write(self, node: Any, name: str, value: Any) -> None:
        """Store under the first type that takes the value; raises what the last one said where none does."""
        import slicer

        index = self._find(value)
        with slicer.util.NodeModify(node):
            self.remove(node, name)
            self.parts[index].write(node, f"{name}.{index}", value)

    def read(self, node: Any, name: str) -> Any:
        """The value; KeyError where there is none."""
        for index, part in enumerate(self.parts):
            if part.isIn(node, f"{name}.{index}"):
                return part.read(node, f"{name}.{index}")
        raise KeyError(f"no value for {name}")

    def remove(self, node: Any, name: str) -> None:
        """All parts."""
        for index, part in enumerate(self.parts):
            part.remove(node, f"{name}.{index}")

    def supportsCaching(self) -> bool:
        """As the parts."""
        return all(part.supportsCaching() for part in self.parts)

    def _find(self, value: Any) -> int:
        refusal: Exception = TypeError(f"{value!r} is a {type(value).__name__}, which is none of the Union's types")
        for index, part in enumerate(self.parts):
            if part.accepts(type(value)):
                try:
                    part.validate(value)
                    return index
                except Exception as error:
                    refusal = error
        raise refusal
