"""Images of thick slices: which axis they lie along, and that axis as k, which networks of volumes expect."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import SimpleITK as sitk

from mrienhance.images.metadata import copy_metadata
from mrienhance.tasks.super_resolution_choice import slice_axis as slice_axis


@dataclass(frozen=True)
class Turn:
    """Another order of the axes of an image, which stays in its place: exact, nothing is resampled.

    Parameters
    ----------
    order
        For the axes i, j and k of the turned image: which axis of the image each of them is.

    Examples
    --------
    >>> import SimpleITK as sitk
    >>> from mrienhance.tasks.thick_slices import Turn
    >>> sagittal = sitk.Image([3, 8, 9], sitk.sitkInt16)
    >>> sagittal.SetSpacing([4.0, 1.0, 1.0])
    >>> turn = Turn.of(sagittal.GetSpacing())
    >>> turn.apply(sagittal).GetSize()
    (8, 9, 3)
    >>> turn.undo(turn.apply(sagittal)).GetSize()
    (3, 8, 9)
    """

    order: tuple[int, int, int] = (0, 1, 2)

    @classmethod
    def of(cls, spacing: Sequence[float]) -> Turn:
        """The one that makes the axis of thick slices k; none if they are not thick."""
        axis = slice_axis(spacing)
        if axis is None:
            return cls()
        first, second = (place for place in range(3) if place != axis)
        return cls((first, second, axis))

    def apply(self, image: sitk.Image) -> sitk.Image:
        """The image with its axes in this order."""
        return _permuted(image, self.order)

    def undo(self, image: sitk.Image) -> sitk.Image:
        """An image whose axes are in this order, with those of the first one again."""
        return _permuted(image, [self.order.index(axis) for axis in range(3)])


def _permuted(image: sitk.Image, order: Sequence[int]) -> sitk.Image:
    if tuple(order) == (0, 1, 2):
        return image
    turned: sitk.Image = sitk.PermuteAxes(image, list(order))
    copy_metadata(image, turned)
    return turned
