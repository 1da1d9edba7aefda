"""Fewer, virtual coils that hold nearly all that the coils measured."""

from __future__ import annotations

import torch
from torch import Tensor

from mrienhance.errors import KSpaceError
from mrienhance.physics.calibration import calibration_region, slices_of
from mrienhance.physics.whiten import mix_coils


def compress_coils(
    kspace: Tensor, count: int, *, mask: Tensor | None = None, calibration: int = 24
) -> tuple[Tensor, Tensor]:
    """Keep the combinations of coils with most energy.

    By the singular vectors of calibration data (Buehrer et al., MRM 2007, 57:1131; Zhang et al., MRM 2013, 69:571).

    Parameters
    ----------
    kspace
        Complex (..., coil, H, W), shift-free, its noise white (see `prewhiten`).
    count
        Coils to keep.
    mask
        What was sampled, (..., H, W) or one that broadcasts to it; by default what is not exactly zero.
    calibration
        Rows and columns of the centre of k-space that the combinations are found from.

    Returns
    -------
    kspace : Tensor
        Complex (..., count, H, W), the combinations in falling order of energy.
    matrix : Tensor
        Complex (..., count, coil), its rows orthonormal: what `kspace` was multiplied by. Each slice has its own.

    Raises
    ------
    KSpaceError
        If ``count`` is not from 1 to the number of coils, or the centre of k-space cannot be used.

    Examples
    --------
    >>> import torch
    >>> from mrienhance.physics import compress_coils, rss
    >>> coil = torch.randn(1, 32, 32, dtype=torch.complex64)
    >>> compressed, matrix = compress_coils(torch.cat([coil, 2j * coil, -coil]), 1)
    >>> bool(torch.allclose(abs(compressed), 6**0.5 * abs(coil), rtol=1e-4))
    True
    """
    slices = slices_of(kspace, mask)
    coils = kspace.shape[-3]
    if not 1 <= count <= coils:
        raise KSpaceError(f"{coils} coils cannot become {count}")
    found = [_matrix(calibration_region(*one, size=calibration, least=1), count) for one in slices]
    matrix = torch.stack(found).view(*kspace.shape[:-3], count, coils).to(kspace.dtype).to(kspace.device)
    return mix_coils(kspace, matrix), matrix


def _matrix(region: Tensor, count: int) -> Tensor:
    """Find the combinations of one calibration region (coil, rows, columns): complex128 (count, coil) on the CPU."""
    samples = region.flatten(1).cpu().to(torch.complex128)
    _, vectors = torch.linalg.eigh(samples @ samples.mH)
    strongest: Tensor = vectors.flip(1)[:, :count].mH
    return strongest
