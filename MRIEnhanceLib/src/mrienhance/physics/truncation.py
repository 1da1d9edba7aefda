"""K-space truncation: the coarse image that a scanner makes when it measures only the low spatial frequencies."""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import partial
from typing import ClassVar, Literal

import torch
from torch import Tensor

from mrienhance.physics.operator import check_last_axes
from mrienhance.physics.separable import Alignment, Degradation

_Kind = Literal["forward", "zero-fill", "adjoint", "inverse"]


class KSpaceTruncation(Degradation):
    r"""Keep the central block of k-space; real images stay real, their mean stays, sample 0 stays where it is.

    An axis of :math:`N` samples and factor :math:`f` becomes :math:`n = N/f` samples. With amplitudes
    :math:`X_k = \frac1N \sum_j x_j e^{-2\pi i jk/N}` the coarse image is
    :math:`y_m = \sum_{|k| < n/2} X_k e^{2\pi i mk/n}`, and for an even :math:`n` also the Nyquist term
    :math:`\tfrac12 (X_{n/2} + X_{-n/2}) (-1)^m`: the mean of the two components that fall on one coarse frequency (an
    unsymmetric crop followed by the real part gives the same along one axis). A pattern below the coarse Nyquist
    frequency passes with its amplitude, and ``y[m]`` is its value at ``x[f * m]``. Without a taper, truncating by 2 and
    again by 2 equals truncating by 4 exactly: the second step drops what the first one averaged.

    Parameters
    ----------
    shape
        Sizes of the last axes of the fine image.
    factors
        Truncation factor of each of these axes; 1 leaves an axis.
    taper
        ``"hann"`` multiplies the kept block by the periodic Hann window :math:`\tfrac12 (1 + \cos 2\pi k/n)` along each
        truncated axis: no Gibbs ringing to speak of, and the mean still stays. None: no window.

    Examples
    --------
    >>> import torch
    >>> from mrienhance.physics import KSpaceTruncation
    >>> truncate = KSpaceTruncation(shape=(8, 12), factors=(2, 2))
    >>> fine = torch.rand(3, 8, 12, dtype=torch.float64)
    >>> coarse = truncate(fine)
    >>> coarse.shape, bool(torch.allclose(coarse.mean(), fine.mean()))
    (torch.Size([3, 4, 6]), True)
    >>> bool(torch.allclose(truncate(truncate.project(torch.zeros_like(fine), coarse)), coarse))
    True
    """

    alignment: ClassVar[Alignment] = "sample"

    def __init__(self, shape: Sequence[int], factors: Sequence[int], *, taper: Literal["hann"] | None = None) -> None:
        super().__init__(shape, factors)
        if taper not in (None, "hann"):
            raise ValueError(f"taper is 'hann' or None, got {taper!r}")
        self.taper = taper
        self._weights: dict[tuple[int, _Kind, torch.dtype, torch.device], Tensor] = {}

    def zero_fill(self, y: Tensor) -> Tensor:
        """Interpolate by zero filling (sinc interpolation): the baseline, and the network's starting point.

        Half of a Nyquist component goes to either side. Without a taper this is the adjoint times `voxels_merged`. The
        coarse samples come back at every ``f``-th place if ``y`` has nothing at its Nyquist frequency.

        Parameters
        ----------
        y
            Coarse image, (..., *coarse_shape).

        Returns
        -------
        Tensor
            Fine image, (..., *shape), of the same mean.
        """
        check_last_axes(y, self.coarse_shape, what=f"{self!r}.zero_fill")
        return self._along_axes(y, partial(self._refine, kind="zero-fill"))

    def pseudo_inverse(self, y: Tensor) -> Tensor:
        """Give the smallest image that truncates to ``y`` exactly (Moore-Penrose): ``forward(pseudo_inverse(y)) == y``.

        It differs from `zero_fill` only at the Nyquist frequency of an even coarse size, which counts double here.

        Parameters
        ----------
        y
            Coarse image, (..., *coarse_shape).

        Returns
        -------
        Tensor
            Fine image, (..., *shape), of the same mean.

        Raises
        ------
        ValueError
            If the operator has a taper: what a window has set to zero, or nearly, cannot be given back.
        """
        if self.taper is not None:
            raise ValueError(f"{self!r} has no exact inverse: its taper removes frequencies; use taper=None")
        check_last_axes(y, self.coarse_shape, what=f"{self!r}.pseudo_inverse")
        return self._along_axes(y, partial(self._refine, kind="inverse"))

    def project(self, x: Tensor, y: Tensor) -> Tensor:
        """Put the measured frequencies back: the image nearest to ``x`` that truncates to ``y`` exactly.

        Hard data consistency, ``x + A^+ (y - A x)``; doing it twice changes nothing more.

        Parameters
        ----------
        x
            Fine image, (..., *shape), e.g. a network's output.
        y
            Measured coarse image, (..., *coarse_shape).

        Returns
        -------
        Tensor
            Fine image, (..., *shape).

        Raises
        ------
        ValueError
            As in `pseudo_inverse`.
        """
        return x + self.pseudo_inverse(y - self.forward(x))

    def _coarsen(self, lines: Tensor, axis: int) -> Tensor:
        size = self.coarse_shape[axis]
        kept = torch.fft.rfft(lines, norm="forward")[..., : size // 2 + 1]
        coarse: Tensor = torch.fft.irfft(self._weigh(kept, axis, "forward"), n=size, norm="forward")
        return coarse

    def _transpose(self, lines: Tensor, axis: int) -> Tensor:
        return self._refine(lines, axis, kind="adjoint")

    def _refine(self, lines: Tensor, axis: int, *, kind: _Kind) -> Tensor:
        measured = torch.fft.rfft(lines, norm="forward")
        fine: Tensor = torch.fft.irfft(self._weigh(measured, axis, kind), n=self.shape[axis], norm="forward")
        return fine

    def _weigh(self, spectrum: Tensor, axis: int, kind: _Kind) -> Tensor:
        key = (axis, kind, spectrum.real.dtype, spectrum.device)
        if key not in self._weights:
            # A tensor made in inference mode could never serve training later. Narrowed on the CPU: MPS has no float64.
            with torch.inference_mode(False):
                self._weights[key] = self._make_weights(axis, kind).to(key[2]).to(key[3])
        return torch.view_as_complex((torch.view_as_real(spectrum) * self._weights[key]).contiguous())

    def _make_weights(self, axis: int, kind: _Kind) -> Tensor:
        """Weights of the real and the imaginary part of each kept frequency, (size // 2 + 1, 2)."""
        size, factor = self.coarse_shape[axis], self.factors[axis]
        weights = torch.ones(size // 2 + 1, 2, dtype=torch.float64)
        if self.taper is not None and kind in ("forward", "adjoint"):
            frequency = torch.arange(size // 2 + 1, dtype=torch.float64)
            weights *= 0.5 * (1 + torch.cos(2 * math.pi * frequency / size))[:, None]
        if kind == "adjoint":
            weights /= factor
        if size % 2 == 0:
            # The mean of X[n/2] and X[-n/2], conjugates of each other for a real line, is the real part of either. Not
            # every FFT library promises to ignore the imaginary part.
            weights[-1, 1] = 0.0
            if kind in ("zero-fill", "adjoint"):
                weights[-1] *= 0.5
        return weights

    def __repr__(self) -> str:
        taper = "" if self.taper is None else f", taper={self.taper!r}"
        return f"{super().__repr__()[:-1]}{taper})"
