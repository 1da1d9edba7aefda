"""Imports run one way: cli, tasks, inference and models, methods, blocks and physics; images and kspace below."""

import ast
import sys

import pytest

from repository.source import PACKAGE, Source, docstrings, imports, library

FREE = {"errors", "_lazy", "_version"}

# What a room may import of the other rooms. `data` is sample files and their paths.
ROOMS = {
    "cli": {
        "batch",
        "datasets",
        "tasks",
        "inference",
        "models",
        "methods",
        "training",
        "evaluation",
        "physics",
        "images",
        "kspace",
        "data",
    },
    "batch": {"inference", "images"},
    "tasks": {"inference", "models", "methods", "evaluation", "physics", "images", "kspace"},
    "inference": {"methods", "physics", "images"},
    "models": {"methods", "images"},
    "training": {"datasets", "methods", "models", "evaluation", "inference", "blocks", "physics", "images"},
    "datasets": {"evaluation", "inference", "images", "kspace"},
    "evaluation": {"images"},
    "methods": {"blocks", "physics"},
    "blocks": set(),
    "physics": set(),
    "images": set(),
    "kspace": set(),
    "data": set(),
}

# What a room may import from outside; everybody may use the standard library.
PACKAGES = {
    "cli": {"rich", "yaml", "SimpleITK"},
    "batch": set(),
    "tasks": {"torch", "SimpleITK", "numpy"},
    "inference": {"torch", "numpy"},
    "models": {"torch", "numpy", "safetensors"},
    "training": {"torch", "numpy", "SimpleITK", "lightning_fabric", "matplotlib", "rich", "safetensors", "yaml"},
    "datasets": {"torch", "numpy", "SimpleITK"},
    "evaluation": {"torch", "numpy", "SimpleITK", "torchmetrics", "matplotlib", "rich"},
    "methods": {"torch", "numpy"},
    "blocks": {"torch", "numpy"},
    "physics": {"torch", "numpy"},
    "images": {"torch", "numpy", "SimpleITK"},
    "kspace": {"torch", "numpy", "h5py", "ismrmrd"},
    "data": set(),
}

METHODS = sorted(p.name for p in (PACKAGE / "methods").iterdir() if (p / "__init__.py").is_file())


def test_every_room_is_known() -> None:
    rooms = {source.room for source in library()} - {""} - FREE
    assert rooms <= set(ROOMS) == set(PACKAGES)


def test_rooms_import_downwards_only() -> None:
    wrong = [line for source in library() for line in upwards(source)]
    assert not wrong, "\n".join(wrong)


def test_rooms_use_their_own_packages_only() -> None:
    wrong = [line for source in library() for line in strangers(source)]
    assert not wrong, "\n".join(wrong)


@pytest.mark.parametrize("method", METHODS)
def test_nothing_outside_a_method_names_it(method: str) -> None:
    outside = (source for source in library() if not source.path.is_relative_to(PACKAGE / "methods" / method))
    wrong = [line for source in outside for line in namings(source, method)]
    assert not wrong, "\n".join(wrong)


@pytest.mark.parametrize(
    "code",
    [
        "from mrienhance import tasks",
        "from mrienhance.tasks import super_resolve",
        "import mrienhance.tasks.super_resolve",
        "from .. import tasks",
        "from ..tasks.result import Result",
        "def late():\n    from ..tasks import result",
        "importlib.import_module('mrienhance.tasks')",
    ],
)
def test_every_way_upwards_is_seen(code: str) -> None:
    assert upwards(piece("physics/operator.py", code))
    assert not upwards(piece("cli/main.py", code))


@pytest.mark.parametrize("code", ["import SimpleITK as sitk", "def late():\n    from SimpleITK import Image"])
def test_every_stranger_is_seen(code: str) -> None:
    assert strangers(piece("physics/operator.py", code))
    assert not strangers(piece("images/files.py", code))


@pytest.mark.parametrize(
    "code",
    [
        "model = 'my-net-x2'",
        "from mrienhance.methods import my_net",
        "from mrienhance.methods.my_net import network",
        "x = MyNet()",
        "x = methods.MyNet",
        "class MyNetTrainer: pass",
    ],
)
def test_every_naming_is_seen(code: str) -> None:
    assert namings(piece("tasks/result.py", code), "my_net")
    assert not namings(piece("tasks/result.py", '"""Such as my_net."""\nhelp = "a method, such as my_net"'), "my_net")


def piece(path: str, code: str) -> Source:
    """A file of the library that does not exist."""
    return Source(PACKAGE / path, code)


def upwards(source: Source) -> list[str]:
    """Imports of a room that this one does not stand on."""
    allowed = ROOMS.get(source.room, set(ROOMS)) | FREE | {source.room, "__version__"}
    names = ((node, name) for node, name in imports(source) if name.startswith("mrienhance."))
    return [f"{source.at(node)}: {name}" for node, name in names if name.split(".")[1] not in allowed]


def strangers(source: Source) -> list[str]:
    """Imports of a package that is not for this room."""
    allowed = PACKAGES.get(source.room, set()) | {"mrienhance"} | sys.stdlib_module_names
    return [f"{source.at(node)}: {name}" for node, name in imports(source) if name.split(".")[0] not in allowed]


def namings(source: Source, method: str) -> list[str]:
    """Where the code depends on a method's name. Prose (docstrings, strings of several words) may name it."""
    prose = docstrings(source.tree)
    names: list[tuple[ast.AST, str]] = []
    for node in ast.walk(source.tree):
        if isinstance(node, ast.Name):
            names.append((node, node.id))
        elif isinstance(node, ast.Attribute):
            names.append((node, node.attr))
        elif isinstance(node, ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            names.append((node, node.name))
        elif isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in prose:
            names.extend((node, word) for word in [node.value] if len(word.split()) == 1)
    names += imports(source)
    return [f"{source.at(node)}: {name}" for node, name in names if _plain(method) in _plain(name)]


def _plain(name: str) -> str:
    return name.lower().replace("_", "").replace("-", "")
