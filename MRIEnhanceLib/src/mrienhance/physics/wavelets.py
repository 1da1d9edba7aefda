"""An orthonormal wavelet transform of images, periodic at the edges (Mallat, IEEE PAMI 1989, 11:674)."""

from __future__ import annotations

import math
from types import EllipsisType

import torch
from torch import Tensor

from mrienhance.physics.operator import LinearOperator, Shape, check_last_axes

_ROOT3 = math.sqrt(3)
# Daubechies, Comm Pure Appl Math 1988, 41:909; the scaling filters, of sum sqrt(2).
_FILTERS = {
    "haar": (math.sqrt(0.5), math.sqrt(0.5)),
    "db2": tuple(n / math.sqrt(32) for n in (1 + _ROOT3, 3 + _ROOT3, 3 - _ROOT3, 1 - _ROOT3)),
    "db4": (
        0.2303778133088965,
        0.7148465705529157,
        0.6308807679298589,
        -0.027983769416859854,
        -0.18703481171909309,
        0.030841381835560764,
        0.0328830116668852,
        -0.010597401785069032,
    ),
}


class Wavelet(LinearOperator):
    """Image to wavelet coefficients of the same shape; unitary: ``adjoint`` is the inverse.

    Coefficients lie as usual: the coarse image in the first quarter, and around it the details from coarse to fine.

    Parameters
    ----------
    shape
        (H, W), divisible by ``2**levels``.
    levels
        How often the image is halved.
    name
        ``"haar"``, ``"db2"`` or ``"db4"``: Daubechies' wavelets of 1, 2 and 4 vanishing moments.

    Raises
    ------
    ValueError
        If the shape is not divisible, or there is no wavelet of that name.

    Examples
    --------
    >>> import torch
    >>> from mrienhance.physics import Wavelet
    >>> transform = Wavelet((16, 16), levels=2)
    >>> image = torch.rand(3, 16, 16, dtype=torch.float64)
    >>> bool(torch.allclose(transform.H(transform(image)), image))
    True
    """

    domain_shape: Shape
    range_shape: Shape

    def __init__(self, shape: tuple[int, int], *, levels: int, name: str = "db4") -> None:
        if name not in _FILTERS:
            raise ValueError(f"wavelets are {', '.join(_FILTERS)}, got {name!r}")
        if levels < 0 or any(size < 1 or size % 2**levels for size in shape):
            raise ValueError(f"shape {tuple(shape)} is not divisible by 2**{levels}")
        self.domain_shape = self.range_shape = (shape[0], shape[1])
        self.levels, self.name = levels, name
        low = _FILTERS[name]
        high = tuple((-1) ** k * tap for k, tap in enumerate(reversed(low)))
        # Both filters are centred: tap k meets sample 2 n + k - offset for coefficient n.
        offset = len(low) // 2 - 1
        self._bands = [[(*divmod(k - offset, 2), tap) for k, tap in enumerate(taps)] for taps in (low, high)]

    def forward(self, x: Tensor) -> Tensor:
        """Decompose an image (..., H, W), real or complex."""
        check_last_axes(x, self.domain_shape, what="Wavelet")
        out = x
        for level in range(self.levels):
            part = self._analyse(self._analyse(self._corner(out, level), -1), -2)
            out = part if level == 0 else _replace(out, part)
        return out

    def adjoint(self, y: Tensor) -> Tensor:
        """Compose an image from coefficients (..., H, W)."""
        check_last_axes(y, self.range_shape, what="Wavelet.H")
        out = y
        for level in reversed(range(self.levels)):
            part = self._synthesise(self._synthesise(self._corner(out, level), -2), -1)
            out = part if level == 0 else _replace(out, part)
        return out

    def normal(self, x: Tensor) -> Tensor:
        """Give back ``x``: the transform is unitary."""
        return x

    def __repr__(self) -> str:
        return f"Wavelet({self.domain_shape}, levels={self.levels}, name={self.name!r})"

    def _corner(self, x: Tensor, level: int) -> Tensor:
        """Give the coarse image after some levels."""
        height, width = x.shape[-2:]
        return x[..., : height >> level, : width >> level]

    def _analyse(self, x: Tensor, axis: int) -> Tensor:
        """Make (coarse, detail) along an axis."""
        halves = [x[_every_other(axis, start)] for start in (0, 1)]
        bands = []
        for taps in self._bands:
            band = torch.zeros_like(halves[0])
            for steps, parity, tap in taps:
                band = band.add(halves[parity].roll(-steps, dims=axis), alpha=tap)
            bands.append(band)
        return torch.cat(bands, dim=axis)

    def _synthesise(self, y: Tensor, axis: int) -> Tensor:
        """Undo `_analyse`: its transpose."""
        bands = y.chunk(2, dim=axis)
        halves = [torch.zeros_like(bands[0]) for _ in range(2)]
        for band, taps in zip(bands, self._bands, strict=True):
            for steps, parity, tap in taps:
                halves[parity] = halves[parity].add(band.roll(steps, dims=axis), alpha=tap)
        return torch.stack(halves, dim=y.ndim + axis + 1).flatten(y.ndim + axis, y.ndim + axis + 1)


def _every_other(axis: int, start: int) -> tuple[EllipsisType | slice, ...]:
    return (..., slice(start, None, 2), *(slice(None),) * (-axis - 1))


def _replace(whole: Tensor, corner: Tensor) -> Tensor:
    """Put a corner into a copy of the whole."""
    whole = whole.clone()
    whole[..., : corner.shape[-2], : corner.shape[-1]] = corner
    return whole
