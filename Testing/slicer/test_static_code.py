"""The code that runs inside Slicer fits there, and each check sees what it is there for."""

import ast
from functools import partial
from pathlib import Path

import pytest

import lint_code
from repository.source import MADE, ROOT

FOLDER = ROOT / "MRIEnhance"
FILES = sorted(path for path in FOLDER.rglob("*.py") if not MADE.intersection(path.parts))
OWN = frozenset(path.stem for path in FOLDER.glob("*.py"))
LONGEST = {True: 350, False: 300}  # modules hold four classes


def checks() -> dict[str, lint_code.Check]:
    """All checks by name; the modules of the folder may be imported."""
    named = {check.__name__: check for check in lint_code.CHECKS}
    return named | {"imports_only_what_slicer_has": partial(lint_code.imports_only_what_slicer_has, own=OWN)}


@pytest.mark.parametrize("name", list(checks()))
def test_code(name: str) -> None:
    found = {path: list(checks()[name](ast.parse(path.read_text("utf-8")))) for path in FILES}
    wrong = [f"{path.relative_to(ROOT)}, {line}" for path, lines in found.items() for line in lines]
    assert not wrong, "\n".join(wrong)


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_files_are_short(path: Path) -> None:
    assert len(path.read_text("utf-8").splitlines()) <= LONGEST[path.parent == FOLDER]


@pytest.mark.parametrize("path", sorted(FOLDER.glob("*.py")), ids=lambda path: path.name)
def test_modules_have_the_classes_that_slicer_looks_for(path: Path) -> None:
    classes = {node.name for node in ast.parse(path.read_text("utf-8")).body if isinstance(node, ast.ClassDef)}
    assert {path.stem + suffix for suffix in ("", "Widget", "Logic", "Test")} <= classes


BAD = {
    "imports_only_what_slicer_has": [
        *("import torch", "from mrienhance import tasks", "import yaml", "import PySide6", "import pkg_resources"),
        *("def late():\n    import pandas", "importlib.import_module('torch')", "import distutils.util"),
        *("import pickle", "from urllib.request import urlopen", "import PyTorchUtils", "import OtherModule"),
    ],
    "runs_no_foreign_code": [
        *("eval(text)", "exec(text)", "__import__(name)", "os.system(text)", "subprocess.run(text, shell=True)"),
    ],
    "enums_are_unscoped": ["x = qt.Qt.MouseButton.LeftButton", "f(qt.QMessageBox.StandardButton.Ok)"],
    "names_are_in_qt_5_and_6": [
        *("qt.QRegExp('a')", "layout.setMargin(0)", "combo.connect('currentIndexChanged(QString)', f)"),
        "process.connect('finished(int)', f)",
    ],
    "signals_are_pythonqts": [
        *(
            "class A(qt.QObject):\n    done = qt.Signal()",
            "b.connect('clicked', f)",
            "b.connect('clicked(bool checked)', f)",
        ),
        "b.connect('2clicked(bool)', f)",
    ],
    "visible_text_is_translated": [
        *("label.setText('Ready')", "label.text = f'Ready in {n} s'", "button.toolTip = 'Stop' if running else ''"),
        *("raise BridgeError('no volume')", "raise BridgeError(_('no volume'), 'choose one')", "f(title='Results')"),
        *("raise BridgeError(_('a'), hint='b')", "label.text = 'in {n} s'.format(n=n)", "box.setText(_('a') + ' b')"),
        *("slicer.util.errorDisplay('failed')", "combo.addItem('none', '')", "parent.helpText = text or 'None'"),
    ],
    "translations_are_of_literals": ["_(f'{n} files')", "_(text)", "_('a' + b)", "_()", "translate('x', name)"],
    "underscore_stays_the_translator": [
        *("from slicer.i18n import tr as _\ndef f():\n    for _ in x:\n        pass\n    return _('a')",),
        *("from slicer.i18n import tr as _\ndef f(_):\n    return _('a')", "print(_('a'))"),
        "from slicer.i18n import tr as _\na, _ = f()\n_('a')",
    ],
}

GOOD = """
from __future__ import annotations
import subprocess
import numpy as np, qt, vtk
from slicer.i18n import tr as _
from slicer.i18n import translate
import SuperResolve

def late():
    from PyTorchUtils import PyTorchUtilsLogic

label.setText("")
label.text = f"{a}: {b}"
label.text = _("{n} files").format(n=n) if n else _("none")
combo.addItem(name, "value")
button.connect("clicked(bool)", f)
process.connect("finished(int,QProcess::ExitStatus)", f)
logging.warning("the worker ended")
translate("qSlicerAbstractCoreModule", "MRIEnhance")
raise BridgeError(_("no volume"), _("choose one"), kind="Cancelled")
subprocess.run(command, text=True, shell=False)
re.compile("a")
qt.Qt.LeftButton, qt.QTimer.singleShot(0, f), qt.QUrl.fromLocalFile(x).isValid()
"""


@pytest.mark.parametrize(("name", "code"), [(name, code) for name, codes in BAD.items() for code in codes])
def test_every_fault_is_seen(name: str, code: str) -> None:
    assert list(checks()[name](ast.parse(code)))


def test_good_code_is_let_be() -> None:
    assert not [line for check in checks().values() for line in check(ast.parse(GOOD))]


def test_every_check_has_a_bad_example() -> None:
    assert set(BAD) == set(checks())
