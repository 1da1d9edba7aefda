"""Coil images become one image; coil maps by division of low-resolution images."""

from __future__ import annotations

import torch
from torch import Tensor

from mrienhance.errors import KSpaceError
from mrienhance.physics.calibration import calibration_region, slices_of


def rss(x: Tensor) -> Tensor:
    """Combine coil images by the root of the sum of their squared magnitudes (Roemer et al., MRM 1990, 16:192).

    Parameters
    ----------
    x
        Complex or real (..., coil, H, W).

    Returns
    -------
    Tensor
        Real (..., H, W), at least 0.

    Examples
    --------
    >>> import torch
    >>> from mrienhance.physics import rss
    >>> rss(torch.tensor([3.0, 4.0]).view(2, 1, 1))
    tensor([[5.]])
    """
    combined: Tensor = torch.linalg.vector_norm(x, dim=-3)
    return combined


def sense_combine(x: Tensor, maps: Tensor) -> Tensor:
    """Combine coil images by their maps, ``sum over coils of conj(maps) * x``: optimal where noise is white.

    Parameters
    ----------
    x
        Coil images, complex (..., coil, H, W).
    maps
        Coil maps of sum of squares 1, complex (..., coil, H, W).

    Returns
    -------
    Tensor
        Complex (..., H, W).

    Raises
    ------
    KSpaceError
        If coils or sizes of images and maps differ.

    Examples
    --------
    >>> import torch
    >>> from mrienhance.physics import sense_combine
    >>> maps = torch.full((4, 8, 8), 0.5j)
    >>> image = torch.rand(8, 8)
    >>> bool(torch.allclose(sense_combine(maps * image, maps).real, image))
    True
    """
    check_coils(x, maps)
    return (maps.conj() * x).sum(dim=-3)


def check_coils(x: Tensor, maps: Tensor) -> None:
    """Refuse maps that do not fit coil images or k-space.

    Raises
    ------
    KSpaceError
        If the last three axes (coil, H, W) differ.
    """
    if x.shape[-3:] != maps.shape[-3:]:
        raise KSpaceError(
            f"data of (coil, H, W) = {tuple(x.shape[-3:])} and coil maps of {tuple(maps.shape[-3:])} do not fit"
        )


def low_resolution_maps(
    kspace: Tensor, *, mask: Tensor | None = None, calibration: int = 24, threshold: float = 0.05
) -> Tensor:
    """Estimate coil maps as low-resolution coil images over their root sum of squares.

    Fast and always smooth, but anatomy leaks into the maps and edges of the object suffer: `espirit` is better where
    time allows (McKenzie et al., MRM 2002, 47:529, of which this is the simplest form).

    Parameters
    ----------
    kspace
        Complex (..., coil, H, W), shift-free, its centre fully sampled.
    mask
        What was sampled, (..., H, W) or one that broadcasts to it; by default what is not exactly zero.
    calibration
        Rows and columns of the centre that are used; fewer where fewer are fully sampled.
    threshold
        The support is where the low-resolution root sum of squares is above this fraction of its maximum.

    Returns
    -------
    Tensor
        Complex (..., coil, H, W): sum of squares 1 in the support, 0 outside; the phase of the combination of coils
        with most energy is zero, as `espirit` has it.

    Raises
    ------
    KSpaceError
        If there are no calibration lines, all of them are zero, or samples are NaN or infinite.

    Examples
    --------
    >>> import torch
    >>> from mrienhance.physics import Fourier, low_resolution_maps, rss
    >>> image = torch.zeros(32, 32)
    >>> image[8:24, 8:24] = 1
    >>> maps = low_resolution_maps(Fourier()(torch.stack([image, 2j * image])))
    >>> rss(maps)[16, 16]
    tensor(1.0000)
    """
    found = [_divide(data, sampled, calibration, threshold) for data, sampled in slices_of(kspace, mask)]
    return torch.stack(found).view(kspace.shape)


def _divide(kspace: Tensor, mask: Tensor | None, calibration: int, threshold: float) -> Tensor:
    """Make the maps of one slice, (coil, H, W)."""
    region = calibration_region(kspace, mask, size=calibration, least=2)
    low = torch.zeros_like(kspace)
    rows, columns = (torch.arange(-(n // 2), (n + 1) // 2, device=kspace.device) for n in region.shape[-2:])
    down, across = (torch.cos(torch.pi / (len(at) + 1) * at.to(kspace.real.dtype)) ** 2 for at in (rows, columns))
    low[:, rows[:, None], columns] = region * (down[:, None] * across)
    images = torch.fft.ifftn(low, dim=(-2, -1), norm="ortho")
    combined = rss(images)
    support = combined > threshold * combined.max()
    maps = images * (support / combined.clamp(min=torch.finfo(combined.dtype).tiny))
    return without_phase(maps, principal_coil(region))


def principal_coil(region: Tensor) -> Tensor:
    """Find the combination of coils that has most energy, (coil,) of norm 1, its largest component real."""
    samples = region.flatten(1).cpu().to(torch.complex128)
    _, vectors = torch.linalg.eigh(samples @ samples.mH)
    principal = vectors[:, -1]
    turned: Tensor = principal * torch.sgn(principal[principal.abs().argmax()].conj())
    return turned


def without_phase(maps: Tensor, coil: Tensor) -> Tensor:
    """Turn maps (..., coil, H, W) pixel by pixel so that what the combination of coils ``coil`` sees has phase 0."""
    seen = torch.einsum("c,...chw->...hw", coil.conj().to(maps.dtype).to(maps.device), maps)
    turn = torch.where(seen == 0, torch.ones_like(seen), torch.sgn(seen.conj()))
    return maps * turn.unsqueeze(-3)
