"""The cases of a batch run: which there are in a folder, and the volume of those that hold one."""

from __future__ import annotations

import fnmatch
import gzip
import math
import os
import zlib
from collections import Counter
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from pathlib import Path

import SimpleITK as sitk
from slicer.i18n import tr as _

from MRIEnhanceBridge.errors import BridgeError
from MRIEnhanceBridge.series import holds_dicom, is_dicom, read_series

_CHUNK = 1 << 20


@dataclass(frozen=True)
class Kind:
    """What the cases of a run are.

    Parameters
    ----------
    suffixes
        Files with one of these endings are cases,
    but_not
        except for those with one of these.
    series
        Whether folders with a DICOM series are cases too.
    hint
        What to do where there is no case.
    """

    suffixes: tuple[str, ...]
    but_not: tuple[str, ...]
    series: bool
    hint: str

    def stem(self, name: str) -> str:
        """The name of a file without its ending."""
        suffix = next((suffix for suffix in self.suffixes if name.lower().endswith(suffix)), os.path.splitext(name)[1])
        return name[: len(name) - len(suffix)] or name


IMAGES = Kind(
    suffixes=(".nii.gz", ".nii", ".nrrd", ".nhdr", ".mha", ".mhd"),
    but_not=(".seg.nrrd", ".seg.nhdr"),
    series=True,
    hint=_("check the path and the pattern"),
)
"""Volumes; Slicer's segmentations are none."""
_PAIR = (".cfl", ".hdr")
KSPACE = Kind(
    suffixes=(".h5", ".hdf5", ".mrd", *_PAIR, ".npy", ".npz"),
    but_not=(),
    series=False,
    hint=_("check the path and the pattern; --simulate takes volumes"),
)
"""Raw data; a pair of BART's files is one case, named by its data or, without them, by its header."""


@dataclass(frozen=True)
class Case:
    """One volume, or the raw data of one.

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


def find_cases(
    source: Path, *, kind: Kind = IMAGES, pattern: str | None = None, leave_out: Collection[Path] = ()
) -> list[Case]:
    """The cases in a folder, sorted by name.

    Files of the kind are cases. Of volumes, so are folders with DICOM files, and the folder itself if there are DICOM
    files in it. Hidden files are none. Other folders are not searched.

    Parameters
    ----------
    source
        The folder; or one file, which is the only case then.
    kind
        What is looked for.
    pattern
        Only files and folders whose names match; such files are taken whatever they end with.
    leave_out
        Files and folders (resolved paths) that are none: where the results go, for instance. One file of a pair of
        BART's stands for both.

    Raises
    ------
    BridgeError
        If there is no such folder, it cannot be read, or there is no case in it.
    """
    if source.is_file():
        return [Case(kind.stem(source.name), source)]
    try:
        entries = sorted(source.iterdir(), key=lambda entry: (entry.name.casefold(), entry.name))
    except OSError as error:
        reason = error.strerror or str(error)
        message = _("the input {folder} cannot be read: {reason}").format(folder=source, reason=reason.lower())
        raise BridgeError(message, _("check the path")) from error
    others = {half for path in leave_out for half in _halves(path)}
    chosen = [entry for entry in entries if entry.resolve() not in others and _is_case(entry, kind, pattern)]
    whole = frozenset(chosen)
    cases = [
        Case(entry.name if entry.is_dir() else kind.stem(entry.name), entry)
        for entry in chosen
        if not _is_second_half(entry, kind, whole)
    ]
    if kind.series and holds_dicom(source):
        cases.append(Case(source.name or "input", source))
    if not cases:
        raise _no_case(source, kind, pattern)
    return cases


def check_names(cases: Sequence[Case]) -> None:
    """Refuse cases whose results would have one name, also where upper and lower case are one.

    Raises
    ------
    BridgeError
        If there are any; it names them.
    """
    counts = Counter(case.name.casefold() for case in cases)
    twins = [case.path.name for case in cases if counts[case.name.casefold()] > 1]
    if twins:
        message = _("these cases would have results of the same name: {names}").format(names=", ".join(twins))
        raise BridgeError(message, _("rename them, or choose some with --pattern"))


def _no_case(source: Path, kind: Kind, pattern: str | None) -> BridgeError:
    wanted = pattern or " ".join(f"*{suffix}" for suffix in kind.suffixes)
    message = _("there is no case in {folder}: no {wanted}")
    if kind.series:
        message = _("there is no case in {folder}: no {wanted}, and no folder with a DICOM series")
    return BridgeError(message.format(folder=source, wanted=wanted), kind.hint)


def _is_case(entry: Path, kind: Kind, pattern: str | None) -> bool:
    name = entry.name
    if name.startswith(".") or (pattern is not None and not fnmatch.fnmatch(name, pattern)):
        return False
    if entry.is_dir():
        return kind.series and holds_dicom(entry)
    known = name.lower().endswith(kind.suffixes) and not name.lower().endswith(kind.but_not)
    # A DICOM file is a slice of a case, not one of its own.
    return known or (pattern is not None and not is_dicom(entry))


def _is_second_half(entry: Path, kind: Kind, chosen: frozenset[Path]) -> bool:
    """Whether this is the header of raw data whose other half is a case."""
    data, header = _PAIR
    return kind is KSPACE and entry.suffix == header and entry.with_suffix(data) in chosen


def _halves(path: Path) -> tuple[Path, ...]:
    return tuple(path.with_suffix(suffix) for suffix in _PAIR) if path.suffix in _PAIR else (path,)


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
