"""What the library offers is there, documented, and known to type checkers too."""

import ast
import importlib
import inspect

import pytest

import mrienhance
from repository.source import Source, library

LAZY = [source for source in library() if source.path.stem == "__init__" and "= lazy(" in source.text]

PROMISED = {
    *(
        "read_image",
        "write_image",
        "read_kspace",
        "reconstruct",
        "super_resolve",
        "synthesize",
        "synthesize_all",
        "evaluate",
        "load_model",
        "catalogue",
        "Result",
    ),
    *("MRIEnhanceError", "ImageError", "KSpaceError", "ModelError", "OutputError", "DependencyError"),
    *("UsageError", "Cancelled", "OutOfMemory"),
}


def test_the_promised_names_are_public() -> None:
    assert set(mrienhance.__all__) >= PROMISED
    assert set(dir(mrienhance)) >= PROMISED


def test_an_unknown_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="super_dissolve"):
        mrienhance.super_dissolve  # noqa: B018


@pytest.mark.parametrize("source", LAZY, ids=lambda source: source.module)
def test_lazy_names_are_there_and_documented(source: Source) -> None:
    package = importlib.import_module(source.module)
    for name in package.__all__:
        value = getattr(package, name)
        if inspect.isclass(value) or inspect.isfunction(value):
            assert inspect.getdoc(value), f"{source.module}.{name} has no docstring"


@pytest.mark.parametrize("source", LAZY, ids=lambda source: source.module)
def test_type_checkers_see_the_same_names(source: Source) -> None:
    """The imports under TYPE_CHECKING and the table of lazy names say the same."""
    [table] = (node for node in ast.walk(source.tree) if isinstance(node, ast.Dict))
    lazily = {(name, source.module + module) for name, module in ast.literal_eval(table).items()}
    [guarded] = (node for node in source.tree.body if isinstance(node, ast.If))
    typed = {(a.name, node.module) for node in guarded.body if isinstance(node, ast.ImportFrom) for a in node.names}
    assert lazily == typed


def test_the_version_is_one() -> None:
    assert mrienhance.__version__.count(".") == 2
