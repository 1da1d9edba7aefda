"""An image on another grid."""

from __future__ import annotations

from typing import Literal, TypeAlias

import SimpleITK as sitk

from mrienhance.errors import UsageError
from mrienhance.images.check import check_volume
from mrienhance.images.geometry import Grid
from mrienhance.images.metadata import copy_meaning
from mrienhance.images.tensor import round_to

Interpolation: TypeAlias = Literal["linear", "cubic", "nearest"]

_INTERPOLATORS = {
    "linear": sitk.sitkLinear,
    "cubic": sitk.sitkBSpline,
    "nearest": sitk.sitkNearestNeighbor,
}


def resample_to(
    image: sitk.Image,
    grid: Grid,
    *,
    interpolation: Interpolation = "linear",
    transform: sitk.Transform | None = None,
) -> sitk.Image:
    """The image at the samples of another grid, by its place in space.

    Parameters
    ----------
    image
        Scalar, 3-D.
    grid
        Where to sample. Outside the image (beyond the edges of its voxels) the value is 0.
    interpolation
        "linear"; "cubic" (cubic B-spline, which passes through the samples); "nearest", for labels. There is no
        smoothing first: going to a much coarser grid aliases.
    transform
        Takes places on the grid to those in the image, in mm, LPS; by default they are the same.

    Returns
    -------
    SimpleITK.Image
        With the pixel type of `image` (rounded and limited to its range if that is an integer type), and its window,
        rescale and modality tags.

    Raises
    ------
    ImageError
        If the image is not a scalar volume.
    UsageError
        If there is no such interpolation.

    Examples
    --------
    >>> image = sitk.Image([4, 4, 4], sitk.sitkInt16) + 7
    >>> finer = Grid.of(image).finer((2, 2, 2), alignment="edge")
    >>> resample_to(image, finer)[7, 7, 7]
    7
    """
    check_volume(image)
    if interpolation not in _INTERPOLATORS:
        hint = f"choose one of {', '.join(_INTERPOLATORS)}"
        raise UsageError(f"there is no interpolation {interpolation!r}", hint=hint)
    kind = sitk.GetArrayViewFromImage(image).dtype
    # ITK cuts off the decimals of integer results; they are computed as numbers with decimals and rounded here.
    rounded = kind.kind in "iu" and interpolation != "nearest"
    source = sitk.Cast(image, sitk.sitkFloat64) if rounded else image
    result = _resample(source, grid, _INTERPOLATORS[interpolation], transform)
    if rounded:
        result = sitk.GetImageFromArray(round_to(sitk.GetArrayViewFromImage(result), kind))
        grid.place(result)
    copy_meaning(image, result)
    return result


def _resample(image: sitk.Image, grid: Grid, interpolator: int, transform: sitk.Transform | None) -> sitk.Image:
    resampler = sitk.ResampleImageFilter()
    resampler.SetSize(grid.size)
    resampler.SetOutputSpacing(grid.spacing)
    resampler.SetOutputOrigin(grid.origin)
    resampler.SetOutputDirection(grid.direction)
    resampler.SetInterpolator(interpolator)
    if transform is not None:
        resampler.SetTransform(transform)
    result: sitk.Image = resampler.Execute(image)
    return result
