"""Starting costs little: the heavy packages are loaded when they are first needed, and not before."""

import re
import subprocess
import sys

import pytest

HEAVY = {"torch", "SimpleITK", "safetensors", "lightning_fabric", "torchmetrics", "matplotlib", "scipy", "h5py", "yaml"}


def loaded_by(code: str) -> set[str]:
    """Top-level modules that a fresh interpreter loads for `code`, even if it ends with an exit."""
    done = subprocess.run([sys.executable, "-X", "importtime", "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return {name.split(".")[0] for name in re.findall(r"^import time:.*\| +(\S+)$", done.stderr, re.MULTILINE)}


def test_importing_the_package_loads_nothing_from_outside() -> None:
    bare = loaded_by("pass")
    extra = loaded_by("import mrienhance; dir(mrienhance)") - bare
    assert "mrienhance" in extra
    assert extra - {"mrienhance"} <= set(sys.stdlib_module_names)


def test_an_error_class_loads_nothing_heavy() -> None:
    assert not loaded_by("import mrienhance; mrienhance.ImageError") & HEAVY


@pytest.mark.parametrize("arguments", [["--help"], ["--version"], ["super-resolve", "--help"]])
def test_help_loads_nothing_heavy(arguments: list[str]) -> None:
    code = f"import sys; sys.argv[1:] = {arguments!r}; from mrienhance.cli.main import main; sys.exit(main())"
    loaded = loaded_by(code)
    assert "mrienhance" in loaded
    assert not loaded & (HEAVY | {"numpy"})


def test_reading_an_image_loads_no_network() -> None:
    """Images need SimpleITK and torch; metrics, figures and training stay out."""
    loaded = loaded_by("import mrienhance; mrienhance.read_image")
    assert "SimpleITK" in loaded
    assert not loaded & {"lightning_fabric", "torchmetrics", "matplotlib"}
