"""The extension, built and installed as the Extensions Index does it, with a stand-in for Slicer's CMake interface."""

import hashlib
import json
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import cmake
import pytest

import mrienhance
from repository.source import MADE, PACKAGE, ROOT

CMAKE = Path(cmake.CMAKE_BIN_DIR) / "cmake"
STANDIN = ROOT / "Testing" / "cmake"
MODULES_FOLDER = "lib/Slicer-5.12/qt-scripted-modules"
LIBRARY = f"{MODULES_FOLDER}/MRIEnhanceBridge/library"
BUILD_ONLY = {"CMakeLists.txt", "CopyLibrary.cmake"}

# What people, tools and systems leave in a source tree, and what is of no use in Slicer.
STRAYS = [
    "MRIEnhanceLib/src/mrienhance/.DS_Store",
    "MRIEnhanceLib/src/mrienhance/images/._io.py",
    "MRIEnhanceLib/src/mrienhance/images/io.py~",
    "MRIEnhanceLib/src/mrienhance/images/__pycache__/io.cpython-312.pyc",
    "MRIEnhanceLib/src/mrienhance/models/weights/half.safetensors.part",
    "MRIEnhanceLib/src/mrienhance.egg-info/PKG-INFO",
    "MRIEnhanceLib/tests/test_io.py",
    "MRIEnhance/MRIEnhanceBridge/__pycache__/nodes.cpython-312.pyc",
    "MRIEnhance/MRIEnhanceBridge/scratch.txt",
]


@dataclass(frozen=True)
class Extension:
    """Where the extension lies: its source, its build tree and the place it is installed to."""

    source: Path
    build: Path
    installed: Path


@pytest.fixture(scope="module")
def extension(tmp_path_factory: pytest.TempPathFactory) -> Extension:
    """The extension, from a source tree with strays in a folder with a space, used from its build tree, installed."""
    folder = tmp_path_factory.mktemp("an extension")
    made = Extension(folder / "source", folder / "build", folder / "installed")
    copy_source(made.source)
    for stray in STRAYS:
        path = made.source / stray
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"stray")
    before = contents(made.source)
    built = build(made.source, made.build)
    assert built.returncode == 0, built.stdout
    use_library(made.build / LIBRARY, bytecode=True)
    installed = run(CMAKE, "--install", made.build, "--prefix", made.installed)
    assert installed.returncode == 0, installed.stdout
    assert contents(made.source) == before, "building changes the source tree"
    return made


def test_everything_is_installed_and_nothing_else(extension: Extension) -> None:
    assert contents(extension.installed) == expected()


def test_the_build_tree_is_what_is_installed(extension: Extension) -> None:
    assert contents(extension.build / MODULES_FOLDER, MODULES_FOLDER) == expected()


def test_one_component_holds_everything(extension: Extension, tmp_path: Path) -> None:
    """Packages are made of one component or of all; either way everything is in."""
    component = ("--component", "RuntimeLibraries", "--prefix", tmp_path)
    assert run(CMAKE, "--install", extension.build, *component).returncode == 0
    assert contents(tmp_path) == expected()


def test_the_weights_are_those_of_the_list(extension: Extension) -> None:
    folder = extension.installed / LIBRARY / "mrienhance" / "models" / "weights"
    lines = (folder / "SHA256SUMS").read_text("ascii").splitlines()
    assert len(lines) >= 2
    for line in lines:
        digest, name = line.split()
        assert hashlib.sha256((folder / name).read_bytes()).hexdigest() == digest


@pytest.mark.parametrize("tree", ["build", "installed"])
def test_the_library_works_from_there(extension: Extension, tree: str) -> None:
    use_library(getattr(extension, tree) / LIBRARY, bytecode=False)


def test_the_worker_greets_from_there(extension: Extension) -> None:
    """As the bridge starts it, and with the end of its input at once."""
    folder = str(extension.installed / LIBRARY)
    code = "import sys; sys.path.insert(0, sys.argv.pop(1)); from mrienhance.cli.main import main; sys.exit(main())"
    done = subprocess.run(
        [sys.executable, "-B", "-c", code, folder, "worker"],
        input="",
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    hello = json.loads(done.stdout.splitlines()[0])
    assert (hello["type"], hello["library"], hello["missing"]) == ("hello", mrienhance.__version__, [])


def test_a_file_that_is_gone_does_not_stay(extension: Extension) -> None:
    """A build tree that is used again holds no file of a former library."""
    former = extension.build / LIBRARY / "mrienhance" / "former.py"
    former.write_text("")
    assert run(CMAKE, "--build", extension.build).returncode == 0
    assert not former.exists()


def test_the_tests_inside_slicer_are_registered(extension: Extension) -> None:
    listing = run(CMAKE.with_name("ctest"), "-N", cwd=extension.build).stdout
    names = set(re.findall(r"^ +Test +#\d+: (\S+)$", listing, re.MULTILINE))
    modules = {path.stem for path in (ROOT / "MRIEnhance").glob("*.py")}
    generic = {f"py_nomainwindow_qSlicer{module}ModuleGenericTest" for module in modules}
    assert names == {f"py_{module}" for module in modules} | generic


@pytest.mark.parametrize(
    ("path", "old", "new", "complaint"),
    [
        ("MRIEnhance/CMakeLists.txt", "  SuperResolve\n", "  Dissolve\n", "nonexistent file 'Dissolve.py'"),
        ("MRIEnhance/CMakeLists.txt", "/Icons/${MODULE_NAME}.png", "/Icons/None.png", "nonexistent file"),
        ("MRIEnhance/CMakeLists.txt", "WITH_GENERIC_TESTS", "WITH_TESTS", "nonexistent file 'WITH_TESTS'"),
        (
            "MRIEnhance/CMakeLists.txt",
            "NAME MRIEnhanceBridge",
            "EXTRA NAME MRIEnhanceBridge",
            "unknown or empty: EXTRA",
        ),
        ("CMakeLists.txt", "project(MRIEnhance)", "project(Project)", "call project"),
        ("CMakeLists.txt", "/LICENSE", "/LICENCE", "EXTENSION_LICENSE_FILE"),
        ("CMakeLists.txt", "set(EXTENSION_ICONURL", "set(EXTENSION_ICON", "EXTENSION_ICONURL is not set"),
    ],
)
def test_mistakes_are_refused(tmp_path: Path, path: str, old: str, new: str, complaint: str) -> None:
    """The stand-in is no weaker than Slicer: a wrong list, keyword or name does not configure."""
    source = tmp_path / "source"
    copy_source(source, library=False)
    text = (source / path).read_text("utf-8")
    assert old in text
    (source / path).write_text(text.replace(old, new), "utf-8")
    done = configure(source, tmp_path / "build")
    assert done.returncode != 0
    assert complaint in " ".join(done.stdout.split())


def copy_source(folder: Path, *, library: bool = True) -> None:
    """Copy what the extension is built from."""
    parts = ["CMakeLists.txt", "LICENSE", "README.md", "MRIEnhance", *(["MRIEnhanceLib"] if library else [])]
    for part in parts:
        if (ROOT / part).is_dir():
            shutil.copytree(ROOT / part, folder / part, ignore=shutil.ignore_patterns(*MADE))
        else:
            folder.mkdir(exist_ok=True)
            shutil.copy(ROOT / part, folder / part)


def configure(source: Path, build_folder: Path) -> subprocess.CompletedProcess[str]:
    """Configure the extension against the stand-in."""
    toolchain = STANDIN / "nothing-to-compile.cmake"
    options = (f"-DSlicer_DIR={STANDIN}", f"-DCMAKE_TOOLCHAIN_FILE={toolchain}", "--no-warn-unused-cli")
    return run(CMAKE, "-S", source, "-B", build_folder, *options)


def build(source: Path, build_folder: Path) -> subprocess.CompletedProcess[str]:
    configured = configure(source, build_folder)
    assert configured.returncode == 0, configured.stdout
    return run(CMAKE, "--build", build_folder)


def run(*command: str | Path, cwd: Path | None = None) -> subprocess.CompletedProcess[str]:
    """Run a command; everything that it says is in `stdout`."""
    words = [str(word) for word in command]
    return subprocess.run(
        words, cwd=cwd, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=120, check=False
    )


def use_library(folder: Path, *, bytecode: bool) -> None:
    """Run the library's command from `folder`, as the worker process finds it: before everything else."""
    code = f"""
import sys
sys.path.insert(0, {str(folder)!r})
sys.dont_write_bytecode = {not bytecode}
import mrienhance.cli.main
assert mrienhance.__file__.startswith(sys.path[0]), mrienhance.__file__
sys.exit(mrienhance.cli.main.main(["models", "iconet-x2"]))
"""
    done = run(sys.executable, "-c", code)
    assert done.returncode == 0, done.stdout
    assert "iconet-x2" in done.stdout
    assert bytecode == any(folder.rglob("__pycache__"))


def expected() -> dict[str, bytes]:
    """Paths and bytes of what belongs into the installed extension."""
    scripts = contents(ROOT / "MRIEnhance", MODULES_FOLDER)
    for name in BUILD_ONLY:
        del scripts[f"{MODULES_FOLDER}/{name}"]
    library = contents(PACKAGE, f"{LIBRARY}/mrienhance")
    return scripts | library | {f"{LIBRARY}/LICENSE": (ROOT / "LICENSE").read_bytes()}


def contents(folder: Path, prefix: str = "") -> dict[str, bytes]:
    """Every file below `folder`; of a source tree without what tools have made."""
    made = MADE if folder.is_relative_to(ROOT) else set()
    return {(Path(prefix) / path.relative_to(folder)).as_posix(): path.read_bytes() for path in walk(folder, made)}


def walk(folder: Path, made: set[str]) -> Iterator[Path]:
    return (path for path in folder.rglob("*") if path.is_file() and not made.intersection(path.parts))
