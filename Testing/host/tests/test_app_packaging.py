"""slicer.packaging and pip_install: what is installed is looked up, what would be installed is recorded."""

import importlib
import subprocess

import pytest
from packaging.requirements import Requirement

import slicerhost


@pytest.fixture
def packaging(host):
    return importlib.import_module("slicer.packaging")


def test_it_is_no_attribute_until_it_is_imported(host):
    assert not hasattr(host, "packaging")
    import slicer.packaging

    assert host.packaging is slicer.packaging
    slicerhost.reset()
    assert not hasattr(host, "packaging")


def test_in_5_10_there_is_none(host):
    slicerhost.pretend(version="5.10")
    with pytest.raises(ImportError):
        importlib.import_module("slicer.packaging")
    host.util.pip_install("a b")
    assert slicerhost.installations[0].requirements == ["a", "b"]
    with pytest.raises(TypeError):
        host.util.pip_install("a", constraints="c")


@pytest.mark.parametrize(
    ("requirement", "met"),
    [
        ("numpy", True),
        ("numpy>=1 pytest", True),
        (["numpy", "no-such-package"], False),
        ("numpy>=1000", False),
        ("no-such-package; sys_platform == 'nowhere'", True),
        ("NumPy", True),
    ],
)
def test_what_is_installed(packaging, requirement, met):
    assert packaging.pip_check(requirement) is met


def test_requirements_of_a_file(packaging, tmp_path):
    (tmp_path / "r.txt").write_text("# comment\n\n-c x.txt\ntorch>=2.6\n")
    assert [str(each) for each in packaging.load_requirements(tmp_path / "r.txt")] == ["torch>=2.6"]


def test_a_comment_behind_a_requirement_is_refused(packaging, tmp_path):
    (tmp_path / "r.txt").write_text("torch>=2.6  # newest\n")
    with pytest.raises(ValueError, match="torch"):
        packaging.load_requirements(tmp_path / "r.txt")


def test_dependencies_of_a_project(packaging, tmp_path):
    (tmp_path / "p.toml").write_text('[project]\ndependencies = ["torch>=2.6"]\n')
    assert [each.name for each in packaging.load_pyproject_dependencies(tmp_path / "p.toml")] == ["torch"]
    (tmp_path / "p.toml").write_text("[tool]\n")
    with pytest.raises(KeyError):
        packaging.load_pyproject_dependencies(tmp_path / "p.toml")


def test_what_is_missing_is_installed_after_asking(packaging):
    slicerhost.dialogs.answer(True)
    packaging.pip_ensure([Requirement("numpy"), Requirement("no-such-package>=2")], requester="MRIEnhance")
    assert [each.requirements for each in slicerhost.installations] == [["no-such-package>=2"]]
    assert slicerhost.dialogs[0].title.strip().startswith("MRIEnhance")
    assert "no-such-package>=2" in slicerhost.dialogs[0].detail


def test_declined(packaging):
    slicerhost.dialogs.answer(False)
    with pytest.raises(RuntimeError, match="declined"):
        packaging.pip_ensure([Requirement("no-such-package")])
    assert slicerhost.installations == []


@pytest.mark.parametrize("given", ["numpy", ["numpy"]])
def test_texts_are_no_requirements(packaging, given):
    """Slicer asks them for their markers, or goes through their letters."""
    with pytest.raises(TypeError, match="Requirement"):
        packaging.pip_ensure(given)


def test_nothing_is_asked_where_nothing_is_missing(packaging):
    assert packaging.pip_ensure([Requirement("numpy")]) is None
    assert slicerhost.dialogs == []


def test_in_testing_mode_nothing_is_installed_and_nothing_is_said(packaging):
    slicerhost.pretend(testing=True)
    packaging = importlib.import_module("slicer.packaging")
    assert packaging.pip_ensure([Requirement("no-such-package")]) is None
    assert slicerhost.installations == []


def test_without_asking(packaging):
    packaging.pip_ensure([Requirement("no-such-package")], prompt_install=False)
    assert slicerhost.dialogs == []
    assert slicerhost.installations[0].options["show_progress"] is True


def test_an_installation_can_be_made_to_fail(packaging):
    slicerhost.installations.fails = True
    with pytest.raises(subprocess.CalledProcessError):
        packaging.pip_ensure([Requirement("no-such-package")], prompt_install=False)


def test_pip_install_of_util_is_the_same(host, packaging):
    host.util.pip_install("torch", constraints="c.txt")
    host.util.pip_uninstall(["torch"])
    assert [each.command for each in slicerhost.installations] == ["install", "uninstall"]
    assert slicerhost.installations[0].options["constraints"] == "c.txt"


@pytest.mark.parametrize("options", [{"no_deps_requirements": "b"}, {"blocking": False}])
def test_skipping_excludes_other_ways(packaging, options):
    with pytest.raises(ValueError, match="skip_packages"):
        packaging.pip_install("a", skip_packages=["c"], **options)


def test_a_non_blocking_installation_is_completed_later(packaging):
    codes = []
    packaging.pip_install("a", blocking=False, completedCallback=codes.append)
    assert codes == []
    assert slicerhost.process_events_until(lambda: bool(codes), 10)
    assert codes == [0]


def test_the_pytorch_extension_is_absent(host):
    with pytest.raises(ImportError):
        importlib.import_module("PyTorchUtils")
