"""Reconstructions without learning and without sparsity: zero-filled and CG-SENSE."""

from __future__ import annotations

from torch import Tensor

from mrienhance.physics.calibration import check_kspace, measured
from mrienhance.physics.coils import check_coils
from mrienhance.physics.sense import Sense
from mrienhance.physics.solvers import conjugate_gradient


def zero_filled(kspace: Tensor, maps: Tensor, mask: Tensor | None = None, *, soft: bool = False) -> Tensor:
    """Reconstruct with zeros where nothing was measured, ``A.H y``: aliased, and darker by the share that is missing.

    Parameters
    ----------
    kspace
        Complex (..., coil, H, W), shift-free, zero where nothing was measured.
    maps
        Coil maps, complex (..., coil, H, W), or (..., maps, coil, H, W) if ``soft``.
    mask
        What was measured, as `Sense` takes it; by default what is not exactly zero.
    soft
        Soft-SENSE, with sets of maps.

    Returns
    -------
    Tensor
        Complex (..., H, W), or (..., maps, H, W) if ``soft``.

    Raises
    ------
    KSpaceError
        If samples are NaN or infinite, or maps or mask do not fit.

    Examples
    --------
    >>> import torch
    >>> from mrienhance.physics import Sense, zero_filled
    >>> maps, image = torch.full((4, 16, 16), 0.5 + 0j), torch.rand(16, 16) + 0j
    >>> bool(torch.allclose(zero_filled(Sense(maps)(image), maps), image, atol=1e-6))
    True
    """
    return make_sense(kspace, maps, mask, soft=soft).adjoint(kspace)


def cg_sense(
    kspace: Tensor,
    maps: Tensor,
    mask: Tensor | None = None,
    *,
    weight: float = 0.01,
    iterations: int = 30,
    tolerance: float = 1e-6,
    soft: bool = False,
) -> Tensor:
    """Reconstruct by least squares with Tikhonov's weight (Pruessmann et al., MRM 2001, 46:638).

    The minimum of ``|A x - y|^2 / 2 + weight |x|^2 / 2``, by conjugate gradients from zero. No eigenvalue of ``A.H A``
    is above 1, so the weight means the same for all data.

    Parameters
    ----------
    kspace, maps, mask, soft
        As for `zero_filled`.
    weight
        Tikhonov's weight, above 0 where the mask leaves the image undetermined.
    iterations, tolerance
        As for `conjugate_gradient`.

    Returns
    -------
    Tensor
        Complex (..., H, W), or (..., maps, H, W) if ``soft``.

    Raises
    ------
    KSpaceError
        As for `zero_filled`.

    Examples
    --------
    >>> import torch
    >>> from mrienhance.physics import Sense, cg_sense, rss
    >>> maps = torch.rand(4, 16, 16) + 1j * torch.rand(4, 16, 16)
    >>> maps, image = maps / rss(maps), torch.rand(16, 16) + 0j
    >>> mask = torch.arange(16) % 2 == 0
    >>> found = cg_sense(Sense(maps, mask)(image), maps, mask, weight=1e-6, iterations=100)
    >>> bool(torch.allclose(found, image, atol=1e-2))
    True
    """
    operator = make_sense(kspace, maps, mask, soft=soft)

    def apply(x: Tensor) -> Tensor:
        return operator.normal(x).add(x, alpha=weight)

    right = operator.adjoint(kspace)
    return conjugate_gradient(apply, right, iterations=iterations, tolerance=tolerance, axes=2 + soft)


def make_sense(kspace: Tensor, maps: Tensor, mask: Tensor | None, *, soft: bool) -> Sense:
    """Make the operator that k-space was measured with, after refusing what does not fit together."""
    check_kspace(kspace)
    check_coils(kspace, maps)
    return Sense(maps, measured(kspace) if mask is None else mask, soft=soft)
