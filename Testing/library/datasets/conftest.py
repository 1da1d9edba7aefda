"""Data sets that were prepared once for all tests that only look at them."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pytest

from datasets import replicas
from mrienhance.datasets import Prepared, PrepareOptions, VisitOptions
from mrienhance.datasets import prepare as prepare_with_figures


@pytest.fixture(scope="session")
def ixi(tmp_path_factory: pytest.TempPathFactory) -> Prepared:
    folder = tmp_path_factory.mktemp("ixi")
    return prepare_with_figures(replicas.ixi(folder / "IXI"), folder / "out")


@pytest.fixture(scope="session")
def glioma(tmp_path_factory: pytest.TempPathFactory) -> Prepared:
    """BraTS 2023: two visits of one person, one of another."""
    folder = tmp_path_factory.mktemp("brats")
    return prepare_with_figures(replicas.brats2023(folder / "BraTS"), folder / "out")


def prepare(
    folder: Path, output: Path, options: PrepareOptions | None = None, *, strict: bool = False, **more: Any
) -> Prepared:
    """Prepare a data set without figures, which take longest."""
    visit = VisitOptions(figures=False, strict=strict)
    return prepare_with_figures(folder, output, options or PrepareOptions(visit=visit), **more)


def copied(prepared: Prepared, folder: Path) -> Path:
    """A copy of a prepared data set with the same times, to be changed."""
    return shutil.copytree(prepared.dataset.folder, folder)
