"""Checks of the code that runs inside Slicer: what breaks only there, on another Qt, or in another language."""

import ast
import re
import sys
from collections.abc import Callable, Iterator

Check = Callable[[ast.Module], Iterator[str]]

# Slicer brings these; everything else is the worker's. The modules of this folder are added by the caller's tree.
BUNDLED = {"slicer", "qt", "ctk", "vtk", "numpy", "SimpleITK", "sitkUtils", "SampleData", "MRIEnhanceBridge"}
# Some Slicers have them, or only when another extension is installed: to be imported where they are used.
SOMETIMES = {"PyTorchUtils", "packaging"}
# Of the standard library of Slicer 5.10's Python, no longer in the next ones.
GONE = {"imp", "distutils", "asynchat", "asyncore", "smtpd", "cgi", "cgitb", "telnetlib", "pipes", "crypt", "imghdr"}
# What runs code from data, or opens connections.
DANGEROUS = {
    *("pickle", "marshal", "shelve", "dill", "cloudpickle", "joblib", "code", "ctypes"),
    *("socket", "socketserver", "ssl", "http", "urllib", "requests", "ftplib", "smtplib", "asyncio", "webbrowser"),
}

# Names of Qt 5 that Qt 6 does not have.
DROPPED = {
    *("QTextCodec", "QRegExp", "QRegExpValidator", "QDesktopWidget", "QSound", "QMatrix", "QGLWidget", "QDirModel"),
    *("QStringRef", "QLinkedList", "QX11Info", "MidButton", "toTime_t", "setMargin", "desktop"),
    *("setResizeMode", "BackgroundColorRole", "TextColorRole", "setTabStopWidth"),
}
DROPPED_SIGNALS = {
    *("currentIndexChanged(QString)", "activated(QString)", "highlighted(QString)", "buttonClicked(int)"),
    *("finished(int)", "error(QProcess::ProcessError)", "valueChanged(QString)", "buttonClicked(QString)"),
}

# Where text reaches people: positions of arguments of functions and methods, keywords, properties.
SHOWN_ARGUMENTS = {
    **dict.fromkeys(
        ("setText", "setToolTip", "setTitle", "setWindowTitle", "setPlaceholderText", "setStatusTip"), (0,)
    ),
    **dict.fromkeys(("setInformativeText", "setDetailedText", "setLabelText", "showStatusMessage", "addItem"), (0,)),
    **dict.fromkeys(("errorDisplay", "warningDisplay", "infoDisplay", "delayDisplay", "messageBox"), (0, 1)),
    **dict.fromkeys(("confirmOkCancelDisplay", "confirmYesNoDisplay", "tryWithErrorDisplay"), (0, 1)),
    **dict.fromkeys(("BridgeError", "information", "warning", "critical", "question"), (0, 1, 2)),
    **{"setSpecialValueText": (0,), "setSuffix": (0,), "setPrefix": (0,), "Progress": (1,), "Stop": (0,)},
    **{"Item": (1, 2), "say": (0,), "allow": (0,), "setColumnLongName": (1,)},
}
LOGGERS = {"logging", "logger", "log"}
SHOWN_KEYWORDS = {"text", "toolTip", "title", "windowTitle", "labelText", "placeholderText", "message", "hint", "what"}
SHOWN_PROPERTIES = {
    "text",
    "toolTip",
    "title",
    "windowTitle",
    "placeholderText",
    "statusTip",
    "noneDisplay",
    "label",
} | {
    *("helpText", "acknowledgementText", "specialValueText", "plainText", "html", "suffix", "prefix"),
}
TRANSLATORS = {"_", "tr", "translate"}


def imports_only_what_slicer_has(tree: ast.Module, own: frozenset[str] = frozenset()) -> Iterator[str]:
    """Own modules of the folder are named in `own`."""
    allowed = BUNDLED | set(own) | (set(sys.stdlib_module_names) - GONE - DANGEROUS)
    inside = {id(node) for f in _functions(tree) for node in ast.walk(f)}
    for node, name in _imports(tree):
        package = name.split(".")[0]
        if package not in allowed and not (package in SOMETIMES and id(node) in inside):
            yield f"{_at(node)}: import of {name}"


def runs_no_foreign_code(tree: ast.Module) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Call):
            name = ast.unparse(node.func)
            if name in {"eval", "exec", "compile", "__import__", "os.system", "os.popen"}:
                yield f"{_at(node)}: call of {name}"
            shell = [k for k in node.keywords if k.arg == "shell" and not _is(k.value, False)]
            yield from (f"{_at(node)}: a shell in a call of {name}" for _ in shell)


def enums_are_unscoped(tree: ast.Module) -> Iterator[str]:
    """PythonQt knows `qt.Qt.LeftButton`; `qt.Qt.MouseButton.LeftButton` is PySide's."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute):
            parts = ast.unparse(node).split(".")
            if len(parts) >= 4 and parts[0] in {"qt", "ctk"} and all(re.match("[A-Z]", p) for p in parts[1:4]):
                yield f"{_at(node)}: {'.'.join(parts)}"


def names_are_in_qt_5_and_6(tree: ast.Module) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute) and node.attr in DROPPED:
            yield f"{_at(node)}: Qt 6 has no {node.attr}"
        elif isinstance(node, ast.Constant) and node.value in DROPPED_SIGNALS:
            yield f"{_at(node)}: Qt 6 has no signal {node.value}"


def signals_are_pythonqts(tree: ast.Module) -> Iterator[str]:
    """`connect` takes a C++ signature, types without names; a Python class cannot have signals of its own."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute) and ast.unparse(node) in {"qt.Signal", "qt.Slot", "qt.Property"}:
            yield f"{_at(node)}: {ast.unparse(node)} is not there"
        if isinstance(node, ast.Call) and _name(node.func) in {"connect", "disconnect"} and len(node.args) == 2:
            signal = node.args[0]
            if isinstance(signal, ast.Constant) and not re.fullmatch(r"[a-z]\w*\([\w:*&<>,]*\)", str(signal.value)):
                yield f"{_at(node)}: {signal.value!r} is no signature of a signal"


def visible_text_is_translated(tree: ast.Module) -> Iterator[str]:
    for node in ast.walk(tree):
        for expression in _shown(node):
            for text in _literals(expression):
                if re.search(r"[^\W\d_]", text):
                    yield f"{_at(node)}: {text!r} is shown as it is"


def translations_are_of_literals(tree: ast.Module) -> Iterator[str]:
    """The tool that collects text for translators reads the source: `_(f"{n} files")` is nothing to it."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in TRANSLATORS:
            literal = [isinstance(a, ast.Constant) and isinstance(a.value, str) for a in node.args]
            yield from () if literal and all(literal) else [f"{_at(node)}: {ast.unparse(node)}"]


def underscore_stays_the_translator(tree: ast.Module) -> Iterator[str]:
    """`for _ in …` makes `_` a local name, and `_("text")` in the same function fails."""
    used = {
        n.name if n.asname is None else n.asname
        for i in ast.walk(tree)
        if isinstance(i, ast.ImportFrom)
        for n in i.names
    }
    calls = any(isinstance(n, ast.Call) and isinstance(n.func, ast.Name) and n.func.id == "_" for n in ast.walk(tree))
    if calls and "_" not in used:
        yield "`_` is called and not imported"
    for node in ast.walk(tree):
        stored = isinstance(node, ast.Name) and node.id == "_" and isinstance(node.ctx, ast.Store)
        if calls and (stored or (isinstance(node, ast.arg) and node.arg == "_")):
            yield f"{_at(node)}: `_` is the translator here"


CHECKS: list[Check] = [
    imports_only_what_slicer_has,
    runs_no_foreign_code,
    enums_are_unscoped,
    names_are_in_qt_5_and_6,
    signals_are_pythonqts,
    visible_text_is_translated,
    translations_are_of_literals,
    underscore_stays_the_translator,
]


def _shown(node: ast.AST) -> Iterator[ast.expr]:
    """Expressions whose value people read."""
    if isinstance(node, ast.Call):
        log = isinstance(node.func, ast.Attribute) and _name(node.func.value) in LOGGERS
        for position in () if log else SHOWN_ARGUMENTS.get(_name(node.func), ()):
            yield from node.args[position : position + 1]
        yield from (keyword.value for keyword in node.keywords if keyword.arg in SHOWN_KEYWORDS)
    elif isinstance(node, ast.Assign):
        shown = (isinstance(target, ast.Attribute) and target.attr in SHOWN_PROPERTIES for target in node.targets)
        yield from [node.value] if any(shown) else []


def _literals(node: ast.expr) -> Iterator[str]:
    """Text that stands in an expression, wherever it can become its value; not what goes through a translator."""
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        yield node.value
    elif isinstance(node, ast.JoinedStr):
        yield from (part.value for part in node.values if isinstance(part, ast.Constant))
    elif isinstance(node, ast.IfExp):
        yield from (text for part in (node.body, node.orelse) for text in _literals(part))
    elif isinstance(node, ast.BoolOp):
        yield from (text for part in node.values for text in _literals(part))
    elif isinstance(node, ast.BinOp):
        yield from (text for part in (node.left, node.right) for text in _literals(part))
    elif isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
        yield from _literals(node.func.value)  # "…".format(…)


def _imports(tree: ast.Module) -> Iterator[tuple[ast.AST, str]]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from ((node, alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and not node.level:
            yield node, node.module or ""
        elif (
            isinstance(node, ast.Call)
            and _name(node.func) == "import_module"
            and isinstance(node.args[0], ast.Constant)
        ):
            yield node, str(node.args[0].value)


def _functions(tree: ast.Module) -> Iterator[ast.AST]:
    return (node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef))


def _name(node: ast.expr) -> str:
    return ast.unparse(node).rpartition(".")[2]


def _is(node: ast.expr, value: object) -> bool:
    return isinstance(node, ast.Constant) and node.value is value


def _at(node: ast.AST) -> str:
    return f"line {getattr(node, 'lineno', 0)}"
