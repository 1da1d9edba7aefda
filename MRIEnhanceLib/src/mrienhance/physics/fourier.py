"""The orthonormal, shift-free Fourier transform, and how centred data joins it.

Index 0 of k-space is the zero frequency and index 0 of the image is the origin, so no shift is ever done inside a loop.
Files hold centred arrays; their shifts are folded in once, when they are read.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from torch import Tensor

from mrienhance.physics.operator import LinearOperator


class Fourier(LinearOperator):
    """Image to k-space, unitary: ``adjoint`` is the inverse.

    Parameters
    ----------
    axes
        Axes to transform, counted from the end (negative), so that any batch may lead.

    Raises
    ------
    ValueError
        If axes repeat, or are not negative.

    Examples
    --------
    >>> import torch
    >>> from mrienhance.physics import Fourier
    >>> transform = Fourier(axes=(-2, -1))
    >>> image = torch.rand(3, 4, 5, dtype=torch.complex128)
    >>> bool(torch.allclose(transform.H(transform(image)), image))
    True
    """

    def __init__(self, axes: Sequence[int] = (-2, -1)) -> None:
        self.axes = _from_the_end(axes)

    def forward(self, x: Tensor) -> Tensor:
        """Transform an image, real or complex, to complex k-space of the same shape."""
        kspace: Tensor = torch.fft.fftn(_precise(x), dim=self.axes, norm="ortho")
        return kspace

    def adjoint(self, y: Tensor) -> Tensor:
        """Transform k-space back to a complex image."""
        image: Tensor = torch.fft.ifftn(_precise(y), dim=self.axes, norm="ortho")
        return image

    def normal(self, x: Tensor) -> Tensor:
        """Give back ``x``: the transform is unitary. Always complex, as `adjoint`."""
        x = _precise(x)
        return x if x.is_complex() else torch.complex(x, torch.zeros_like(x))

    def __repr__(self) -> str:
        return f"Fourier(axes={self.axes})"


def from_centred(array: Tensor, axes: Sequence[int] = (-2, -1)) -> Tensor:
    """Bring a centred array (zero frequency at ``size // 2``), such as a mask, into shift-free order."""
    shift_free: Tensor = torch.fft.ifftshift(array, dim=_from_the_end(axes))
    return shift_free


def to_centred(array: Tensor, axes: Sequence[int] = (-2, -1)) -> Tensor:
    """Undo `from_centred`: put the zero frequency at ``size // 2``, as files and pictures have it."""
    centred: Tensor = torch.fft.fftshift(array, dim=_from_the_end(axes))
    return centred


def from_centred_kspace(kspace: Tensor, axes: Sequence[int] = (-2, -1)) -> Tensor:
    """Fold both shifts of a centred transform into its data, once.

    If ``kspace = fftshift(fft(ifftshift(image)))``, as files hold it, then ``Fourier(axes).adjoint`` of the result is
    that very ``image``, pixels in their place.

    Parameters
    ----------
    kspace
        Complex, centred.
    axes
        Transformed axes, counted from the end.

    Returns
    -------
    Tensor
        Complex, shift-free, of the same shape.
    """
    return _turn(from_centred(kspace, axes), axes, sign=-1)


def to_centred_kspace(kspace: Tensor, axes: Sequence[int] = (-2, -1)) -> Tensor:
    """Undo `from_centred_kspace`: what a file would hold for k-space that `Fourier` gave."""
    return to_centred(_turn(kspace, axes, sign=1), axes)


def _turn(kspace: Tensor, axes: Sequence[int], *, sign: int) -> Tensor:
    """Multiply by the linear phase that moves the image by half its size."""
    for axis in _from_the_end(axes):
        size = kspace.shape[axis]
        # Whole turns are taken out in integers, so that even sizes get exactly 1 and -1 as far as float64 can say.
        steps = torch.arange(size, device=kspace.device) * (size // 2) % size
        angle = sign * 2 * math.pi * steps.to(kspace.real.dtype) / size
        phase = torch.polar(torch.ones_like(angle), angle)
        kspace = kspace * phase.view(-1, *[1] * (-axis - 1))
    return kspace


def _from_the_end(axes: Sequence[int]) -> tuple[int, ...]:
    axes = tuple(axes)
    if not axes or len(set(axes)) < len(axes) or max(axes) >= 0:
        raise ValueError(f"axes are distinct and counted from the end (negative), got {axes}")
    return axes


def _precise(x: Tensor) -> Tensor:
    """Raise half precision, which the FFT does not take, to single; refuse integers."""
    if x.is_complex() or x.dtype in (torch.float32, torch.float64):
        return x
    if not x.is_floating_point():
        raise TypeError(f"the Fourier transform takes a floating or complex tensor, got {x.dtype}")
    return x.float()
