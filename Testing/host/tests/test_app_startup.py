"""What is said of modules that do at start-up what they must not."""

import pytest

from slicerhost import checks

MODULE = """
import slicer
from slicer.ScriptedLoadableModule import *
class {name}(ScriptedLoadableModule):
    def __init__(self, parent):
        super().__init__(parent)
        {body}
"""


@pytest.fixture(scope="module")
def seen(tmp_path_factory):
    """One start-up with one module for each sin: a process each would take long."""
    folder = tmp_path_factory.mktemp("modules")
    sins = {
        "Quiet": "pass",
        "Starts": "import subprocess, os; subprocess.run(['true'])",
        "Imports": "import forbidden_package",
        "Asks": "slicer.app.connect('startupCompleted()', lambda: slicer.util.infoDisplay('hello'))",
        "Installs": "slicer.util.pip_install('torch')",
        "Looks": "import socket; socket.getaddrinfo('localhost', 80)",
    }
    for name, body in sins.items():
        (folder / f"{name}.py").write_text(MODULE.format(name=name, body=body))
    (folder / "Broken.py").write_text("import no_such_package")
    (folder / "forbidden_package").mkdir()
    (folder / "forbidden_package" / "__init__.py").touch()
    return checks.startup(folder, forbidden=["forbidden_package"])


@pytest.mark.parametrize(
    ("field", "part"),
    [
        ("processes", "true"),
        ("imports", "forbidden_package"),
        ("dialogs", "hello"),
        ("installations", "torch"),
        ("connections", "localhost"),
        ("modules", "Quiet"),
    ],
)
def test_it_is_seen(seen, field, part):
    assert any(part in each for each in getattr(seen, field))


def test_a_broken_module_is_named_and_absent(seen):
    assert "no_such_package" in seen.failures
    assert "Broken" not in seen.modules


def test_each_sin_is_a_problem(seen):
    assert {problem.split(":")[0] for problem in seen.problems()} >= {
        "failed",
        "processes",
        "imports",
        "dialogs",
        "installations",
        "connections",
    }
