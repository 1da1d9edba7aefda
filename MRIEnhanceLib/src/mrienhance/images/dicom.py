"""One DICOM series from a folder."""

from __future__ import annotations

import contextlib
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import SimpleITK as sitk
from numpy.typing import NDArray

from mrienhance.errors import ImageError
from mrienhance.images.intact import check_noise
from mrienhance.images.quiet import quiet

_POSITION, _ORIENTATION = "0020|0032", "0020|0037"
_DESCRIPTION = "0008|103e"
_RESCALE = ("0028|1052", "0028|1053")
_WINDOW = ("0028|1050", "0028|1051", "0028|1055")
_MAXIMUM_LISTED = 8
# Positions are text of limited length and some scanners round them to 0.1 mm; a missing slice is an error of 100 %.
_UNEVEN = 0.1


def read_series(folder: Path, *, series: str | None = None) -> sitk.Image:
    """Read the one DICOM series in a folder, or one of several, slices in geometric order.

    Metadata that all slices share are kept; a window that differs between slices is taken from the middle one.

    Parameters
    ----------
    folder
        Holds the files themselves; subfolders are not searched.
    series
        Its identifier, a key of `series_in`, where there may be several.

    Returns
    -------
    SimpleITK.Image
        Size (columns, rows, slices), values after the rescale slope and intercept.

    Raises
    ------
    ImageError
        If there is no series or more than one, if a file is damaged, or if slices are missing, doubled or at an angle.
    """
    try:
        with quiet() as noise:
            image = _read(folder, series)
    except RuntimeError as error:
        raise ImageError(
            f"cannot read the DICOM series in {folder}: its slices do not form one volume",
            hint="open it in a DICOM viewer to see what it holds, or convert it to NIfTI",
        ) from error
    check_noise(folder, noise.text)
    return image


def series_in(folder: Path) -> dict[str, tuple[tuple[str, ...], dict[str, str]]]:
    """The DICOM series in a folder: identifier to files and the header of the first, with tags such as ``0008|103e``.

    Parameters
    ----------
    folder
        Holds the files themselves; subfolders are not searched. Files that cannot be read are left out.
    """
    found: dict[str, tuple[tuple[str, ...], dict[str, str]]] = {}
    with quiet():
        for name in sitk.ImageSeriesReader.GetGDCMSeriesIDs(str(folder)):
            files = tuple(_files(folder, name))
            with contextlib.suppress(RuntimeError):
                found[name] = (files, _header(files[0]))
    return found


def _read(folder: Path, only: str | None) -> sitk.Image:
    series = {name: _files(folder, name) for name in sitk.ImageSeriesReader.GetGDCMSeriesIDs(str(folder))}
    _check_readable(folder, {Path(file).name for files in series.values() for file in files})
    if only is not None:
        series = {name: files for name, files in series.items() if name == only}
    if not series:
        raise ImageError(
            f"no DICOM images in {folder}",
            hint="give the folder that holds the files of the series; subfolders are not searched",
        )
    if len(series) > 1:
        raise ImageError(
            f"{folder} holds {len(series)} DICOM series: {_listing(series)}",
            hint="put the files of the one you want into a folder of their own",
        )
    (files,) = series.values()
    if len(files) == 1:  # also a multi-frame file, which is a volume by itself
        return sitk.ReadImage(files[0])
    headers = [_header(file) for file in files]
    # GDCM sorts by place too, but falls back on numbers and names where it cannot.
    order = np.argsort(_places(folder, headers), kind="stable")
    return _stack([files[index] for index in order], [headers[index] for index in order])


def _files(folder: Path, series: str) -> Sequence[str]:
    files: Sequence[str] = sitk.ImageSeriesReader.GetGDCMSeriesFileNames(str(folder), series)
    return files


def _check_readable(folder: Path, read: set[str]) -> None:
    """Refuse DICOM files that GDCM leaves out without a word, as it does with damaged ones."""
    left_out = sorted(
        file.name
        for file in folder.iterdir()
        if file.is_file() and file.name not in read and file.name.upper() != "DICOMDIR" and is_dicom(file)
    )
    if left_out:
        raise ImageError(
            f"{len(left_out)} DICOM file(s) in {folder} cannot be read, the first is {left_out[0]}",
            hint="copy the series again: files may be truncated or damaged",
        )


def is_dicom(file: Path) -> bool:
    """Whether a file begins as DICOM files do."""
    with open(file, "rb") as stream:
        return stream.read(132)[128:] == b"DICM"


def _header(file: str) -> dict[str, str]:
    reader = sitk.ImageFileReader()
    reader.SetFileName(file)
    reader.ReadImageInformation()
    return {key: reader.GetMetaData(key) for key in reader.GetMetaDataKeys() if "|" in key}


def _listing(series: dict[str, Sequence[str]]) -> str:
    lines = []
    for name, files in list(series.items())[:_MAXIMUM_LISTED]:
        description = _header(files[0]).get(_DESCRIPTION, "").strip() or "without description"
        lines.append(f"{description} ({len(files)} files, {name})")
    more = ", ..." if len(series) > _MAXIMUM_LISTED else ""
    return ", ".join(lines) + more


def _places(folder: Path, headers: list[dict[str, str]]) -> NDArray[np.float64]:
    """The distance of each slice along the normal, in mm, after checking that they form an even stack."""
    if not all(_POSITION in header and _ORIENTATION in header for header in headers):
        raise ImageError(
            f"the DICOM slices in {folder} do not say where they are (no Image Position or Orientation)",
            hint="export the original series from the scanner or the archive",
        )
    orientation = np.array([_numbers(header[_ORIENTATION]) for header in headers])
    if np.abs(orientation - orientation[0]).max() > 1e-3:
        raise ImageError(
            f"the DICOM slices in {folder} are not parallel",
            hint="localizers are not volumes: choose another series",
        )
    normal = np.cross(orientation[0, :3], orientation[0, 3:])
    places: NDArray[np.float64] = np.array([_numbers(header[_POSITION]) for header in headers]) @ normal
    steps = np.diff(np.sort(places))
    if steps.min() <= _UNEVEN * steps.max():
        raise ImageError(
            f"the DICOM series in {folder} has several slices in the same place",
            hint="it holds echoes, phases or time points: put the files of one of them into a folder of their own",
        )
    step = np.median(steps)
    if np.abs(steps - step).max() > _UNEVEN * step:
        raise ImageError(
            f"the DICOM slices in {folder} are not evenly spaced: {steps.min():.3g} to {steps.max():.3g} mm apart",
            hint="a slice is missing: copy the series again",
        )
    return places


def _numbers(text: str) -> list[float]:
    return [float(number) for number in text.split("\\")]


def _stack(files: Sequence[str], headers: list[dict[str, str]]) -> sitk.Image:
    reader = sitk.ImageSeriesReader()
    reader.SetFileNames(files)
    if len({tuple(header.get(key, "").strip() for key in _RESCALE) for header in headers}) > 1:
        # ITK takes the pixel type of the first slice for all of them, and would round the others.
        reader.SetOutputPixelType(sitk.sitkFloat32)
    image: sitk.Image = reader.Execute()
    first, middle = headers[0], headers[len(headers) // 2]
    kept = {key: value for key, value in first.items() if all(header.get(key) == value for header in headers)}
    kept |= {key: middle[key] for key in _WINDOW if key in middle}
    for key, value in kept.items():
        image.SetMetaData(key, value)
    return image
