"""Images from and to files."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import SimpleITK as sitk

from mrienhance.errors import ImageError, OutputError
from mrienhance.images.dicom import read_series
from mrienhance.images.files import atomic_path, check_output
from mrienhance.images.intact import check_header, check_noise, payload_size, voxel_file
from mrienhance.images.quiet import quiet

IMAGE_SUFFIXES = (".nii.gz", ".nii", ".nrrd", ".mha")
"""What `write_image` writes: formats that keep a volume and its geometry in one file."""


def read_image(path: str | os.PathLike[str]) -> sitk.Image:
    """Read an image from a file, or from a folder that holds one DICOM series.

    The pixel type, the geometry and the metadata (a DICOM window, for instance) are kept as they are. Files that are
    cut short or damaged are refused, also where ITK would fill the missing voxels with zeros.

    Parameters
    ----------
    path
        A file in any format of SimpleITK, or a folder with the slices of one DICOM series.

    Returns
    -------
    SimpleITK.Image
        With any number of dimensions and components; see `check_image` for what the methods can use.

    Raises
    ------
    ImageError
        If there is nothing, or nothing readable, or not exactly one series.

    Examples
    --------
    >>> from mrienhance.data import sample_path
    >>> read_image(sample_path("t1w_slab")).GetSize()
    (288, 288, 24)
    """
    path = Path(path)
    if path.is_dir():
        return read_series(path)
    _check_source(path)
    payload = payload_size(voxel_file(path))  # first, because ITK calls a damaged .nii.gz an unknown format
    reader = sitk.ImageFileReader()
    reader.SetFileName(str(path))
    try:
        with quiet() as noise:
            reader.ReadImageInformation()
            check_header(path, payload, reader)
            image: sitk.Image = reader.Execute()
    except (RuntimeError, MemoryError) as error:
        raise _unreadable(path, error) from error
    check_noise(path, noise.text)
    return image


def write_image(image: sitk.Image, path: str | os.PathLike[str], *, overwrite: bool = False) -> Path:
    """Write an image to one file, which appears whole or not at all.

    Parameters
    ----------
    image
        Any image that the format can hold.
    path
        Ends with ``.nii.gz``, ``.nii``, ``.nrrd`` or ``.mha``. NIfTI keeps spacing, origin and direction in single
        precision and no DICOM window; NRRD and MHA keep all of it.
    overwrite
        Whether a file that is there may be replaced.

    Returns
    -------
    Path
        The file.

    Raises
    ------
    OutputError
        If the suffix is none of those, if the file exists, or if it cannot be written; nothing is left behind then.

    Examples
    --------
    >>> import tempfile
    >>> image = sitk.Image([8, 8, 4], sitk.sitkInt16)
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     write_image(image, Path(folder) / "out.nii.gz").name
    'out.nii.gz'
    """
    path = check_image_output(path, overwrite=overwrite)
    with atomic_path(path, overwrite=overwrite) as temporary:
        try:
            with quiet():
                sitk.WriteImage(image, str(temporary), True)
                _check_written(temporary)
        except (RuntimeError, ImageError) as error:
            raise _unwritten(path, image, error) from error
    return path


def check_image_output(
    path: str | os.PathLike[str], *, overwrite: bool = False, sources: tuple[str | os.PathLike[str], ...] = ()
) -> Path:
    """Refuse an output that `write_image` would refuse, before any work is done for it.

    Parameters
    ----------
    path, overwrite, sources
        As in `check_output`.

    Returns
    -------
    Path
        The same path.

    Raises
    ------
    OutputError
        As in `check_output`, and if no image format belongs to the suffix.

    Examples
    --------
    >>> try:
    ...     check_image_output("out.jpg")
    ... except OutputError as error:
    ...     print(error)
    cannot write out.jpg: its suffix names no format for volumes
    """
    path = Path(path)
    if not path.name.lower().endswith(IMAGE_SUFFIXES):
        hint = f"end the name with one of {' '.join(IMAGE_SUFFIXES)}"
        if path.suffix.lower() in (".mhd", ".nhdr", ".hdr", ".img"):
            raise OutputError(f"cannot write {path}: {path.suffix} is a format of two files", hint=hint)
        raise OutputError(f"cannot write {path}: its suffix names no format for volumes", hint=hint)
    return check_output(path, overwrite=overwrite, sources=sources)


def _check_source(path: Path) -> None:
    try:
        status = path.stat()
        if stat.S_ISREG(status.st_mode):
            path.open("rb").close()
    except FileNotFoundError as error:
        raise ImageError(f"no such file: {path}", hint="check the path") from error
    except OSError as error:
        reason = (error.strerror or str(error)).lower()
        raise ImageError(f"cannot read {path}: {reason}", hint="check the path and its permissions") from error
    if not stat.S_ISREG(status.st_mode):
        raise ImageError(f"cannot read {path}: not a file", hint="give an image file, or a folder with one series")
    if status.st_size == 0:
        raise ImageError(f"cannot read {path}: the file is empty", hint="copy it again from its source")


def _unreadable(path: Path, error: Exception) -> ImageError:
    if isinstance(error, MemoryError) or "Failed to allocate memory" in str(error):
        return ImageError(f"cannot read {path}: not enough memory", hint="close other programs, or crop the image")
    if "Unable to determine ImageIO" in str(error):
        return ImageError(
            f"cannot read {path}: not an image in a known format, or damaged",
            hint="give NIfTI, NRRD, MetaImage, or a folder with one DICOM series",
        )
    if "orthonormal" in str(error):
        return ImageError(
            f"cannot read {path}: its axes are not perpendicular to each other",
            hint="resample it to a regular grid first, in 3D Slicer for instance",
        )
    return ImageError(
        f"cannot read {path}: the file is damaged or of a kind that SimpleITK does not support",
        hint="open it in another viewer to see whether it is whole, or copy it again from its source",
    )


def _check_written(temporary: Path) -> None:
    """Find out what ITK's NIfTI writer does not tell: that the disk was full."""
    if temporary.name.endswith((".nii", ".nii.gz")):
        payload = payload_size(temporary)
        reader = sitk.ImageFileReader()
        reader.SetFileName(str(temporary))
        reader.ReadImageInformation()
        check_header(temporary, payload, reader)


def _unwritten(path: Path, image: sitk.Image, error: Exception) -> OutputError:
    if "is not supported in" in str(error) or "Can not store a" in str(error):
        kind = f"a {image.GetDimension()}-D image of {image.GetPixelIDTypeAsString()}"
        return OutputError(
            f"cannot write {path}: this format does not hold {kind}", hint="choose .nrrd, or convert the image"
        )
    return OutputError(
        f"cannot write {path}: the file could not be completed",
        hint="see that there is space on that disk, or write to another one",
    )
