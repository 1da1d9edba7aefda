"""The cases of a batch run: which there are in a folder, and the volume of each."""

from __future__ import annotations

import fnmatch
import gzip
import math
import os
import zlib
from dataclasses import dataclass
from pathlib import Path

import SimpleITK as sitk
from slicer.i18n import tr as _

from MRIEnhanceBridge.errors import BridgeError
from MRIEnhanceBridge.series import holds_dicom, is_dicom, read_series

SUFFIXES = (".nii.gz", ".nii", ".nrrd", ".nhdr", ".mha", ".mhd")
"""Files with one of these endings are volumes."""
_SEGMENTATIONS = (".seg.nrrd", ".seg.nhdr")
_CHUNK = 1 << 20


@dataclass(frozen=True)
class Case:
    """One volume to work on.

    Parameters
    ----------
    name
        What its results are named after.
    path
        A file, or a folder with one DICOM series.
    """

    name: str
    path: Path

    def read(self) -> sitk.Image:
        """Read the volume.

        Returns
        -------
        SimpleITK.Image
            As it is in the file, left-handed axes too; a fourth dimension of length one is dropped.

        Raises
        ------
        BridgeError
            If it cannot be read, or is not complete.
        """
        image = read_series(self.path) if self.path.is_dir() else _read_file(self.path)
        if image.GetDimension() == 4 and image.GetSize()[3] == 1:
            image = image[:, :, :, 0]
        return image


def find_cases(source: Path, *, pattern: str | None = None, leave_out: Path | None = None) -> list[Case]:
    """The cases in a folder, sorted by name.

    Image files and folders with DICOM files are cases, and so is the folder itself if there are DICOM files in it.
    Hidden files and Slicer's segmentations are none. Other folders are not searched.

    Parameters
    ----------
    source
        The folder; or one file, which is the only case then.
    pattern
        Only files and folders whose names match; such files are taken whatever they end with.
    leave_out
        A folder (resolved path) that is none, because the results go there.

    Raises
    ------
    BridgeError
        If there is no such folder, it cannot be read, or there is no case in it.
    """
    if source.is_file():
        return [Case(_stem(source.name), source)]
    try:
        entries = sorted(source.iterdir(), key=lambda entry: (entry.name.casefold(), entry.name))
    except OSError as error:
        reason = error.strerror or str(error)
        message = _("the input {folder} cannot be read: {reason}").format(folder=source, reason=reason.lower())
        raise BridgeError(message, _("check the path")) from error
    cases = [
        Case(entry.name if entry.is_dir() else _stem(entry.name), entry)
        for entry in entries
        if not entry.name.startswith(".") and entry.resolve() != leave_out and _is_case(entry, pattern)
    ]
    if holds_dicom(source):
        cases.append(Case(source.name or "input", source))
    if not cases:
        wanted = pattern or " ".join(f"*{suffix}" for suffix in SUFFIXES)
        message = _("there is no case in {folder}: no {wanted}, and no folder with a DICOM series")
        raise BridgeError(message.format(folder=source, wanted=wanted), _("check the path and the pattern"))
    return cases


def _is_case(entry: Path, pattern: str | None) -> bool:
    name = entry.name
    if pattern is not None and not fnmatch.fnmatch(name, pattern):
        return False
    if entry.is_dir():
        return holds_dicom(entry)
    known = name.lower().endswith(SUFFIXES) and not name.lower().endswith(_SEGMENTATIONS)
    # A DICOM file is a slice of a case, not one of its own.
    return known or (pattern is not None and not is_dicom(entry))


def _stem(name: str) -> str:
    suffix = next((suffix for suffix in SUFFIXES if name.lower().endswith(suffix)), os.path.splitext(name)[1])
    return name[: len(name) - len(suffix)] or name


def _read_file(path: Path) -> sitk.Image:
    try:
        if path.name.lower().endswith((".nii", ".nii.gz")):
            _check_nifti(path)
        return sitk.ReadImage(str(path))
    except (RuntimeError, OSError, EOFError, zlib.error) as error:
        problem = _("the file is damaged, or no volume")
        if not os.access(path, os.R_OK):
            problem = _("the file is not there, or not yours to read")
        message = _("{path} cannot be read: {problem}").format(path=path, problem=problem)
        raise BridgeError(message, _("copy it again from its source"), details=str(error)) from error


def _check_nifti(path: Path) -> None:
    """Notice a file that was cut short. ITK fills what is missing with zeros, and says nothing."""
    size = 0
    with gzip.open(path) if _is_packed(path) else open(path, "rb") as stream:
        while chunk := stream.read(_CHUNK):
            size += len(chunk)
    reader = sitk.ImageFileReader()
    reader.SetFileName(str(path))
    reader.ReadImageInformation()
    offset, bits = (float(reader.GetMetaData(key)) for key in ("vox_offset", "bitpix"))
    expected = offset + math.prod(reader.GetSize()) * bits / 8
    if size < expected:
        raise EOFError(f"{path} has {size} bytes instead of {expected:.0f}")


def _is_packed(path: Path) -> bool:
    with open(path, "rb") as stream:
        return stream.read(2) == b"\x1f\x8b"
