"""Whether a file is all there: several of ITK's readers fill what is missing or damaged with zeros and say nothing."""

from __future__ import annotations

import gzip
import math
import re
import zlib
from pathlib import Path

import SimpleITK as sitk

from mrienhance.errors import ImageError

_HINT = "copy it again from its source: the copy may have been cut short"
# Said by MetaIO and libtiff, which then return an image nonetheless.
_COMPLAINTS = re.compile(r"Uncompress failed|data not read completely|TIFFFetchDirectory|TIFFReadDirectory: Failed")
_UNCOMPRESSED = (".vtk", ".gipl", ".mrc")
_CHUNK = 1 << 20


def damaged(path: Path) -> ImageError:
    """The refusal of a file that is not whole."""
    return ImageError(f"{path} is truncated or damaged", hint=_HINT)


def voxel_file(path: Path) -> Path:
    """The file with the voxels: of an Analyze or NIfTI pair that is named by its header, the other one."""
    if path.suffix.lower() != ".hdr":
        return path
    pair = [path.with_suffix(suffix) for suffix in (".img", ".img.gz", ".IMG")]
    return next((file for file in pair if file.is_file()), path)


def payload_size(path: Path) -> int:
    """The number of bytes in a file, after decompression if it is compressed with gzip.

    Raises
    ------
    ImageError
        If a compressed file ends early or its checksum is wrong.
    """
    with open(path, "rb") as file:
        if file.read(2) != b"\x1f\x8b":
            return path.stat().st_size
    size = 0
    try:
        with gzip.open(path, "rb") as stream:
            while chunk := stream.read(_CHUNK):
                size += len(chunk)
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise damaged(path) from error
    return size


def check_header(path: Path, payload: int, reader: sitk.ImageFileReader) -> None:
    """Refuse a file that is too short for the voxels its header promises, before memory is taken for them.

    Parameters
    ----------
    path
        The file.
    payload
        The bytes it holds: `payload_size` of its `voxel_file`.
    reader
        A reader that has read the header (`ReadImageInformation`).

    Raises
    ------
    ImageError
        If the file is too short.
    """
    if payload < _promised(path, reader):
        raise damaged(path)


def check_noise(path: Path, text: str) -> None:
    """Refuse a file about which a reader complained without failing.

    Raises
    ------
    ImageError
        If `text` holds a known complaint about missing or damaged voxels.
    """
    if _COMPLAINTS.search(text):
        raise damaged(path)


def _promised(path: Path, reader: sitk.ImageFileReader) -> int:
    """Bytes that the file must hold at least; 0 for the formats whose own reader notices what is missing."""
    if reader.HasMetaDataKey("vox_offset"):  # NIfTI, Analyze
        return _promised_by_nifti(reader)
    if path.suffix.lower() not in _UNCOMPRESSED or (path.suffix.lower() == ".vtk" and not _is_binary_vtk(path)):
        return 0
    voxels: int = math.prod(reader.GetSize()) * reader.GetNumberOfComponents()
    return voxels * _voxel_bytes(reader)


def _promised_by_nifti(reader: sitk.ImageFileReader) -> int:
    dimensions = int(reader.GetMetaData("dim[0]"))
    voxels = math.prod(max(int(reader.GetMetaData(f"dim[{axis}]")), 1) for axis in range(1, dimensions + 1))
    offset = int(float(reader.GetMetaData("vox_offset")))
    return offset + voxels * int(reader.GetMetaData("bitpix")) // 8


def _is_binary_vtk(path: Path) -> bool:
    with open(path, "rb") as file:
        return b"BINARY" in file.read(512).splitlines()


def _voxel_bytes(reader: sitk.ImageFileReader) -> int:
    size: int = sitk.Image([1, 1], reader.GetPixelID()).GetSizeOfPixelComponent()
    return size
