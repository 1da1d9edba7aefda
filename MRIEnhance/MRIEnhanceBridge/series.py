"""One DICOM series from a folder, for batch runs: without Slicer's DICOM database, which would keep what it reads."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import SimpleITK as sitk
from slicer.i18n import tr as _

from MRIEnhanceBridge.errors import BridgeError

_POSITION, _ORIENTATION, _DESCRIPTION = "0020|0032", "0020|0037", "0008|103e"
_RESCALE = ("0028|1052", "0028|1053")
_LISTED = 8
# Positions are short texts, and some scanners round them to 0.1 mm; a slice that is missing is an error of 100 %.
_UNEVEN = 0.1


def holds_dicom(folder: Path) -> bool:
    """Whether there is a DICOM file in the folder itself."""
    return any(is_dicom(file) for file in _files(folder))


def is_dicom(file: Path) -> bool:
    """Whether a file is marked as DICOM, whatever its name is."""
    try:
        with open(file, "rb") as stream:
            return stream.read(132)[128:] == b"DICM"
    except OSError:
        return False


def read_series(folder: Path) -> sitk.Image:
    """Read the one series in a folder, its slices in the order of their places.

    Parameters
    ----------
    folder
        Holds the files; folders in it are not searched.

    Returns
    -------
    SimpleITK.Image
        Columns, rows, slices; rescale slope and intercept applied.

    Raises
    ------
    BridgeError
        If there is not exactly one series, a file cannot be read, or the slices are no even stack.
    """
    names = sitk.ImageSeriesReader.GetGDCMSeriesIDs(str(folder))
    series = {name: sitk.ImageSeriesReader.GetGDCMSeriesFileNames(str(folder), name) for name in names}
    _check_complete(folder, {os.path.basename(file) for files in series.values() for file in files})
    if len(series) != 1:
        message = _("{folder} holds {count} DICOM series: {series}")
        raise BridgeError(
            message.format(folder=folder, count=len(series), series=_listing(series) or _("no images")),
            _("put the files of each series into a folder of its own"),
        )
    (files,) = series.values()
    try:
        return sitk.ReadImage(files[0]) if len(files) == 1 else _stack(folder, files)
    except BridgeError:
        raise
    except RuntimeError as error:
        message = _("the DICOM series in {folder} cannot be read").format(folder=folder)
        raise BridgeError(message, _("copy it again: a file may be damaged"), details=str(error)) from error


def _files(folder: Path) -> list[Path]:
    try:
        return sorted(entry for entry in folder.iterdir() if entry.is_file() and entry.name.upper() != "DICOMDIR")
    except OSError:
        return []


def _check_complete(folder: Path, listed: set[str]) -> None:
    """Refuse files that GDCM leaves out without a word, as it does with damaged ones."""
    left_out = [file.name for file in _files(folder) if file.name not in listed and is_dicom(file)]
    if left_out:
        message = _("{count} DICOM file(s) in {folder} cannot be read, the first is {file}")
        raise BridgeError(
            message.format(count=len(left_out), folder=folder, file=left_out[0]),
            _("copy the series again: files may be cut short"),
        )


def _listing(series: dict[str, Sequence[str]]) -> str:
    parts = []
    for name, files in list(series.items())[:_LISTED]:
        title = _header(files[0]).get(_DESCRIPTION, "").strip() or name
        parts.append(_("{title} ({count} files)").format(title=title, count=len(files)))
    return ", ".join(parts) + (" ..." if len(series) > _LISTED else "")


def _header(file: str) -> dict[str, str]:
    reader = sitk.ImageFileReader()
    reader.SetFileName(file)
    reader.ReadImageInformation()
    return {
        key: reader.GetMetaData(key)
        for key in (_POSITION, _ORIENTATION, _DESCRIPTION, *_RESCALE)
        if reader.HasMetaDataKey(key)
    }


def _stack(folder: Path, files: Sequence[str]) -> sitk.Image:
    headers = [_header(file) for file in files]
    # GDCM sorts by place too, but by numbers and names where it cannot; then the order would be wrong in silence.
    order = np.argsort(_places(folder, headers), kind="stable")
    reader = sitk.ImageSeriesReader()
    reader.SetFileNames([files[index] for index in order])
    if len({tuple(header.get(key, "").strip() for key in _RESCALE) for header in headers}) > 1:
        # ITK gives all slices the pixel type of the first, which would round the others.
        reader.SetOutputPixelType(sitk.sitkFloat32)
    return reader.Execute()


def _places(folder: Path, headers: Sequence[dict[str, str]]) -> np.ndarray:
    """How far along their normal the slices lie, in mm; they must be parallel and evenly spaced."""
    if not all(_POSITION in header and _ORIENTATION in header for header in headers):
        raise _refusal(folder, _("they do not say where they are"))
    axes = np.array([_numbers(header[_ORIENTATION]) for header in headers])
    if np.abs(axes - axes[0]).max() > 1e-3:
        raise _refusal(folder, _("they are not parallel"))
    positions = np.array([_numbers(header[_POSITION]) for header in headers])
    places = positions @ np.cross(axes[0, :3], axes[0, 3:])
    steps = np.diff(np.sort(places))
    if steps.min() <= _UNEVEN * steps.max():
        raise _refusal(folder, _("several lie in the same place (echoes, phases or time points?)"))
    if np.abs(steps - np.median(steps)).max() > _UNEVEN * np.median(steps):
        spread = _("they lie {low} to {high} mm apart (is one missing?)")
        raise _refusal(folder, spread.format(low=f"{steps.min():.3g}", high=f"{steps.max():.3g}"))
    return places


def _numbers(text: str) -> list[float]:
    return [float(number) for number in text.split("\\")]


def _refusal(folder: Path, problem: str) -> BridgeError:
    message = _("the DICOM slices in {folder} form no volume: {problem}").format(folder=folder, problem=problem)
    return BridgeError(message, _("export the original series again, one folder a series"))
