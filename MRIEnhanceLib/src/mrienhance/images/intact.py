"""Whether a file is all there: several of ITK's readers fill in what is missing or damaged, and say nothing."""

from __future__ import annotations

import math
import re
import zlib
from pathlib import Path
from typing import IO

import SimpleITK as sitk

from mrienhance.errors import ImageError

_HINT = "copy it again from its source: the copy may have been cut short"
# Said by libtiff, which then returns fewer slices.
_COMPLAINTS = re.compile(r"TIFFFetchDirectory|TIFFReadDirectory: Failed")
_GZIP = b"\x1f\x8b"
_CHUNK = 1 << 20
_LONGEST_HEADER = 1 << 16


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
    """The number of bytes in a file; if it is compressed, what it unpacks to, its checksum compared on the way.

    Parameters
    ----------
    path
        Any file: compressed with gzip as a whole, an NRRD or MetaImage file with compressed voxels, or neither.

    Raises
    ------
    ImageError
        If compressed data end early or their checksum is wrong.
    """
    with open(path, "rb") as file:
        offset = _packed_from(file.read(_LONGEST_HEADER))
        if offset is None:
            return path.stat().st_size
        file.seek(offset)
        try:
            size = _unpacked_size(file)
        except zlib.error as error:
            raise damaged(path) from error
    if size is None:
        raise damaged(path)
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
        If `text` holds a known complaint about missing voxels.
    """
    if _COMPLAINTS.search(text):
        raise damaged(path)


def _packed_from(head: bytes) -> int | None:
    """Where compressed data begin, or None if there are none in this file."""
    if head.startswith(_GZIP):
        return 0
    if head.startswith(b"NRRD") and re.search(rb"^encoding: *gz", head, re.MULTILINE):
        end = re.search(rb"\r?\n\r?\n", head)
        return end.end() if end and not re.search(rb"^data ?file:|skip:", head[: end.end()], re.MULTILINE) else None
    if re.search(rb"^CompressedData *= *True", head, re.MULTILINE):
        end = re.search(rb"^ElementDataFile *= *LOCAL *\r?\n", head, re.MULTILINE)
        return end.end() if end else None
    return None


def _unpacked_size(file: IO[bytes]) -> int | None:
    """The size of the zlib or gzip data in the rest of a file, of one part or several; None if they end early."""
    size = 0
    unpacker = zlib.decompressobj(wbits=47)
    while chunk := file.read(_CHUNK):
        while chunk:
            size += len(unpacker.decompress(chunk))
            chunk = unpacker.unused_data
            if unpacker.eof:
                if not chunk.startswith(_GZIP):  # the end, or padding behind it
                    return size
                unpacker = zlib.decompressobj(wbits=47)
    return None


def _promised(path: Path, reader: sitk.ImageFileReader) -> int:
    """Bytes that the file must hold at least; 0 for the formats whose own reader notices what is missing."""
    if reader.HasMetaDataKey("vox_offset"):  # NIfTI, Analyze
        return _promised_by_nifti(reader)
    header = _raw_header_size(path)
    if header is None:
        return 0
    voxels: int = math.prod(reader.GetSize()) * reader.GetNumberOfComponents()
    component: int = sitk.Image([1, 1], reader.GetPixelID()).GetSizeOfPixelComponent()
    return header + voxels * component


def _promised_by_nifti(reader: sitk.ImageFileReader) -> int:
    dimensions = int(reader.GetMetaData("dim[0]"))
    voxels = math.prod(max(int(reader.GetMetaData(f"dim[{axis}]")), 1) for axis in range(1, dimensions + 1))
    offset = int(float(reader.GetMetaData("vox_offset")))
    return offset + voxels * int(reader.GetMetaData("bitpix")) // 8


def _raw_header_size(path: Path) -> int | None:
    """Where the voxels begin in the other formats without compression whose readers do not notice a short file."""
    suffix = path.suffix.lower()
    if suffix == ".vtk":
        with open(path, "rb") as file:
            head = file.read(_LONGEST_HEADER)
        table = re.search(rb"^LOOKUP_TABLE .*\n", head, re.MULTILINE)
        return table.end() if table and b"\nBINARY" in head[: table.end()] else None
    return {".gipl": 256, ".mrc": 1024}.get(suffix)
