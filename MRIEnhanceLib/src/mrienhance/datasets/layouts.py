"""The layouts that data sets are distributed in, by the names that users type."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from mrienhance.datasets.scan import Found
from mrienhance.errors import UsageError

# From the most peculiar to what anything is: the first that recognises a folder has it.
_MODULES = {
    "skm-tea": "skm_tea",
    "fastmri": "fastmri",
    "brats": "brats",
    "ixi": "ixi",
    "bids": "bids",
    "dicom": "dicom",
    "plain": "plain",
}
_WITH_TABLES = "fastmri"
NAMES = tuple(_MODULES)
"""All layouts."""
AUTO = "auto"


@dataclass(frozen=True)
class Layout:
    """A layout: what it is called, whether a folder has it, and what is found in one."""

    name: str
    title: str
    recognises: Callable[[Path], bool]
    finder: Callable[..., Found]

    def find(self, folder: Path, labels: Sequence[Path] = ()) -> Found:
        """Find all that a folder holds.

        Parameters
        ----------
        folder
            The data set's.
        labels
            Files of fastMRI+ that lie elsewhere.

        Raises
        ------
        UsageError
            If there are labels for a layout that has none in such files, or they are not what they should be.
        """
        if self.name == _WITH_TABLES:
            return self.finder(folder, labels)
        if labels:
            raise UsageError("files of labels are for fastMRI", hint="leave out --labels")
        return self.finder(folder)


def get_layout(name: str) -> Layout:
    """A layout by its name.

    Raises
    ------
    UsageError
        If there is none.
    """
    if name not in _MODULES:
        raise UsageError(f"there is no layout {name!r}", hint=f"choose one of {', '.join((AUTO, *NAMES))}")
    module = importlib.import_module(f"mrienhance.datasets.{_MODULES[name]}")
    return Layout(name, module.TITLE, module.recognises, module.find)


def layout_of(folder: Path, name: str = AUTO) -> Layout:
    """The layout of a folder: the one that was named, or the first that recognises it.

    Raises
    ------
    UsageError
        If there is no such folder or layout, or none recognises it.
    """
    if not folder.is_dir():
        raise UsageError(f"no folder {folder}", hint="give the folder of a data set")
    if name != AUTO:
        return get_layout(name)
    found = next((layout for layout in map(get_layout, NAMES) if layout.recognises(folder)), None)
    if found is None:
        raise UsageError(f"no images in {folder}", hint=f"give the folder of a data set: {', '.join(NAMES)}")
    return found
