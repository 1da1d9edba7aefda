"""Noise of equal power in all coils, and uncorrelated between them."""

from __future__ import annotations

import torch
from torch import Tensor

from mrienhance.errors import KSpaceError


def noise_covariance(noise: Tensor) -> Tensor:
    """Estimate the covariance of the coils' noise.

    Parameters
    ----------
    noise
        Samples without signal, complex (coil, ...).

    Returns
    -------
    Tensor
        Complex (coil, coil), Hermitian: the mean of ``n n^H``.

    Raises
    ------
    KSpaceError
        If there are fewer samples than coils, or samples are NaN or infinite.

    Examples
    --------
    >>> import torch
    >>> from mrienhance.physics import noise_covariance
    >>> noise_covariance(torch.tensor([[1.0, -1.0], [1j, 1j]])).real
    tensor([[1., 0.],
            [0., 1.]])
    """
    samples = noise.flatten(1)
    coils, count = samples.shape
    if count < coils:
        raise KSpaceError(f"{count} noise samples are too few for the covariance of {coils} coils")
    if not bool(torch.isfinite(torch.view_as_real(samples.resolve_conj())).all()):
        raise KSpaceError("noise samples are NaN or infinite")
    return samples @ samples.mH / count


def prewhiten(kspace: Tensor, covariance: Tensor) -> Tensor:
    """Mix coils so that noise of the given covariance becomes white, of variance 1.

    So that least squares weigh the coils as they should (Pruessmann et al., MRM 2001, 46:638).
    Do it before coil maps are estimated: those of mixed coils are other maps.

    Parameters
    ----------
    kspace
        Complex (..., coil, H, W).
    covariance
        Complex (coil, coil), Hermitian, positive definite.

    Returns
    -------
    Tensor
        ``L^-1 kspace`` with ``covariance = L L^H``, of the shape and type of ``kspace``.

    Raises
    ------
    KSpaceError
        If the covariance is not of so many coils, or not positive definite.

    Examples
    --------
    >>> import torch
    >>> from mrienhance.physics import noise_covariance, prewhiten
    >>> noise = torch.randn(4, 8, 8, dtype=torch.complex128) * torch.arange(1, 5)[:, None, None]
    >>> white = noise_covariance(prewhiten(noise, noise_covariance(noise)))
    >>> bool(torch.allclose(white, torch.eye(4, dtype=torch.complex128)))
    True
    """
    coils = kspace.shape[-3]
    if tuple(covariance.shape) != (coils, coils):
        raise KSpaceError(f"a covariance of {tuple(covariance.shape)} does not fit {coils} coils")
    factor, failed = torch.linalg.cholesky_ex(covariance.cpu().to(torch.complex128))
    if bool(failed) or not bool(torch.isfinite(factor.abs().sum())):
        hint = "a coil without noise, or one twice, makes it so: leave that coil out"
        raise KSpaceError("the covariance of the noise is not positive definite", hint=hint)
    eye = torch.eye(coils, dtype=factor.dtype)
    mix = torch.linalg.solve_triangular(factor, eye, upper=False).to(kspace.dtype).to(kspace.device)
    return mix_coils(kspace, mix)


def mix_coils(x: Tensor, matrix: Tensor) -> Tensor:
    """Mix the coils of ``x`` (..., coil, H, W) by a matrix (..., new, coil): (..., new, H, W)."""
    mixed: Tensor = (matrix @ x.flatten(-2)).unflatten(-1, x.shape[-2:])
    return mixed
