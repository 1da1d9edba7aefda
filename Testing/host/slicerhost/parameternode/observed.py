"""Lists and dicts that live in a parameter node: changing them changes the node."""

import collections.abc
import copy
from typing import Any


class ObservedList(collections.abc.MutableSequence[Any]):
    """A list in a parameter node: changing it changes the node. ``+`` and ``*`` make no new one."""

    def __init__(self, node: Any, serializer: Any, name: str, values: list[Any]) -> None:
        self._node, self._serializer, self._name, self._list = node, serializer, name, values

    def _change(self, values: list[Any]) -> None:
        try:
            self._serializer.write(self._node, self._name, values)
        finally:
            self._list = self._serializer.read(self._node, self._name)._list

    def __getitem__(self, index: Any) -> Any:
        return self._list[index]

    def __setitem__(self, index: Any, value: Any) -> None:
        values = copy.copy(self._list)
        values[index] = value
        self._change(values)

    def __delitem__(self, index: Any) -> None:
        values = copy.copy(self._list)
        del values[index]
        self._change(values)

    def __len__(self) -> int:
        return len(self._list)

    def insert(self, index: int, value: Any) -> None:
        """Insert before `index`."""
        self._change([*self._list[:index], value, *self._list[index:]])

    def __eq__(self, other: object) -> bool:
        return self._list == (other._list if isinstance(other, ObservedList) else other)

    __hash__ = None  # type: ignore[assignment]

    def __add__(self, other: object) -> None:
        raise NotImplementedError("an ObservedList cannot be added; += can")

    def __repr__(self) -> str:
        return f"ObservedList({self._list})"


class ObservedDict(collections.abc.MutableMapping[Any, Any]):
    """A dict in a parameter node: changing it changes the node."""

    def __init__(self, node: Any, serializer: Any, name: str, values: dict[Any, Any]) -> None:
        self._node, self._serializer, self._name, self._dict = node, serializer, name, values

    def _change(self, values: dict[Any, Any]) -> None:
        try:
            self._serializer.write(self._node, self._name, values)
        finally:
            self._dict = self._serializer.read(self._node, self._name)._dict

    def __getitem__(self, key: Any) -> Any:
        return self._dict[key]

    def __setitem__(self, key: Any, value: Any) -> None:
        self._change({**self._dict, key: value})

    def __delitem__(self, key: Any) -> None:
        values = dict(self._dict)
        del values[key]
        self._change(values)

    def __iter__(self) -> Any:
        return iter(self._dict)

    def __len__(self) -> int:
        return len(self._dict)

    def __eq__(self, other: object) -> bool:
        return self._dict == (other._dict if isinstance(other, ObservedDict) else other)

    __hash__ = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        return f"ObservedDict({self._dict})"
