"""Data consistency: the image that fits the measured samples and the regularisers' targets best."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional

from mrienhance.methods.lf_mri.config import Config
from mrienhance.physics.sense import Sense
from mrienhance.physics.solvers import solve


class Term(NamedTuple):
    """A frozen regulariser ``weight / 2 * (<X, spread X> - 2 Re <X, pull>)``.

    Attributes
    ----------
    weight
        lambda, a number.
    spread
        Omega, real (B, H, W), or the number 1.
    pull
        Omega R, complex (B, H, W).
    """

    weight: Tensor
    spread: Tensor | float
    pull: Tensor


class Measurement(NamedTuple):
    """What is known of a slice: the operator, the samples (B, coil, H, W), and their zero-filled image (B, H, W)."""

    operator: Sense
    mask: Tensor
    kspace: Tensor
    zero_filled: Tensor


class Consistency(nn.Module):
    """Minimise ``1/2 |A X - Y|^2`` plus terms.

    ``"cg"`` solves the normal equations ``(A^H A + sum w Omega) X = A^H Y + sum w Omega R`` by conjugate gradients,
    with implicit gradients (as MoDL does); ``"gd"`` takes one gradient step of learned size (as A2MC-MRI does);
    ``"vs"`` splits the variable coil by coil and solves pointwise, in k-space and in the image (the idea of VS-Net).

    Parameters
    ----------
    config
        `Config.dc` and `Config.iterations` count.
    """

    def __init__(self, config: Config) -> None:
        super().__init__()
        self.kind, self.iterations = config.dc, config.iterations
        if config.dc == "gd":
            self.raw_step = nn.Parameter(inverse_softplus(0.5))
        if config.dc == "vs":
            self.raw_split = nn.Parameter(inverse_softplus(1.0))

    def forward(self, measured: Measurement, terms: Sequence[Term], start: Tensor) -> Tensor:
        """Find the image.

        Parameters
        ----------
        measured
            The measurement.
        terms
            Regularisers, frozen.
        start
            The current image (B, H, W): the warm start of CG, and what a gradient step starts from.
        """
        if self.kind == "gd":
            return self._step(measured, terms, start)
        if self.kind == "vs":
            return self._split(measured, terms, start)
        diagonal = sum(term.weight * term.spread for term in terms)
        right = measured.zero_filled + sum(term.weight * term.pull for term in terms)
        return solve(lambda x: measured.operator.normal(x) + diagonal * x, right, x0=start, iterations=self.iterations)

    def _step(self, measured: Measurement, terms: Sequence[Term], x: Tensor) -> Tensor:
        gradient = measured.operator.normal(x) - measured.zero_filled
        for term in terms:
            gradient = gradient + term.weight * (term.spread * x - term.pull)
        return x - functional.softplus(self.raw_step) * gradient

    def _split(self, measured: Measurement, terms: Sequence[Term], x: Tensor) -> Tensor:
        split, maps = functional.softplus(self.raw_split), measured.operator.maps
        mask = measured.mask.unsqueeze(-3)
        coils = torch.fft.fft2(maps * x.unsqueeze(-3), norm="ortho")
        coils = torch.fft.ifft2((mask * measured.kspace + split * coils) / (mask + split), norm="ortho")
        above = split * (maps.conj() * coils).sum(-3) + sum(term.weight * term.pull for term in terms)
        below = split * maps.abs().square().sum(-3) + sum(term.weight * term.spread for term in terms)
        image: Tensor = above / below
        return image


def inverse_softplus(value: float) -> Tensor:
    """The number whose softplus is `value`: positive weights are learned without limits."""
    raw: Tensor = torch.tensor(value).expm1().log()
    return raw
