"""Nothing in the library runs what a file says, and nothing in it talks to a network."""

import ast
from collections.abc import Iterator

import pytest

from repository.source import PACKAGE, Source, imports, library

# Modules that run code from data, or open connections.
MODULES = {
    *("pickle", "cPickle", "_pickle", "marshal", "shelve", "dill", "cloudpickle", "joblib"),
    *("socket", "socketserver", "ssl", "http", "urllib", "requests", "httpx", "aiohttp", "ftplib", "smtplib"),
}
BUILTINS = {"eval", "exec", "compile", "__import__"}
# Functions by their last two names: `torch.load` and `fabric.load` unpickle, `yaml.load` builds any object.
FUNCTIONS = {
    *("torch.load", "torch.save", "fabric.load", "fabric.save", "fabric.load_raw", "os.system", "os.popen"),
    *("yaml.load", "yaml.load_all", "yaml.unsafe_load", "yaml.full_load", "jit.load", "hub.load"),
}
ARGUMENTS = {"allow_pickle", "shell"}


def test_the_library_is_safe() -> None:
    wrong = [line for source in library() for line in dangers(source)]
    assert not wrong, "\n".join(wrong)


@pytest.mark.parametrize(
    "code",
    [
        "import pickle",
        "from urllib.request import urlopen",
        "def late():\n    import socket",
        "eval('1 + 1')",
        "__import__('pickle')",
        "torch.load(path)",
        "from torch import load",
        "self.fabric.save(path, state)",
        "yaml.load(text, Loader=yaml.Loader)",
        "numpy.load(path, allow_pickle=True)",
        "subprocess.run(text, shell=True)",
    ],
)
def test_every_danger_is_seen(code: str) -> None:
    assert list(dangers(Source(PACKAGE / "models" / "x.py", code)))


@pytest.mark.parametrize(
    "code", ["module.eval()", "re.compile(text)", "yaml.safe_load(text)", "safetensors.torch.load(b)"]
)
def test_what_is_harmless_is_let_be(code: str) -> None:
    assert not list(dangers(Source(PACKAGE / "models" / "x.py", code)))


def dangers(source: Source) -> Iterator[str]:
    """Each place that could run foreign code or reach a network."""
    for node, name in imports(source):
        if name.split(".")[0] in MODULES or name in FUNCTIONS:
            yield f"{source.at(node)}: import of {name}"
    for node in ast.walk(source.tree):
        if isinstance(node, ast.Call) and (name := ast.unparse(node.func)):
            last_two = ".".join(name.split(".")[-2:])
            if name in BUILTINS or (last_two in FUNCTIONS and not name.startswith("safetensors.")):
                yield f"{source.at(node)}: call of {name}"
            for keyword in node.keywords:
                if keyword.arg in ARGUMENTS and not (
                    isinstance(keyword.value, ast.Constant) and keyword.value.value is False
                ):
                    yield f"{source.at(node)}: {keyword.arg} in a call of {name}"
