"""The wheel holds all that the library needs, works from where it is unpacked, and asks for what is declared."""

import json
import os
import subprocess
import sys
import zipfile
from email import message_from_string
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

import mrienhance
from repository.source import MADE, PACKAGE, PROJECT, ROOT, imports, library

MIB = 2**20


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel, built once from the working tree."""
    folder = tmp_path_factory.mktemp("wheel")
    command = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(folder)]
    subprocess.run(command, cwd=PROJECT, check=True, capture_output=True, text=True)
    [path] = folder.glob("*.whl")
    return path


@pytest.fixture(scope="module")
def unpacked(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("unpacked")
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(folder)
    return folder


@pytest.fixture(scope="module")
def metadata(unpacked: Path) -> dict[str, list[str]]:
    [path] = unpacked.glob("*.dist-info/METADATA")
    message = message_from_string(path.read_text("utf-8"))
    return {key: message.get_all(key, []) for key in message}


def test_the_wheel_holds_every_file_of_the_package(unpacked: Path) -> None:
    def relative(folder: Path) -> set[str]:
        paths = (path.relative_to(folder) for path in folder.rglob("*") if path.is_file())
        return {path.as_posix() for path in paths if not MADE.intersection(path.parts)}

    assert relative(unpacked / "mrienhance") == relative(PACKAGE)


@pytest.mark.parametrize(
    "pattern",
    [
        "mrienhance/py.typed",
        "mrienhance/models/weights/SHA256SUMS",
        "mrienhance/models/weights/*.safetensors",
        "mrienhance/data/README.md",
        "mrienhance/data/*.nii.gz",
        "mrienhance/data/*.npz",
        "mrienhance/methods/*/recipes/*.yaml",
        "*.dist-info/licenses/LICENSE",
    ],
)
def test_the_wheel_holds_more_than_code(unpacked: Path, pattern: str) -> None:
    assert list(unpacked.glob(pattern))


def test_nothing_else_is_installed(unpacked: Path) -> None:
    assert {path.name.split("-")[0] for path in unpacked.iterdir()} == {"mrienhance"}


def test_the_wheel_is_small(wheel: Path) -> None:
    assert wheel.stat().st_size < 40 * MIB


def test_the_wheel_says_what_it_is(unpacked: Path, metadata: dict[str, list[str]]) -> None:
    assert metadata["Name"] == ["mrienhance"]
    assert metadata["Version"] == [mrienhance.__version__]
    assert metadata["Requires-Python"] == [">=3.10"]
    assert metadata["License-Expression"] == ["Apache-2.0"]
    [entries] = unpacked.glob("*.dist-info/entry_points.txt")
    assert "mrienhance = mrienhance.cli.main:main" in entries.read_text("utf-8")


def test_the_library_works_from_the_wheel(unpacked: Path, tmp_path: Path) -> None:
    """Far from the sources and without any extra: it finds its models, their sums, its methods and its sample."""
    code = """
import json, sys
for extra in ("lightning_fabric", "torchmetrics", "matplotlib", "scipy", "h5py", "ismrmrd"):
    sys.modules[extra] = None  # importing it now fails
import mrienhance
from mrienhance.cli.main import main
from mrienhance.data import sample_path
from mrienhance.methods import all_methods
assert main(["models", "--json"]) == 0
entries = [(entry.name, entry.card.method) for entry in mrienhance.catalogue()]
mrienhance.read_image(sample_path("t1w_slab")), mrienhance.super_resolve
print(json.dumps([mrienhance.__file__, entries, sorted(all_methods()), str(sample_path("t1w_slab"))]))
"""
    done = subprocess.run(
        [sys.executable, "-c", code],
        env=os.environ | {"PYTHONPATH": str(unpacked), "MRIENHANCE_MODELS": str(tmp_path)},
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    file, entries, methods, sample = json.loads(done.stdout.splitlines()[-1])
    assert Path(file).is_relative_to(unpacked)
    assert Path(sample).is_relative_to(unpacked)
    assert {method for _, method in entries} <= set(methods)
    assert {name for name, _ in entries} == {path.stem for path in PACKAGE.glob("models/weights/*.safetensors")}


def test_every_import_is_a_declared_dependency(metadata: dict[str, list[str]]) -> None:
    declared = {canonicalize_name(Requirement(line).name) for line in metadata["Requires-Dist"]}
    distributions = packages_distributions()
    names = {name.split(".")[0] for source in library() for _, name in imports(source)}
    outside = names - {"mrienhance"} - set(sys.stdlib_module_names)
    undeclared = {
        name for name in outside if declared.isdisjoint(map(canonicalize_name, distributions.get(name, [name])))
    }
    assert not undeclared


def test_every_core_dependency_is_used(metadata: dict[str, list[str]]) -> None:
    requirements = map(Requirement, metadata["Requires-Dist"])
    core = {canonicalize_name(requirement.name) for requirement in requirements if requirement.marker is None}
    distributions = packages_distributions()
    names = {name.split(".")[0] for source in library() for _, name in imports(source)}
    used = {canonicalize_name(distribution) for name in names for distribution in distributions.get(name, [])}
    assert core <= used


@pytest.mark.parametrize("python", ["3.10", "3.11", "3.12", "3.13"])
def test_constraints_agree_with_the_dependencies(metadata: dict[str, list[str]], python: str) -> None:
    """Every pin is of something that is asked for, in a version that is asked for, and pinned once."""
    wanted = {canonicalize_name((r := Requirement(line)).name): r for line in metadata["Requires-Dist"]}
    lines = (ROOT / "MRIEnhanceLib" / "constraints.txt").read_text("utf-8").splitlines()
    pins = [Requirement(line) for line in lines if line and not line.startswith("#")]
    pinned = [pin for pin in pins if pin.marker is None or pin.marker.evaluate({"python_version": python})]
    names = [canonicalize_name(pin.name) for pin in pinned]
    assert len(names) == len(set(names))
    assert "torch" in names
    for pin, name in zip(pinned, names, strict=True):
        [specifier] = pin.specifier
        assert specifier.operator == "=="
        assert name in wanted
        assert wanted[name].specifier.contains(specifier.version), f"{pin} is not {wanted[name]}"
