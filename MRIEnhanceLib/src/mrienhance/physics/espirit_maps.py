"""Coil maps by ESPIRiT (Uecker et al., MRM 2014, 71:990), on any device, without a singular value decomposition.

The Gram matrix of the calibration matrix is decomposed in double precision. The operator of a pixel is a sum of
``(2 * kernel - 1)**2`` waves, exact at every size, and made a few rows at a time: memory does not grow with coils
squared times pixels. Powers are taken by squaring. In complex64, maps of well separated eigenvalues err by 1e-5.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import torch
from torch import Tensor

from mrienhance.errors import KSpaceError
from mrienhance.physics.calibration import calibration_region, slices_of
from mrienhance.physics.coils import principal_coil, without_phase

# Entries of matrices (coil x coil) that are in work at once; on a CPU they stay in its cache.
_ON_CPU, _ELSEWHERE = 2**18, 2**24


def espirit(
    kspace: Tensor,
    *,
    mask: Tensor | None = None,
    calibration: int = 24,
    kernel: int = 6,
    threshold: float = 0.02,
    crop: float = 0.95,
    maps: int = 1,
    iterations: int = 64,
) -> tuple[Tensor, Tensor]:
    """Estimate coil maps as eigenvectors, pixel by pixel, of the operator that leaves calibration data as they are.

    Parameters
    ----------
    kspace
        Complex (..., coil, H, W), shift-free, its centre fully sampled.
    mask
        What was sampled, (..., H, W) or one that broadcasts to it; by default what is not exactly zero.
    calibration
        Rows and columns of the centre that are used; fewer where fewer are fully sampled.
    kernel
        Rows and columns of the kernels.
    threshold
        Singular vectors of the calibration matrix count as signal above this fraction of the largest singular value.
        (BART's ``-t`` is the square of it.)
    crop
        Maps are zero where their eigenvalue, which is 1 where the model holds, is below.
    maps
        Sets of maps; 2 for soft-SENSE, where the field of view is smaller than the object.
    iterations
        Power iterations for the eigenvectors, rounded up to a power of two: the part of the next eigenvector that is
        left is ``(second / first eigenvalue) ** iterations``.

    Returns
    -------
    maps : Tensor
        Complex (..., coil, H, W), or (..., maps, coil, H, W) if ``maps`` is above 1: of norm 1 over the coils where the
        eigenvalue is above ``crop``, 0 elsewhere. The combination of coils with most energy sees phase 0.
    eigenvalues : Tensor
        Real (..., H, W), or (..., maps, H, W), from 0 to 1.

    Raises
    ------
    KSpaceError
        If the centre is not sampled over ``kernel`` rows and columns, or is zero; if samples are NaN or infinite, the
        mask does not fit, or more sets than coils are asked for.

    Examples
    --------
    >>> import torch
    >>> from mrienhance.physics import Fourier, espirit
    >>> image = torch.zeros(32, 32)
    >>> image[8:24, 8:24] = torch.rand(16, 16) + 1
    >>> maps, eigenvalues = espirit(Fourier()(torch.stack([0.6 * image, 0.8j * image])))
    >>> abs(maps[:, 16, 16])
    tensor([0.6000, 0.8000])
    """
    slices = slices_of(kspace, mask)
    if not 1 <= maps <= kspace.shape[-3]:
        raise KSpaceError(f"{maps} sets of maps cannot be told apart with {kspace.shape[-3]} coils")
    settings = _Settings(calibration, kernel, threshold, crop, maps, math.ceil(math.log2(max(iterations, 1))))
    vectors, values = zip(*(_calibrate(*one, settings) for one in slices), strict=True)
    shape = (*kspace.shape[:-3], *((maps,) if maps > 1 else ()), *kspace.shape[-3:])
    return torch.stack(vectors).view(shape), torch.stack(values).view(*shape[:-3], *shape[-2:])


class _Settings(NamedTuple):
    """The arguments of `espirit`, iterations as a power of two."""

    calibration: int
    kernel: int
    threshold: float
    crop: float
    maps: int
    squarings: int


def _calibrate(kspace: Tensor, mask: Tensor | None, settings: _Settings) -> tuple[Tensor, Tensor]:
    """Make the maps (maps, coil, H, W) and eigenvalues (maps, H, W) of one slice."""
    region = calibration_region(kspace, mask, size=settings.calibration, least=settings.kernel)
    lags = _lags(_projector(region, settings.kernel, settings.threshold), len(region), settings.kernel)
    vectors, values = _eigenvectors(lags, kspace, settings.maps, settings.squarings)
    vectors = without_phase(vectors, principal_coil(region))
    return vectors * (values > settings.crop).unsqueeze(-3), values


def _projector(region: Tensor, kernel: int, threshold: float) -> Tensor:
    """Project patches of k-space onto those that the calibration region is made of: complex128 (n, n) on the CPU."""
    # It is small: the CPU is as fast as anything, and double precision is the same everywhere.
    patches = region.cpu().to(torch.complex128).unfold(1, kernel, 1).unfold(2, kernel, 1)
    rows = patches.permute(1, 2, 0, 3, 4).reshape(-1, region.shape[0] * kernel**2)
    energies, vectors = torch.linalg.eigh(rows.mT @ rows.conj())
    signal = vectors[:, energies > threshold**2 * energies[-1]]
    projector: Tensor = signal @ signal.mH
    return projector


def _lags(projector: Tensor, coils: int, kernel: int) -> Tensor:
    """Sum a projector of patches over their positions: the kernel (2k-1, 2k-1, coil, coil) of the operator.

    With P the projector, entry d is the mean over the patch of ``P[(c, x), (c', x + d)]``.
    """
    blocks = projector.view(coils, kernel, kernel, coils, kernel, kernel)
    size = 2 * kernel - 1
    lags = projector.new_zeros(size, size, coils, coils)
    for i in range(kernel):
        for j in range(kernel):
            lags[kernel - 1 - i : size - i, kernel - 1 - j : size - j] += blocks[:, i, j].permute(2, 3, 0, 1)
    return lags / kernel**2


def _eigenvectors(lags: Tensor, like: Tensor, maps: int, squarings: int) -> tuple[Tensor, Tensor]:
    """Decompose the operator pixel by pixel, some rows at a time."""
    coils, height, width = like.shape
    waves = [_waves(size, lags.shape[0]) for size in (height, width)]
    # Along the columns at once, since that is small; along the rows as they are needed.
    columns = torch.einsum("wb,abcd->awcd", waves[1], lags).flatten(1).to(like.dtype).to(like.device)
    along_rows = waves[0].to(like.dtype).to(like.device)
    vectors = like.new_empty(maps, coils, height, width)
    values = like.real.new_empty(maps, height, width)
    most = _ON_CPU if like.device.type == "cpu" else _ELSEWHERE
    step = max(1, most // (width * coils**2))
    for start in range(0, height, step):
        rows = slice(start, start + step)
        matrix = (along_rows[rows] @ columns).view(-1, coils, coils)
        for number in range(maps):
            vector, value = _largest(matrix, squarings)
            vectors[number, :, rows] = vector.view(-1, width, coils).permute(2, 0, 1)
            values[number, rows] = value.view(-1, width)
            if number + 1 < maps:
                matrix = _deflate(matrix, vector)
    return vectors, values


def _waves(size: int, lags: int) -> Tensor:
    """Give what a lag of k-space is in the image: complex128 (size, lags)."""
    lag = torch.arange(lags, dtype=torch.float64) - lags // 2
    angle = -2 * math.pi / size * torch.outer(torch.arange(size, dtype=torch.float64), lag)
    return torch.polar(torch.ones_like(angle), angle)


def _largest(matrix: Tensor, squarings: int) -> tuple[Tensor, Tensor]:
    """Find eigenvectors (n, coil) and eigenvalues (n,) of the largest size of Hermitian matrices (n, coil, coil)."""
    power = matrix
    for _ in range(squarings):
        power = power * _scale(_diagonal(power).sum(-1)).to(power.dtype)[:, None, None]
        power = power @ power
    # What is left is nearly v v^H: its longest column is the best multiple of v, never a small one.
    count, coils, _ = power.shape
    longest = torch.arange(count, device=power.device) * coils + _diagonal(power).argmax(-1)
    start = _normalise(power.reshape(-1, coils).index_select(0, longest).conj())
    image = (matrix @ start.unsqueeze(-1)).squeeze(-1)
    value = (torch.view_as_real(start) * torch.view_as_real(image)).sum((-2, -1))
    return _normalise(image), value


def _deflate(matrix: Tensor, vector: Tensor) -> Tensor:
    """Take a vector of norm 1 out of the range of Hermitian matrices, from both sides."""
    column = vector.unsqueeze(-1)
    image = matrix @ column
    image = image - column * ((column.mH @ image) / 2)
    outer = image @ column.mH
    return matrix - outer - outer.mH


def _normalise(vector: Tensor) -> Tensor:
    """Divide vectors (n, coil) by their norms."""
    norm = torch.linalg.vector_norm(torch.view_as_real(vector.resolve_conj()).flatten(1), dim=1)
    return vector * _scale(norm).to(vector.dtype)[:, None]


def _diagonal(matrix: Tensor) -> Tensor:
    return matrix.diagonal(dim1=-2, dim2=-1).real.contiguous()


def _scale(size: Tensor) -> Tensor:
    """Give the reciprocal of a size of at least 0, finite where it is 0."""
    return 1 / size.clamp(min=torch.finfo(size.dtype).tiny ** 0.5)
