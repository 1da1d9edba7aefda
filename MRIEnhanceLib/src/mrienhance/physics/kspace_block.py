"""Truncation of k-space, seen from k-space itself: the block of frequencies that was measured."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor


class KSpaceBlock:
    """The frequencies that `KSpaceTruncation` keeps, of fine images and of coarse ones.

    With A the truncation and A⁺ its pseudo-inverse, ``x + to_fine(of_coarse(y) - of_fine(x))`` is its ``project``, and
    ``energy(of_fine(x) - of_coarse(y))`` is ``||A x - y||**2``: with fewer transforms than by way of coarse images.

    Parameters
    ----------
    shape
        Sizes of the last axes of the fine image.
    factors
        Truncation factor of each of these axes, one of them above 1 at least; 1 leaves an axis.

    Notes
    -----
    A block is complex, scaled as means are (``norm="forward"``). Of the last truncated axis it holds half, since images
    are real; of the others the frequencies in FFT order. At the Nyquist frequency of an even coarse size it holds the
    mean of both sides.

    Examples
    --------
    >>> import torch
    >>> from mrienhance.physics import KSpaceBlock, KSpaceTruncation
    >>> truncate, block = KSpaceTruncation((8, 12), (2, 2)), KSpaceBlock((8, 12), (2, 2))
    >>> x, y = torch.rand(8, 12), torch.rand(4, 6)
    >>> projected = x + block.to_fine(block.of_coarse(y) - block.of_fine(x))
    >>> bool(torch.allclose(projected, truncate.project(x, y), atol=1e-6))
    True
    """

    def __init__(self, shape: Sequence[int], factors: Sequence[int]) -> None:
        axes = [
            (place - len(shape), size, size // factor)
            for place, (size, factor) in enumerate(zip(shape, factors, strict=True))
            if factor > 1
        ]
        if not axes or any(size % coarse for _, size, coarse in axes):
            raise ValueError(f"factors above 1 that divide the shape are needed: {tuple(factors)} of {tuple(shape)}")
        self._full, (self._half, self._size, self._coarse) = axes[:-1], axes[-1]

    def of_fine(self, x: Tensor) -> Tensor:
        """The block of a real fine image (..., *shape)."""
        block: Tensor = torch.fft.rfft(x, dim=self._half, norm="forward").narrow(self._half, 0, self._coarse // 2 + 1)
        if self._coarse % 2 == 0:
            # The two sides are conjugates as long as the other axes are not transformed: their mean is the real part.
            torch.view_as_real(block.select(self._half, self._coarse // 2))[..., 1] = 0
        for axis, _, coarse in self._full:
            block = _kept(torch.fft.fft(block, dim=axis, norm="forward"), axis, coarse)
        return block

    def of_coarse(self, y: Tensor) -> Tensor:
        """The block of a real coarse image: all of its k-space."""
        block: Tensor = torch.fft.rfft(y, dim=self._half, norm="forward")
        for axis, _, _ in self._full:
            block = torch.fft.fft(block, dim=axis, norm="forward")
        return block

    def to_fine(self, block: Tensor) -> Tensor:
        """The smallest fine image with this block."""
        for axis, size, _ in self._full:
            block = torch.fft.ifft(_spread(block, axis, size), dim=axis, norm="forward")
        image: Tensor = torch.fft.irfft(block, n=self._size, dim=self._half, norm="forward")
        return image

    def energy(self, block: Tensor) -> float:
        """Sum of the squares of the coarse image with this block (Parseval), in double precision."""
        power = torch.view_as_real(block).double().square_()
        count = (self._coarse - 1) // 2  # frequencies whose other half is not in the block
        total = power.sum() + power.narrow(self._half - 1, 1, count).sum()
        voxels = self._coarse
        for axis, _, _ in self._full:
            voxels *= block.shape[axis]
        return float(total) * voxels


def _kept(spectrum: Tensor, axis: int, coarse: int) -> Tensor:
    """The `coarse` lowest frequencies of a fine axis."""
    size = spectrum.shape[axis]
    parts = [spectrum.narrow(axis, 0, (coarse + 1) // 2)]
    if coarse % 2 == 0:
        parts.append((spectrum.narrow(axis, coarse // 2, 1) + spectrum.narrow(axis, size - coarse // 2, 1)) / 2)
    parts.append(spectrum.narrow(axis, size - (coarse - 1) // 2, (coarse - 1) // 2))
    return torch.cat(parts, axis)


def _spread(block: Tensor, axis: int, size: int) -> Tensor:
    """The frequencies of a coarse axis in their places on a fine one; the Nyquist frequency in both."""
    coarse = block.shape[axis]
    below, above = coarse // 2 + 1, (coarse - 1) // 2 + (coarse % 2 == 0)
    shape = list(block.shape)
    shape[axis] = size
    spectrum = block.new_zeros(shape)
    spectrum.narrow(axis, 0, below).copy_(block.narrow(axis, 0, below))
    spectrum.narrow(axis, size - above, above).copy_(block.narrow(axis, coarse - above, above))
    return spectrum
