"""The repository as text and syntax trees, for the tests of its rules."""

import ast
import functools
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[3]
PROJECT = ROOT / "MRIEnhanceLib"
PACKAGE = PROJECT / "src" / "mrienhance"
FOLDERS = ("MRIEnhance", "MRIEnhanceLib", "Testing", "Resources", ".ci", ".github")
DOTTED = re.compile(r"mrienhance(\.\w+)+")
MADE = {"__pycache__", ".venv", "build", "dist"}


@dataclass(frozen=True)
class Source:
    """One Python file of the repository."""

    path: Path
    text: str

    def __str__(self) -> str:
        return self.path.relative_to(ROOT).as_posix()

    @functools.cached_property
    def tree(self) -> ast.Module:
        return ast.parse(self.text, str(self.path))

    @property
    def module(self) -> str:
        """The dotted name, for a file of the library."""
        parts = self.path.relative_to(PACKAGE.parent).with_suffix("").parts
        return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)

    @property
    def room(self) -> str:
        """The first part of the name below `mrienhance`, empty for `mrienhance` itself."""
        return [*self.module.split("."), ""][1]

    def at(self, node: ast.AST) -> str:
        return f"{self}:{node.lineno}"  # type: ignore[attr-defined]


def files() -> Iterator[Path]:
    """Every file of the repository, without what tools have made."""
    for top in sorted(ROOT.iterdir()):
        if top.is_file() and top.name != ".git":
            yield top
        elif top.name in FOLDERS:
            yield from (p for p in sorted(top.rglob("*")) if p.is_file() and not MADE.intersection(p.parts))


@functools.cache
def sources() -> tuple[Source, ...]:
    """Every Python file of the repository."""
    return tuple(Source(path, path.read_text(encoding="utf-8")) for path in files() if path.suffix == ".py")


def library() -> tuple[Source, ...]:
    """The Python files of the library."""
    return tuple(source for source in sources() if source.path.is_relative_to(PACKAGE))


def imports(source: Source) -> Iterator[tuple[ast.AST, str]]:
    """Dotted names of all that a file of the library imports, wherever it does: at the top, in a function, as a string.

    A name imported from a package counts as one dotted name, so `from mrienhance import images` gives
    `mrienhance.images`.
    """
    package = source.module if source.path.stem == "__init__" else source.module.rpartition(".")[0]
    for node in ast.walk(source.tree):
        if isinstance(node, ast.Import):
            yield from ((node, alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = node.module or ""
            if node.level:
                parts = package.split(".")
                base = ".".join([*parts[: len(parts) - node.level + 1], *([node.module] if node.module else [])])
            yield from ((node, f"{base}.{alias.name}") for alias in node.names)
        elif isinstance(node, ast.Constant) and isinstance(node.value, str) and DOTTED.fullmatch(node.value):
            yield node, node.value


def docstrings(tree: ast.Module) -> set[int]:
    """`id` of every node that is a docstring."""
    documented = (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)
    return {
        id(node.body[0].value)
        for node in ast.walk(tree)
        if isinstance(node, documented) and node.body and isinstance(node.body[0], ast.Expr)
    }
