"""Forms of Qt Designer and the parameter nodes that they are bound to, read without Qt and without Slicer."""

import ast
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from xml.etree import ElementTree


@dataclass(frozen=True)
class Widget:
    """One widget of a form."""

    kind: str
    name: str
    element: ElementTree.Element

    def text_of(self, name: str) -> str | None:
        """A property as text; None if the form does not set it."""
        found = self.property(name)
        return None if found is None else "".join(found.itertext()).strip()

    def property(self, name: str) -> ElementTree.Element | None:
        return next((p for p in self.element.findall("property") if p.get("name") == name), None)


@dataclass(frozen=True)
class Form:
    """A `.ui` file and the module that it belongs to."""

    name: str
    ui: ElementTree.Element
    module: ast.Module

    @property
    def root(self) -> Widget:
        return next(self.widgets())

    def widgets(self) -> Iterator[Widget]:
        """Every widget; the root first."""
        for element in self.ui.iter("widget"):
            yield Widget(element.get("class", ""), element.get("name", ""), element)

    def connections(self) -> Iterator[tuple[str, str, str, str]]:
        """Sender, signal, receiver and slot of each connection."""
        for found in self.ui.iter("connection"):
            yield tuple(found.findtext(part, "") for part in ("sender", "signal", "receiver", "slot"))  # type: ignore[misc]


@dataclass(frozen=True)
class Field:
    """A field of a parameter node class: its type by name, and the annotations (`WithinRange`, `Choice` ...)."""

    kind: str
    annotations: frozenset[str] = frozenset()

    @property
    def bounded(self) -> bool:
        return "WithinRange" in self.annotations or {"Minimum", "Maximum"} <= self.annotations


def read_form(ui: Path) -> Form:
    """The form, and `<Name>.py` two folders above it."""
    module = ui.parents[2] / f"{ui.stem}.py"
    return Form(ui.stem, ElementTree.parse(ui).getroot(), ast.parse(module.read_text("utf-8")))


def parameters(module: ast.Module) -> dict[str, Field]:
    """Every field of the module's parameter nodes; those of a pack with the dotted names that forms use."""
    classes = [node for node in ast.walk(module) if isinstance(node, ast.ClassDef)]
    enums = {c.name for c in classes if any(_last(base) in {"Enum", "IntEnum"} for base in c.bases)}
    packs = {c.name: _fields(c, enums) for c in classes if _decorated(c, "parameterPack")}
    found: dict[str, Field] = {}
    for node in classes:
        if _decorated(node, "parameterNodeWrapper"):
            for name, field in _fields(node, enums).items():
                inner = packs.get(field.kind)
                found |= {f"{name}.{part}": f for part, f in inner.items()} if inner else {name: field}
    return found


def _decorated(node: ast.ClassDef, name: str) -> bool:
    return any(_last(d.func if isinstance(d, ast.Call) else d) == name for d in node.decorator_list)


def _fields(node: ast.ClassDef, enums: set[str]) -> dict[str, Field]:
    return {
        statement.target.id: _field(statement.annotation, enums)
        for statement in node.body
        if isinstance(statement, ast.AnnAssign) and isinstance(statement.target, ast.Name)
    }


def _field(annotation: ast.expr, enums: set[str]) -> Field:
    if isinstance(annotation, ast.Subscript) and _last(annotation.value) == "Annotated":
        first, *rest = annotation.slice.elts if isinstance(annotation.slice, ast.Tuple) else [annotation.slice]
        names = {_last(extra.func) for extra in rest if isinstance(extra, ast.Call)}
        return Field(_field(first, enums).kind, frozenset(names))
    if isinstance(annotation, ast.Subscript) and _last(annotation.value) in {"Union", "Optional"}:
        parts = annotation.slice.elts if isinstance(annotation.slice, ast.Tuple) else [annotation.slice]
        kinds = {_field(part, enums).kind for part in parts} - {"None"}
        return Field("node" if kinds == {"node"} else ast.unparse(annotation))
    name = _last(annotation)
    if name.startswith("vtkMRML"):
        return Field("node")
    return Field("Enum" if name in enums else name)


def _last(node: ast.expr) -> str:
    """`slicer.vtkMRMLTextNode` as `vtkMRMLTextNode`."""
    return ast.unparse(node).rpartition(".")[2]
