"""Simulate what a coarser scan of the same object would have given."""

from __future__ import annotations

import SimpleITK as sitk

from mrienhance.errors import UsageError
from mrienhance.images import Grid, check_image, to_image, to_tensor
from mrienhance.physics import DEGRADATIONS, make_degradation


def simulate_low_resolution(
    image: sitk.Image, *, factors: tuple[int, int, int] = (2, 2, 1), degradation: str = "k-space"
) -> sitk.Image:
    """Make an image coarser.

    Parameters
    ----------
    image
        3-D scalar image.
    factors
        Whole factors along the image axes i, j and k.
    degradation
        ``"k-space"`` (truncation, sample 0 stays), ``"blur"`` or ``"thick-slice"`` (voxel edges stay).

    Returns
    -------
    SimpleITK.Image
        The coarse image on the coarser grid that belongs to it, of the same pixel type.

    Raises
    ------
    ImageError
        If the image cannot be used, or a size is not divisible by its factor.
    UsageError
        If there is no such degradation, or a factor is below 1.

    Examples
    --------
    >>> import SimpleITK as sitk
    >>> from mrienhance.tasks.simulate import simulate_low_resolution
    >>> fine = sitk.GaussianSource(size=[32, 32, 3], mean=[16, 16, 1], sigma=[8, 8, 8])
    >>> coarse = simulate_low_resolution(fine, factors=(4, 2, 1))
    >>> coarse.GetSize(), coarse.GetSpacing()
    ((8, 16, 3), (4.0, 2.0, 1.0))
    """
    image = check_image(image)
    if degradation not in DEGRADATIONS:
        raise UsageError(f"no degradation is called {degradation!r}", hint=f"choose one of {', '.join(DEGRADATIONS)}")
    grid = Grid.of(image).coarser(factors, alignment=DEGRADATIONS[degradation].alignment)
    degrade = make_degradation(degradation, shape=Grid.of(image).shape, factors=factors[::-1])
    return to_image(degrade(to_tensor(image)), grid, like=image)
