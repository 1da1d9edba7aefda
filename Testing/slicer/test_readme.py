"""What the documents show of the Slicer side is so."""

import ast
import re
import shlex
from pathlib import Path

from repository.source import ROOT

README = (ROOT / "README.md").read_text("utf-8")
CONTRIBUTING = (ROOT / "CONTRIBUTING.md").read_text("utf-8")
FOLDER = ROOT / "MRIEnhance"


def test_the_console_example_calls_what_is_there() -> None:
    [code] = re.findall(r"^```py\n(.*?)^```$", README, re.MULTILINE | re.DOTALL)
    calls = [
        node
        for node in ast.walk(ast.parse(code))
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == "process"
    ]
    names = [ast.unparse(call.func).removesuffix("Logic().process") for call in calls]
    assert sorted(names) == sorted(path.stem for path in FOLDER.glob("*.py")), "an example for each module"
    for name, call in zip(names, calls, strict=True):
        module = ast.parse((FOLDER / f"{name}.py").read_text("utf-8"))
        [process] = (node for node in ast.walk(module) if isinstance(node, ast.FunctionDef) and node.name == "process")
        assert f"from {name} import {name}Logic" in code
        assert len(call.args) == len(process.args.args) - 1 == 1
        assert {keyword.arg for keyword in call.keywords} <= {argument.arg for argument in process.args.kwonlyargs}


def test_the_batch_command_names_what_is_there() -> None:
    [command] = commands(README)
    words = shlex.split(command)
    script = words[words.index("--python-script") + 1]
    assert (ROOT / script).is_file()
    verb, *options = words[words.index("--") + 1 :]
    bridge = FOLDER / "MRIEnhanceBridge"
    scripts = [bridge / "runner.py", bridge / "verbs.py", *bridge.glob("*_verb.py")]
    named = set().union(*map(constants, scripts))
    assert {verb, *(word for word in options if word.startswith("--"))} <= named


def test_the_self_test_command_names_what_is_there() -> None:
    [command] = commands(CONTRIBUTING)
    words = shlex.split(command)
    assert (ROOT / words[words.index("--additional-module-paths") + 1]).is_dir()
    [folder, module] = re.findall(r"'(\w+)'", words[words.index("--python-code") + 1])
    assert (ROOT / folder / f"{module}.py").is_file()


def test_the_variable_is_the_bridges() -> None:
    assert "MRIENHANCE_PYTHON" in README
    assert "MRIENHANCE_PYTHON" in constants(FOLDER / "MRIEnhanceBridge" / "interpreter.py")


def commands(text: str) -> list[str]:
    """The commands of a document's code blocks that start Slicer."""
    blocks = re.findall(r"^```(\w*)\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)
    lines = [line for kind, block in blocks if not kind for line in block.replace("\\\n", " ").splitlines()]
    return [line for line in lines if line.startswith("Slicer ")]


def constants(path: Path) -> set[str]:
    """Every text that stands in a Python file by itself."""
    tree = ast.parse(path.read_text("utf-8"))
    return {node.value for node in ast.walk(tree) if isinstance(node, ast.Constant) and isinstance(node.value, str)}
