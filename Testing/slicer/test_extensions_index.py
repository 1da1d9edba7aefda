"""The entry for the Extensions Index, and the lines of CMakeLists.txt that the Index reads, keep its rules."""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from repository.source import ROOT

ENTRY = ROOT / "Resources" / "ExtensionsIndex" / "MRIEnhance.json"
CMAKE = (ROOT / "CMakeLists.txt").read_text("utf-8")

# Version 1.0.1 of the schema of entries, and the names of files that the Index takes for a licence.
SCHEMA = (
    "https://raw.githubusercontent.com/Slicer/Slicer/main/Schemas/slicer-extension-catalog-entry-schema-v1.0.1.json#"
)
TYPES = {
    **dict.fromkeys(("$schema", "category", "scm_url", "scm_revision", "scm_type", "build_subdirectory"), str),
    **{"build_dependencies": list, "enabled": bool, "tier": int},
}
REQUIRED = {"$schema", "category", "scm_url"}
LICENCES = {"LICENSE", "LICENCE", "License.txt", "license.txt", "LICENSE.txt", "COPYING", "COPYING.txt"}
# Those of the Index's categories that could be ours.
CATEGORIES = {"Image Synthesis", "Filtering", "Neuroimaging", "Tomographic Reconstruction"}
RAW = "https://raw.githubusercontent.com/"


def entry_is_valid(text: str, name: str) -> Iterator[str]:
    """An entry in the file `<name>.json`."""
    entry = json.loads(text)
    yield from (f"{key} is missing" for key in sorted(REQUIRED - set(entry)))
    for key, value in entry.items():
        if type(value) is not TYPES.get(key):
            yield f"{key}: {value!r} is not what the schema asks for"
    if entry.get("$schema") != SCHEMA:
        yield "the schema is another one"
    if entry.get("category") not in CATEGORIES:
        yield f"{entry.get('category')} is no category of the Index"
    if not all(isinstance(name, str) for name in entry.get("build_dependencies", [])):
        yield "build_dependencies are not names"
    if entry.get("tier", 1) not in range(1, 6):
        yield "the tier is not from 1 to 5"
    url = urlsplit(entry.get("scm_url", ""))
    if url.scheme != "https" or not url.path.removesuffix(".git").endswith(f"/Slicer{name}"):
        yield f"the repository is not named Slicer{name}"
    if name.lower().startswith("slicer"):
        yield "the extension's name repeats Slicer"
    if text != json.dumps(entry, indent=2) + "\n":
        yield "not formatted as the Index formats: two spaces, one item a line, LF"


def metadata_is_valid(text: str, name: str) -> Iterator[str]:
    """The text of the extension's CMakeLists.txt, as the Index reads it: with regular expressions."""
    projects = re.findall(r"project\s*\(\s*([^\s\)\n\r]+)", text, re.IGNORECASE)
    if projects[:1] != [name]:
        yield f"the project is {projects[:1]}, the entry is {name}"
    for key in ("HOMEPAGE", "ICONURL", "SCREENSHOTURLS"):
        urls = " ".join(re.findall(rf'^set\(EXTENSION_{key} "([^"]+)"\)$', text, re.MULTILINE)).split()
        if not urls:
            yield f"EXTENSION_{key} is not one line with one quoted string"
        for url in urls:
            if not re.fullmatch(r"https://[\w.-]+(/[\w.-]+)+", url):
                yield f"{url} is no plain https address"
            elif key != "HOMEPAGE" and not (url.startswith(RAW) and url.endswith((".png", ".jpg"))):
                yield f"{url} does not answer with an image"
    for key in ("CONTRIBUTORS", "DESCRIPTION", "DEPENDS", "CATEGORY"):
        if not value(text, key):
            yield f"EXTENSION_{key} is not one line with one quoted string"


def value(text: str, key: str) -> str:
    """What EXTENSION_<key> is set to, or nothing."""
    found = re.search(rf'^set\(EXTENSION_{key} "([^"]+)"\)$', text, re.MULTILINE)
    return found[1] if found else ""


def test_the_entry() -> None:
    assert not list(entry_is_valid(ENTRY.read_bytes().decode("utf-8"), ENTRY.stem))


def test_the_metadata() -> None:
    assert not list(metadata_is_valid(CMAKE, ENTRY.stem))


def test_entry_and_metadata_agree() -> None:
    entry = json.loads(ENTRY.read_bytes().decode("utf-8"))
    assert value(CMAKE, "CATEGORY") == entry["category"]
    assert value(CMAKE, "DEPENDS").split() == entry["build_dependencies"]
    assert value(CMAKE, "HOMEPAGE") == entry["scm_url"].removesuffix(".git")


def test_pictures_are_in_the_repository() -> None:
    home = value(CMAKE, "HOMEPAGE").removeprefix("https://github.com/")
    for url in [value(CMAKE, "ICONURL"), *value(CMAKE, "SCREENSHOTURLS").split()]:
        assert url.startswith(f"{RAW}{home}/main/")
        assert (ROOT / url.removeprefix(f"{RAW}{home}/main/")).is_file()


def test_the_description_warns() -> None:
    assert "For research, not for diagnosis." in value(CMAKE, "DESCRIPTION")


def test_a_licence_lies_at_the_top() -> None:
    assert any((ROOT / name).is_file() for name in LICENCES)


@pytest.mark.parametrize(
    ("old", "new", "complaint"),
    [
        ('"category": "Image Synthesis",\n', "", "category is missing"),
        ("Image Synthesis", "MRI", "no category"),
        ('"tier": 1', '"tier": "1"', "tier: '1'"),
        ('"tier": 1', '"tier": 6', "from 1 to 5"),
        ('"tier": 1', '"homepage": "x"', "homepage: 'x'"),
        ('"PyTorch"', "1", "not names"),
        ("v1.0.1", "v1.0.0", "schema is another"),
        ("SlicerMRIEnhance", "MRIEnhance", "not named SlicerMRIEnhance"),
        ("https://github.com", "ssh://github.com", "not named SlicerMRIEnhance"),
        ("\n", "\r\n", "not formatted"),
        ("  ", "    ", "not formatted"),
    ],
)
def test_every_fault_of_an_entry_is_seen(old: str, new: str, complaint: str) -> None:
    text = ENTRY.read_bytes().decode("utf-8")
    assert old in text
    assert complaint in "\n".join(entry_is_valid(text.replace(old, new), ENTRY.stem))


@pytest.mark.parametrize(
    ("old", "new", "complaint"),
    [
        ("project(MRIEnhance)", "project(SlicerMRIEnhance)", "the project is"),
        ('set(EXTENSION_ICONURL "https', 'set(EXTENSION_ICONURL\n  "https', "EXTENSION_ICONURL is not one line"),
        ("/Icons/MRIEnhance.png", "/Icons/MRIEnhance.png?raw=1&x=y", "no plain https address"),
        ("/Icons/MRIEnhance.png", "/Icons/MRIEnhance.html", "does not answer with an image"),
        ('CONTRIBUTORS "The MRIEnhance authors"', 'CONTRIBUTORS ""', "EXTENSION_CONTRIBUTORS is not"),
    ],
)
def test_every_fault_of_the_metadata_is_seen(old: str, new: str, complaint: str) -> None:
    assert old in CMAKE
    assert complaint in "\n".join(metadata_is_valid(CMAKE.replace(old, new), ENTRY.stem))


def test_the_entry_is_named_after_the_extension() -> None:
    assert [path.name for path in ENTRY.parent.iterdir()] == [f"{Path(ENTRY).stem}.json"]
