"""The cubic baseline of super-resolution, aligned as the degradation is."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from mrienhance.physics import matrices
from mrienhance.physics.separable import Alignment


def cubic_upsample(y: Tensor, factors: Sequence[int], *, alignment: Alignment) -> Tensor:
    """Interpolate the last axes by cubic convolution (a = -0.5, Catmull-Rom); ends go on with their last value.

    A baseline that does not know where the coarse samples lie is off by ``(f - 1) / 2`` fine voxels, which costs 2 to 3
    dB and flatters any network.

    Parameters
    ----------
    y
        Coarse image, (..., *sizes), floating or complex.
    factors
        Integer factor of each of the last ``len(factors)`` axes.
    alignment
        ``"sample"`` (k-space truncation): fine sample ``f * m`` is coarse sample ``m``. ``"edge"``: voxel edges stay.

    Returns
    -------
    Tensor
        Fine image, (..., *(sizes * factors)), of the same type.

    Raises
    ------
    ValueError
        If there are more factors than axes, a factor below 1, or another alignment.

    Examples
    --------
    >>> import torch
    >>> from mrienhance.physics import cubic_upsample
    >>> cubic_upsample(torch.tensor([0.0, 1.0, 2.0, 3.0]), (2,), alignment="sample")[2:6]
    tensor([1.0000, 1.5000, 2.0000, 2.5625])
    """
    if alignment not in ("sample", "edge"):
        raise ValueError(f"alignment is 'sample' or 'edge', got {alignment!r}")
    if len(factors) > y.ndim or any(factor < 1 for factor in factors):
        raise ValueError(
            f"one factor of at least 1 for each of the last axes, got {tuple(factors)} for {tuple(y.shape)}"
        )
    if y.is_complex():
        real, imag = (cubic_upsample(part, factors, alignment=alignment) for part in (y.real, y.imag))
        return torch.complex(real, imag)
    lines = y if y.dtype in (torch.float32, torch.float64) else y.float()
    with torch.autocast(y.device.type, enabled=False):
        for axis, factor in enumerate(factors, start=-len(factors)):
            if factor > 1:
                matrix = matrices.cubic_interpolation(lines.shape[axis], factor, alignment=alignment)
                matrix = matrix.to(lines.dtype).to(lines.device)
                lines = (lines.movedim(axis, -1) @ matrix.mT).movedim(-1, axis)
    return lines.to(y.dtype)
