"""Files that fit in the head, weights that fit in a repository, and no path of somebody's machine."""

import ast
import hashlib
import re

from repository.source import PACKAGE, ROOT, files, sources

MIB = 2**20
LONGEST_FILE = 400
LONGEST_FUNCTION = 70
LARGEST_WEIGHTS = 16 * MIB
LARGEST_FILE = 2 * MIB
# Spelt apart, so that this file does not name one itself.
HOMES = re.compile(r"(?<![\w.])/(?:" + "|".join(["work", "farm", "root", "home", "Users", "tmp"]) + r")/|[A-Z]:\\Users")


def test_python_files_are_short() -> None:
    lengths = {str(source): len(source.text.splitlines()) for source in sources()}
    long = {name: lines for name, lines in lengths.items() if lines > LONGEST_FILE}
    assert not long


def test_functions_are_short() -> None:
    long = {
        f"{source.at(node)} {node.name}": lines
        for source in sources()
        for node in ast.walk(source.tree)
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        and (lines := (node.end_lineno or 0) - node.lineno) > LONGEST_FUNCTION
    }
    assert not long


def test_no_file_is_large() -> None:
    sizes = {path: path.stat().st_size for path in files()}
    large = [
        f"{path.relative_to(ROOT)}: {size / MIB:.1f} MiB"
        for path, size in sizes.items()
        if size > (LARGEST_WEIGHTS if path.suffix == ".safetensors" else LARGEST_FILE)
    ]
    assert not large


def test_shipped_weights_are_those_of_the_list() -> None:
    folder = PACKAGE / "models" / "weights"
    listed = dict(reversed(line.split()) for line in (folder / "SHA256SUMS").read_text("ascii").splitlines())
    found = {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in folder.glob("*.safetensors")}
    assert listed == found


def test_no_path_of_a_machine_is_named() -> None:
    wrong = []
    for path in files():
        try:
            text = path.read_text(encoding="utf-8")
        except UnicodeDecodeError:
            continue
        lines = enumerate(text.splitlines(), start=1)
        wrong += [f"{path.relative_to(ROOT)}:{n}: {line.strip()}" for n, line in lines if HOMES.search(line)]
    assert not wrong, "\n".join(wrong)
