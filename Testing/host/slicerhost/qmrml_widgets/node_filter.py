"""Which nodes of the scene a qMRMLNodeComboBox shows."""

import dataclasses
from typing import Any


@dataclasses.dataclass
class NodeFilter:
    """What passes: classes, their subclasses or not, hidden nodes or not, attributes."""

    types: list[str] = dataclasses.field(default_factory=list)
    hidden_types: list[str] = dataclasses.field(default_factory=list)
    show_hidden: bool = False
    show_children: bool = True
    #: class -> attribute -> value (None: any value)
    attributes: dict[str, dict[str, str | None]] = dataclasses.field(default_factory=dict)

    def accepts(self, node: Any) -> bool:
        """Whether this node is shown; without types, every node is."""
        if node.GetHideFromEditors() and not self.show_hidden:
            return False
        if not self.types:
            return True
        return any(self._accepts_as(node, each) for each in self.types)

    def _accepts_as(self, node: Any, class_name: str) -> bool:
        if node.GetClassName() != class_name:
            if not (self.show_children and node.IsA(class_name)):
                return False
            if any(node.IsA(hidden) for hidden in self.hidden_types):
                return False
        for name, value in self.attributes.get(class_name, {}).items():
            actual = node.GetAttribute(name)
            if actual is None or (value is not None and actual != value):
                return False
        return True
