"""What an image must be before anything is done with it."""

from __future__ import annotations

import numpy as np
import SimpleITK as sitk

from mrienhance.errors import ImageError
from mrienhance.images.metadata import copy_metadata

_SCALAR = (
    sitk.sitkInt8,
    sitk.sitkUInt8,
    sitk.sitkInt16,
    sitk.sitkUInt16,
    sitk.sitkInt32,
    sitk.sitkUInt32,
    sitk.sitkInt64,
    sitk.sitkUInt64,
    sitk.sitkFloat32,
    sitk.sitkFloat64,
)


def check_image(image: sitk.Image, *, what: str = "image") -> sitk.Image:
    """Refuse what is not one scalar volume with something in it.

    A 2-D image becomes a volume of one slice, and a 4-D image with one volume becomes that volume.

    Parameters
    ----------
    image
        Any image.
    what
        What to call it in a message: "image", "reference" and so on.

    Returns
    -------
    SimpleITK.Image
        The same object if it is 3-D already.

    Raises
    ------
    ImageError
        If the image is not scalar or not 3-D, has no voxels or only one along i or j, has a broken geometry, holds NaN
        or infinity, or is constant.

    Examples
    --------
    >>> try:
    ...     check_image(sitk.Image([8, 8, 4], sitk.sitkInt16))
    ... except ImageError as error:
    ...     print(error)
    the image is constant: every voxel is 0
    """
    check_scalar(image, what=what)
    if 0 in image.GetSize():
        raise ImageError(f"the {what} has no voxels: its size is {size_text(image)}", hint="check how it was made")
    image = _as_volume(image, what)
    _check_slices(image, what)
    _check_geometry(image, what)
    _check_values(image, what)
    return image


def check_scalar(image: sitk.Image, *, what: str = "image") -> None:
    """Refuse colours, vectors, complex numbers and label maps of runs.

    Raises
    ------
    ImageError
        If a voxel is not one real number.
    """
    if image.GetPixelID() not in _SCALAR:
        raise ImageError(
            f"the {what} is not scalar: its pixels are {image.GetPixelIDTypeAsString()}",
            hint="take one component, or the magnitude, and give that",
        )


def check_volume(image: sitk.Image, *, what: str = "image") -> None:
    """Refuse what is not a scalar 3-D image; see `check_image`, which also makes volumes where that is plain.

    Raises
    ------
    ImageError
        If a voxel is not one real number, or the image is not 3-D.
    """
    check_scalar(image, what=what)
    if image.GetDimension() != 3:
        raise _not_a_volume(image, what)


def size_text(image: sitk.Image) -> str:
    """The size of an image as people write it: 288 x 288 x 24."""
    return " x ".join(str(size) for size in image.GetSize())


def _as_volume(image: sitk.Image, what: str) -> sitk.Image:
    if image.GetDimension() == 3:
        return image
    volume: sitk.Image
    if image.GetDimension() == 2:
        volume = sitk.JoinSeries(image)
    elif image.GetDimension() == 4 and image.GetSize()[3] == 1:
        volume = image[:, :, :, 0]
    else:
        raise _not_a_volume(image, what)
    copy_metadata(image, volume)
    return volume


def _not_a_volume(image: sitk.Image, what: str) -> ImageError:
    return ImageError(
        f"the {what} is {image.GetDimension()}-D with size {size_text(image)}, not one volume",
        hint="split the series and give one volume of it",
    )


def _check_slices(image: sitk.Image, what: str) -> None:
    for axis, size in zip("ij", image.GetSize(), strict=False):
        if size == 1:
            raise ImageError(
                f"the {what} has only one voxel along {axis}: its size is {size_text(image)}",
                hint="order the axes so that a slice lies in i and j and has at least 2 x 2 voxels",
            )


def _check_geometry(image: sitk.Image, what: str) -> None:
    numbers = (*image.GetSpacing(), *image.GetOrigin(), *image.GetDirection())
    if not np.isfinite(numbers).all() or min(image.GetSpacing()) <= 0:
        raise ImageError(
            f"the {what} has a broken geometry: spacing {image.GetSpacing()}, origin {image.GetOrigin()}",
            hint="mend the header, or convert it again from DICOM",
        )


def _check_values(image: sitk.Image, what: str) -> None:
    values = sitk.GetArrayViewFromImage(image)
    lowest, highest = values.min(), values.max()
    if not (np.isfinite(lowest) and np.isfinite(highest)):  # NaN and infinity both show in an extreme
        count = values.size - int(np.count_nonzero(np.isfinite(values)))
        raise ImageError(
            f"the {what} holds {count} voxel(s) that are NaN or infinite",
            hint="replace them, with 0 outside the head for instance",
        )
    if lowest == highest:
        raise ImageError(
            f"the {what} is constant: every voxel is {lowest:g}", hint="check that it is the file you meant"
        )
