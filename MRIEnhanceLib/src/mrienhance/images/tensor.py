"""Between images and tensors."""

from __future__ import annotations

from typing import Any

import numpy as np
import SimpleITK as sitk
import torch
from numpy.typing import NDArray
from torch import Tensor

from mrienhance.errors import ImageError
from mrienhance.images.check import check_volume
from mrienhance.images.geometry import Grid
from mrienhance.images.metadata import copy_meaning

# So many values at a time stay in the processor's cache.
_ROUNDED_AT_ONCE = 2**17


def to_tensor(image: sitk.Image) -> Tensor:
    """The voxels of an image as a tensor of its own.

    Parameters
    ----------
    image
        Scalar, 3-D, of any pixel type. Single precision holds whole numbers exactly up to 2**24.

    Returns
    -------
    Tensor
        float32, shape (k, j, i), contiguous, on the CPU.

    Raises
    ------
    ImageError
        If the image is not a scalar volume.

    Examples
    --------
    >>> to_tensor(sitk.Image([4, 3, 2], sitk.sitkInt16)).shape
    torch.Size([2, 3, 4])
    """
    check_volume(image)
    values = sitk.GetArrayViewFromImage(image)
    return torch.from_numpy(np.array(values, dtype=np.float32, order="C"))


def to_image(volume: Tensor, grid: Grid, *, like: sitk.Image | None = None) -> sitk.Image:
    """A tensor as an image.

    Parameters
    ----------
    volume
        Shape (k, j, i), real, on any device.
    grid
        Where its voxels are.
    like
        The image it was made from. If that has an integer pixel type, the result has the same one: values are rounded
        to the nearest whole number and limited to the range of the type. Its window, rescale and modality tags are
        taken over, and no others.

    Returns
    -------
    SimpleITK.Image
        Of float32, or of the integer type of `like`.

    Raises
    ------
    ImageError
        If voxels that are NaN would have to become integers.
    ValueError
        If the shape of the tensor is not that of the grid.

    Examples
    --------
    >>> source = sitk.Image([2, 2, 1], sitk.sitkUInt8)
    >>> volume = torch.tensor([[[-1.0, 2.4], [2.6, 300.0]]])
    >>> sitk.GetArrayFromImage(to_image(volume, Grid.of(source), like=source)).tolist()
    [[[0, 2], [3, 255]]]
    """
    if tuple(volume.shape) != grid.shape:
        raise ValueError(f"a volume of shape {tuple(volume.shape)} does not fit a grid of shape {grid.shape} (k, j, i)")
    values: NDArray[Any] = volume.detach().to("cpu", torch.float32).numpy()
    if like is not None:
        kind = sitk.GetArrayViewFromImage(like).dtype
        if kind.kind in "iu":
            values = round_to(values, kind)
    image = sitk.GetImageFromArray(values)
    grid.place(image)
    if like is not None:
        copy_meaning(like, image)
    return image


def round_to(values: NDArray[Any], kind: np.dtype[Any]) -> NDArray[Any]:
    """Round to whole numbers (half to even) and limit them to the range of an integer type.

    Parameters
    ----------
    values
        Real, any shape.
    kind
        An integer type.

    Raises
    ------
    ImageError
        If a value is NaN.
    """
    rounded = np.empty(values.shape, kind)
    whole, given = rounded.reshape(-1), values.reshape(-1)
    for start in range(0, given.size, _ROUNDED_AT_ONCE):
        part = slice(start, start + _ROUNDED_AT_ONCE)
        if np.isnan(given[part].min()):
            raise ImageError(
                f"the result holds {np.count_nonzero(np.isnan(given))} voxel(s) that are NaN",
                hint="compute with --precision float32, or on the CPU",
            )
        whole[part] = _rounded(given[part], kind)
    return rounded


def _rounded(values: NDArray[Any], kind: np.dtype[Any]) -> NDArray[Any]:
    """The rounded and limited values, not yet of their integer type."""
    limits = np.iinfo(kind)
    # Neither float32 nor float64 holds the largest 32- and 64-bit integers: rounded up, they would wrap around.
    wide = values if kind.itemsize <= 2 else values.astype(np.float64)
    highest = wide.dtype.type(limits.max)
    if int(highest) > limits.max:
        highest = np.nextafter(highest, wide.dtype.type(0))
    whole: NDArray[Any] = np.rint(wide)
    return np.clip(whole, wide.dtype.type(limits.min), highest, out=whole)
