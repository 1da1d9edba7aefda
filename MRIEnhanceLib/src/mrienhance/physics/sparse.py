"""Compressed sensing: reconstructions that are sparse as wavelets, or of small total variation."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from mrienhance.physics.classical import make_sense
from mrienhance.physics.differences import Differences
from mrienhance.physics.sense import Sense
from mrienhance.physics.wavelets import Wavelet

# The coarse image of the wavelet transform keeps this size at least.
_COARSEST = 8
# Step of total variation's dual variable: of a range of 30 around it, it converges fastest on images of range 1.
_DUAL_STEP = 0.1


def l1_wavelet(
    kspace: Tensor,
    maps: Tensor,
    mask: Tensor | None = None,
    *,
    weight: float = 0.002,
    iterations: int = 100,
    wavelet: str = "db4",
    shifts: bool = True,
    soft: bool = False,
) -> Tensor:
    """Reconstruct with a penalty on the magnitudes of wavelet coefficients (Lustig et al., MRM 2007, 58:1182).

    The minimum of ``|A x - y|^2 / 2 + weight * scale * |W x|_1``, with ``scale`` the largest magnitude of ``A.H y``, so
    that the weight means the same for all data. By FISTA (Beck & Teboulle, SIAM J Imaging Sci 2009, 2:183), with W
    orthonormal. Sizes that W cannot halve are extended, freely, and cut again.

    Parameters
    ----------
    kspace, maps, mask, soft
        As for `zero_filled`.
    weight
        Weight of the penalty over ``scale``.
    iterations, wavelet
        Iterations, of which some tens are enough with ``shifts``; ``"haar"``, ``"db2"`` or ``"db4"``.
    shifts
        Move the image by random steps before each transform: no blocks are seen, but the minimum is then only that of
        a mean. The steps are the same in each call.

    Returns
    -------
    Tensor
        Complex (..., H, W), or (..., maps, H, W) if ``soft``.

    Raises
    ------
    KSpaceError
        As for `zero_filled`.
    ValueError
        If there is no wavelet of that name.

    Examples
    --------
    >>> import torch
    >>> from mrienhance.physics import Sense, l1_wavelet
    >>> maps, image = torch.full((4, 32, 32), 0.5 + 0j), torch.zeros(32, 32, dtype=torch.complex64)
    >>> image[8:24, 8:24] = 1
    >>> mask = torch.rand(32, 32, generator=torch.Generator().manual_seed(0)) < 0.6
    >>> found = l1_wavelet(Sense(maps, mask)(image), maps, mask, weight=0.01, wavelet="haar")
    >>> bool((found - image).norm() < 0.1 * image.norm())
    True
    """
    operator = make_sense(kspace, maps, mask, soft=soft)
    right = operator.adjoint(kspace)
    height, width = right.shape[-2:]
    transform, padding = _padded_wavelet(height, width, wavelet)
    step, threshold = _scales(operator, right, weight, soft=soft)
    generator = torch.Generator().manual_seed(0)
    x = z = torch.nn.functional.pad(right, padding)
    momentum = 1.0
    for _ in range(iterations):
        slope = operator.normal(z[..., :height, :width]) - right
        moved = z - torch.nn.functional.pad(slope * step.to(slope.dtype), padding)
        shift = torch.randint(2**transform.levels, (2,), generator=generator).tolist() if shifts else [0, 0]
        coefficients = _shrink(transform(moved.roll(shift, dims=(-2, -1))), threshold * step)
        before, x = x, transform.adjoint(coefficients).roll([-n for n in shift], dims=(-2, -1))
        last, momentum = momentum, (1 + math.sqrt(1 + 4 * momentum**2)) / 2
        z = x.add(x - before, alpha=(last - 1) / momentum)
    return x[..., :height, :width].contiguous()


def total_variation(
    kspace: Tensor,
    maps: Tensor,
    mask: Tensor | None = None,
    *,
    weight: float = 0.002,
    iterations: int = 200,
    isotropic: bool = True,
    soft: bool = False,
) -> Tensor:
    """Reconstruct with a penalty on the magnitudes of differences (Block et al., MRM 2007, 57:1086).

    The minimum of ``|A x - y|^2 / 2 + weight * scale * sum |D x|``, with ``scale`` the largest magnitude of ``A.H y``
    and D periodic. By the primal-dual algorithm of Chambolle & Pock (J Math Imaging Vis 2011, 40:120), in the form that
    takes a gradient step for the data (Condat, J Optim Theory Appl 2013, 158:460).

    Parameters
    ----------
    kspace, maps, mask, soft
        As for `zero_filled`.
    weight
        Weight of the penalty over ``scale``.
    iterations
        Iterations.
    isotropic
        Sum the lengths of gradients; False: the magnitudes of both components, which favours upright edges.

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
    >>> from mrienhance.physics import Sense, total_variation
    >>> maps, image = torch.full((4, 32, 32), 0.5 + 0j), torch.zeros(32, 32, dtype=torch.complex64)
    >>> image[8:24, 8:24] = 1
    >>> mask = torch.rand(32, 32, generator=torch.Generator().manual_seed(0)) < 0.6
    >>> found = total_variation(Sense(maps, mask)(image), maps, mask, weight=0.01, iterations=400)
    >>> bool((found - image).norm() < 0.1 * image.norm())
    True
    """
    operator, differences = make_sense(kspace, maps, mask, soft=soft), Differences()
    right = operator.adjoint(kspace)
    step, limit = _scales(operator, right, weight, soft=soft)
    # Converges if 1 / primal >= 1 / (2 step) + dual * 8, with 8 the bound of the differences.
    primal = (1 / (0.5 / step + 8 * _DUAL_STEP)).to(right.dtype)
    x, u = right, torch.zeros_like(differences(right))
    for _ in range(iterations):
        slope = operator.normal(x) - right + differences.adjoint(u)
        before, x = x, x - primal * slope
        u = _project(u.add(differences(2 * x - before), alpha=_DUAL_STEP), limit.unsqueeze(-3), isotropic=isotropic)
    return x


def _padded_wavelet(height: int, width: int, name: str) -> tuple[Wavelet, tuple[int, int, int, int]]:
    """Make a transform of as many levels as the size bears, and the padding that makes the size fit it."""
    levels = max(int(math.log2(max(min(height, width) / _COARSEST, 1))), 0)
    right, below = -width % 2**levels, -height % 2**levels
    return Wavelet((height + below, width + right), levels=levels, name=name), (0, right, 0, below)


def _scales(operator: Sense, right: Tensor, weight: float, *, soft: bool) -> tuple[Tensor, Tensor]:
    """Give each sample's step for the data, and the weight in its units, both real (..., 1, 1)."""
    ones = (1,) * (2 + soft)
    largest = right.abs().amax(tuple(range(-2 - soft, 0)))
    step = 1 / operator.bound().clamp(min=torch.finfo(largest.dtype).eps)
    return step.view(*step.shape, *ones), (weight * largest).view(*largest.shape, *ones)


def _shrink(x: Tensor, threshold: Tensor) -> Tensor:
    """Make magnitudes smaller by a threshold, to 0 at least."""
    size = x.abs()
    return x * ((size - threshold).clamp(min=0) / size.clamp(min=torch.finfo(size.dtype).tiny)).to(x.dtype)


def _project(u: Tensor, limit: Tensor, *, isotropic: bool) -> Tensor:
    """Project (..., 2, H, W) onto magnitudes of at most a limit."""
    size = torch.linalg.vector_norm(u, dim=-3, keepdim=True) if isotropic else u.abs()
    return u * (limit / torch.maximum(size, limit).clamp(min=torch.finfo(size.dtype).tiny)).to(u.dtype)
