"""The folder that Slicer loads: what is there is packaged, what is listed is there, nothing is in another's way."""

import re
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from PIL import Image

from repository.source import MADE, ROOT

FOLDER = ROOT / "MRIEnhance"
KINDS = {".py", ".ui", ".png", ".svg", ".qrc", ".json", ".yaml", ".txt"}
BUILD_ONLY = {"CMakeLists.txt", "CopyLibrary.cmake"}
ICON = (128, 128)
LARGEST = {".png": 64 << 10, ".ui": 128 << 10, ".py": 32 << 10}

# Extensions share one `sys.path`: a name that anybody would choose belongs to nobody.
COMMON = {
    *("lib", "logic", "utils", "util", "scripts", "testing", "tests", "test", "models", "common", "helpers", "widgets"),
    *("core", "config", "data", "bridge", "worker", "batch", "panel", "nodes", "results", "install", "errors"),
}


def modules(folder: Path) -> list[str]:
    """The names in CMake's list of modules."""
    return variable("MODULES", (folder / "CMakeLists.txt").read_text("utf-8"))


def variable(name: str, text: str) -> list[str]:
    found = re.search(rf"^set\({name}\n(.*?)\)", text, re.MULTILINE | re.DOTALL)
    return re.findall(r"^\s+([^\s#]+)$", found[1], re.MULTILINE) if found else []


def listed(folder: Path) -> list[str]:
    """Every file that CMake is told of, with `${MODULE_NAME}` filled in for each module."""
    text = re.sub(r"#.*", "", (folder / "CMakeLists.txt").read_text("utf-8"))
    text = text.replace("SCRIPTS ", "\n").replace("RESOURCES", "\n")
    lines = [line.strip() for line in text.splitlines() if Path(line.strip()).suffix in KINDS]
    names = modules(folder)
    return [line.replace("${MODULE_NAME}", name) for line in lines for name in (names if "${" in line else [""])]


def every_file_is_listed(folder: Path) -> Iterator[str]:
    known = listed(folder)
    for path in on_disk(folder):
        if path not in known:
            yield f"{path} is not in CMakeLists.txt: it would be missing in the installed extension"


def everything_listed_is_there(folder: Path) -> Iterator[str]:
    known = listed(folder)
    yield from (f"{path} is listed and not there" for path in known if not (folder / path).is_file())
    yield from (f"{path} is listed twice" for path in sorted(set(known)) if known.count(path) > 1)


def names_are_our_own(folder: Path) -> Iterator[str]:
    """At the top: the modules, the bridge, resources; below Resources, files named after a module."""
    names = modules(folder)
    allowed = {*BUILD_ONLY, *(f"{name}.py" for name in names), "MRIEnhanceBridge", "Resources"}
    yield from (f"{p.name} lies at the top" for p in folder.iterdir() if p.name not in allowed | MADE)
    yield from (f"{name} is a name that another extension may have" for name in names if name.lower() in COMMON)
    for path in on_disk(folder):
        if path.startswith("Resources/") and Path(path).stem not in names:
            yield f"{path} is named after no module"


def icons_are_icons(folder: Path) -> Iterator[str]:
    for path in (folder / "Resources" / "Icons").glob("*.png"):
        with Image.open(path) as image:
            if image.size != ICON or image.mode != "RGBA":
                yield f"{path.name} is {image.size}, {image.mode}"
            elif image.getpixel((0, 0))[3] != 0:
                yield f"{path.name} has no transparent ground"


def files_are_small(folder: Path) -> Iterator[str]:
    for path in on_disk(folder):
        if (folder / path).stat().st_size > LARGEST.get(Path(path).suffix, 0):
            yield f"{path} is too large, or of a kind that nobody expects"


def on_disk(folder: Path) -> list[str]:
    """Every file that Slicer could use."""
    paths = (path for path in sorted(folder.rglob("*")) if path.is_file() and not MADE.intersection(path.parts))
    return [path.relative_to(folder).as_posix() for path in paths if path.name not in BUILD_ONLY]


CHECKS: list[Callable[[Path], Iterator[str]]] = [
    every_file_is_listed,
    everything_listed_is_there,
    names_are_our_own,
    icons_are_icons,
    files_are_small,
]


@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.__name__)
def test_the_folder(check: Callable[[Path], Iterator[str]]) -> None:
    assert not list(check(FOLDER))


def test_the_lists_are_read() -> None:
    """What the checks above compare is not empty."""
    assert "SuperResolve" in modules(FOLDER)
    assert {"SuperResolve.py", "Resources/UI/SuperResolve.ui", "MRIEnhanceBridge/errors.py"} <= set(listed(FOLDER))


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """The folder, to be spoilt."""
    shutil.copytree(FOLDER, tmp_path / "MRIEnhance", ignore=shutil.ignore_patterns(*MADE))
    return tmp_path / "MRIEnhance"


@pytest.mark.parametrize(
    ("check", "path"),
    [
        (every_file_is_listed, "MRIEnhanceBridge/forgotten.py"),
        (every_file_is_listed, "Resources/UI/Forgotten.ui"),
        (names_are_our_own, "utils.py"),
        (names_are_our_own, "Logic/steps.py"),
        (names_are_our_own, "Resources/Icons/arrow.png"),
        (files_are_small, "MRIEnhanceBridge/weights.bin"),
    ],
)
def test_a_file_too_many_is_seen(copy: Path, check: Callable[[Path], Iterator[str]], path: str) -> None:
    (copy / path).parent.mkdir(exist_ok=True)
    (copy / path).write_bytes(b"x")
    assert path.split("/")[-1].split(".")[0] in "\n".join(check(copy)) or path.split("/")[0] in "\n".join(check(copy))


@pytest.mark.parametrize(
    ("check", "old", "new"),
    [
        (everything_listed_is_there, "  SuperResolve\n", "  SuperResolve\n  Dissolve\n"),
        (everything_listed_is_there, "MRIEnhanceBridge/errors.py\n", "MRIEnhanceBridge/error.py\n"),
        (everything_listed_is_there, "/errors.py\n", "/errors.py\n  MRIEnhanceBridge/errors.py\n"),
        (every_file_is_listed, "  MRIEnhanceBridge/errors.py\n", ""),
        (every_file_is_listed, "Resources/Icons/${MODULE_NAME}.png", ""),
        (names_are_our_own, "  SuperResolve\n", "  SuperResolve\n  Utils\n"),
    ],
)
def test_a_wrong_list_is_seen(copy: Path, check: Callable[[Path], Iterator[str]], old: str, new: str) -> None:
    path = copy / "CMakeLists.txt"
    text = path.read_text("utf-8")
    assert old in text
    path.write_text(text.replace(old, new), "utf-8")
    assert list(check(copy))


@pytest.mark.parametrize("image", [Image.new("RGBA", (64, 64)), Image.new("RGB", ICON), Image.new("RGBA", ICON, "red")])
def test_a_wrong_icon_is_seen(copy: Path, image: Image.Image) -> None:
    image.save(copy / "Resources" / "Icons" / "SuperResolve.png")
    assert list(icons_are_icons(copy))
