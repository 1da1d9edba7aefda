"""The worker in an interpreter that has nothing, something old, or something broken."""

import ast
import importlib.metadata
import re
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from cli.worker_client import SOURCES, WorkerClient
from mrienhance.cli.worker.requirements import NEEDED, NOT_NEEDED, missing, satisfies
from repository.source import PROJECT

# As the extension of 3D Slicer starts it: the library is a folder, not an installation. -S hides what is installed.
BOOTSTRAP = "import sys; sys.path.insert(0, sys.argv.pop(1)); from mrienhance.cli.main import main; sys.exit(main())"
BARE = (sys.executable, "-S", "-c", BOOTSTRAP, str(SOURCES), "worker")
IMAGE = {
    "pixel_type": "float32",
    "size": [2, 2, 2],
    "spacing": [1, 1, 1],
    "origin": [0, 0, 0],
    "direction": [1, 0, 0, 0, 1, 0, 0, 0, 1],
}


def bare(path: Path | None = None) -> WorkerClient:
    """A worker whose interpreter has the standard library, and what lies in a folder."""
    return WorkerClient(BARE, {"PYTHONPATH": "" if path is None else str(path)})


def package(folder: Path, name: str, version: str | None, code: str = "") -> None:
    """Put a package there that is not much."""
    (folder / name).mkdir()
    (folder / name / "__init__.py").write_text(code, encoding="utf-8")
    if version is not None:
        information = folder / f"{name}-{version}.dist-info"
        information.mkdir()
        (information / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n", "utf-8")


def requests(folder: Path) -> Iterator[tuple[str, dict[str, object]]]:
    """Those that compute."""
    image = {"voxels": str(folder / "nothing.raw"), **IMAGE}
    yield "devices", {}
    yield "super-resolve", {"input": image, "folder": str(folder)}
    yield "evaluate", {"results": {"a": image}, "reference": image, "folder": str(folder)}


def test_the_list_is_that_of_the_library():
    text = (PROJECT / "pyproject.toml").read_text(encoding="utf-8")
    declared = ast.literal_eval(re.search(r"^dependencies = (\[.*?^\])", text, re.MULTILINE | re.DOTALL)[1])
    assert sorted(declared) == sorted((*NEEDED, *NOT_NEEDED))


def test_nothing_is_missing_here():
    assert missing() == []


def test_with_nothing_it_greets_lists_models_and_says_what_is_missing(tmp_path: Path):
    with bare() as client:
        assert client.message()["missing"] == list(NEEDED)
        listed = client.result("models", task="super-resolve")
        assert {"iconet-x2", "iconet-x4"} <= {model["name"] for model in listed["models"]}
        for do, fields in requests(tmp_path):
            end = client.error(do, **fields)
            assert end["kind"] == "DependencyError"
            assert end["message"] == f"missing in {sys.executable}: {', '.join(NEEDED)}"
            assert f'{sys.executable} -m pip install "torch>=2.6"' in end["hint"]


def test_what_is_too_old_is_missing(tmp_path: Path):
    for name, version in {"torch": "2.5.1+cu124", "SimpleITK": "2.3.1", "numpy": "2.0.2"}.items():
        package(tmp_path, name, version)
    package(tmp_path, "safetensors", None)
    with bare(tmp_path) as client:
        assert client.message()["missing"] == ["torch>=2.6"]
        assert "torch>=2.6" in client.error("devices")["message"]


def test_what_is_broken_says_why(tmp_path: Path):
    broken = "raise OSError('libcuda.so.1: cannot open shared object file')"
    package(tmp_path, "torch", "2.7.0+cu128", broken)
    for name in ("SimpleITK", "numpy", "safetensors"):
        package(tmp_path, name, "99.0")
    with bare(tmp_path) as client:
        assert client.message()["missing"] == []
        for do, fields in requests(tmp_path):
            end = client.error(do, **fields)
            assert end["kind"] == "DependencyError"
            assert "torch is in" in end["message"]
            assert "libcuda.so.1: cannot open shared object file" in end["message"]
            assert "--no-deps torch" in end["hint"]


def test_what_is_installed_meanwhile_is_found(tmp_path: Path):
    with bare(tmp_path) as client:
        assert client.message()["missing"] == list(NEEDED)
        assert ", numpy" in client.error("devices")["message"]
        for name in ("SimpleITK", "numpy", "safetensors"):
            package(tmp_path, name, "99.0")
        assert client.error("devices")["message"].endswith(": torch>=2.6")


def test_a_folder_without_a_module_is_no_package(tmp_path: Path):
    (tmp_path / "torch").mkdir()
    package(tmp_path, "numpy", None)
    with bare(tmp_path) as client:
        assert client.message()["missing"] == ["torch>=2.6", "SimpleITK>=2.3", "safetensors>=0.4.5"]


@pytest.mark.parametrize(
    ("version", "lowest", "met"),
    [
        ("2.7.0+cu128", "2.6", True),
        ("2.6", "2.6", True),
        ("2.6.0", "2.6", True),
        ("2.10.0", "2.6", True),
        ("2.5.1", "2.6", False),
        ("2.6.0.dev20250101+cpu", "2.6", True),
        ("3", "2.6", True),
        ("0.4.5rc1", "0.4.5", True),
        ("0.4", "0.4.5", False),
        ("unknown", "2.6", False),
    ],
)
def test_versions_are_compared_by_their_numbers(version: str, lowest: str, met: bool):
    assert satisfies(version, lowest) is met


def test_packaging_agrees_on_releases():
    """Oracle, where it is: every installed distribution against a few limits."""
    from packaging.version import Version

    found = {distribution.version for distribution in importlib.metadata.distributions()}
    released = {version for version in found if re.fullmatch(r"[\d.]+(\+\S+)?", version)}
    assert len(released) > 10
    for version in released:
        for lowest in ("0.4.5", "1.26", "2", "2.6", "10.0.1"):
            public = Version(version).public
            assert satisfies(version, lowest) == (Version(public) >= Version(lowest))
