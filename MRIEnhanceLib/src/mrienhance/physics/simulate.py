"""Multi-coil k-space from a magnitude image.

A test on data that come from the very model that a reconstruction inverts flatters it (the "inverse crime" [1]_): on
the image's own grid, products of image, phase and maps fold frequencies above its limit back into it, as no scanner
does, and a reconstruction with the same sampled maps undoes that exactly. So image, phase and maps are multiplied on a
finer grid, the image interpolated by zero filling, and of the k-space only the centre that the scanner acquires is
kept. The finer grid needs room for the bandwidths of phase and maps, some cycles in the field of view: a quarter is
ample.

References
----------
.. [1] J. Kaipio, E. Somersalo, "Statistical inverse problems: discretization, model reduction and inverse crimes",
   J. Comput. Appl. Math. 198, 2007.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor

from mrienhance.physics.coil_array import CoilArray
from mrienhance.physics.phase import SmoothPhase

_BRIGHT = 0.999
_QUICK_PRIMES = (2, 3, 5)


def coil_maps(
    shape: tuple[int, int], coils: int, *, size: tuple[int, ...] = (), generator: torch.Generator | None = None
) -> Tensor:
    """Draw the maps of a random array of loop coils.

    Parameters
    ----------
    shape
        (rows, columns) of the field of view.
    coils
        Number of coils, at least 1.
    size
        Sizes of leading axes: so many independent arrays.
    generator
        CPU generator.

    Returns
    -------
    Tensor
        complex64 (*size, coil, rows, columns), smooth; the sum of squares is 1 everywhere.

    See Also
    --------
    CoilArray : The same as a continuous function, for grids of any size.

    Examples
    --------
    >>> import torch
    >>> from mrienhance.physics import coil_maps
    >>> coil_maps((64, 48), 4, size=(2,), generator=torch.Generator().manual_seed(0)).shape
    torch.Size([2, 4, 64, 48])
    """
    return CoilArray.random(coils, size=size, generator=generator).on(shape)


def smooth_phase(
    shape: tuple[int, int],
    strength: float = 1.0,
    *,
    size: tuple[int, ...] = (),
    generator: torch.Generator | None = None,
) -> Tensor:
    """Draw a smooth random phase: float32 (*size, rows, columns), radians; see `SmoothPhase` for its strength.

    Examples
    --------
    >>> import torch
    >>> from mrienhance.physics import smooth_phase
    >>> smooth_phase((64, 48), 0.3, generator=torch.Generator().manual_seed(0)).shape
    torch.Size([64, 48])
    """
    return SmoothPhase.random(strength, size=size, generator=generator).on(shape)


def simulate_kspace(
    magnitude: Tensor,
    maps: CoilArray | Tensor,
    *,
    phase: SmoothPhase | Tensor | None = None,
    noise: float = 0.0,
    bright: float | Tensor | None = None,
    mask: Tensor | None = None,
    generator: torch.Generator | None = None,
    oversample: float = 1.25,
) -> Tensor:
    """Scan a magnitude image with coils, phase, noise and a sampling mask.

    Parameters
    ----------
    magnitude
        Real (..., rows, columns), float32 or float64, on any device.
    maps
        A coil array, or its maps (..., coil, rows, columns) on the grid of the image or a finer one.
    phase
        A phase, or its radians (..., rows, columns) on the same grid as the maps; None is 0.
    noise
        Standard deviation of the complex white noise of every sample (real and imaginary part each have it over the
        root of 2), in units of `bright`. The transform is unitary and the squares of maps sum to 1, so this is also the
        noise of an image that was sampled fully and combined: ``1 / noise`` is the SNR of its bright pixels.
    bright
        What `noise` is relative to, one number or one for each image (...); by default its 99.9th percentile.
    mask
        Shift-free, bool or 0 and 1, that broadcasts to (..., rows, columns), as `make_mask` gives it; None samples all.
    generator
        CPU generator of the noise.
    oversample
        How much finer than the image's the grid is, at least, on which it meets an array and a phase that are not
        given as tensors; 1 commits the inverse crime, see above.

    Returns
    -------
    Tensor
        complex64 or complex128 (..., coil, rows, columns), shift-free, 0 where not sampled.

    Raises
    ------
    ValueError
        If shapes do not fit, or a number is out of range.

    Examples
    --------
    >>> import torch
    >>> from mrienhance.physics import CoilArray, SmoothPhase, make_mask, shepp_logan, simulate_kspace
    >>> generator = torch.Generator().manual_seed(0)
    >>> magnitude = shepp_logan().scan((128, 128)).abs().float()
    >>> mask = make_mask("random-lines", (128, 128), acceleration=4, generator=generator)
    >>> array, phase = CoilArray.random(8, generator=generator), SmoothPhase.random(generator=generator)
    >>> kspace = simulate_kspace(magnitude, array, phase=phase, noise=0.01, mask=mask, generator=generator)
    >>> truth, maps = torch.polar(magnitude, phase.on((128, 128))), array.on((128, 128))
    >>> kspace.shape, truth.shape, maps.shape
    (torch.Size([8, 128, 128]), torch.Size([128, 128]), torch.Size([8, 128, 128]))
    """
    if not (math.isfinite(noise) and noise >= 0):
        raise ValueError(f"noise is 0 or above, got {noise}")
    shape = (magnitude.shape[-2], magnitude.shape[-1])
    kspace = _acquired(_coil_images(magnitude, maps, phase, oversample), shape)
    if noise:
        if bright is None:
            bright = _percentile(magnitude)
        level = noise * torch.as_tensor(bright).to(magnitude)[..., None, None, None]
        white = torch.randn(kspace.shape, dtype=kspace.dtype, generator=generator)
        kspace = kspace + level * white.to(kspace.device)
    return kspace if mask is None else kspace * torch.atleast_2d(mask).to(magnitude)[..., None, :, :]


def _coil_images(
    magnitude: Tensor, maps: CoilArray | Tensor, phase: SmoothPhase | Tensor | None, oversample: float
) -> Tensor:
    """What each coil sees, on the grid of maps and phase: (..., coil, rows, columns)."""
    shape = (magnitude.shape[-2], magnitude.shape[-1])
    given = [field for field in (maps, phase) if isinstance(field, Tensor)]
    grid = (given[0].shape[-2], given[0].shape[-1]) if given else _finer(shape, oversample)
    if grid[0] < shape[0] or grid[1] < shape[1] or any(field.shape[-2:] != grid for field in given):
        raise ValueError(f"maps and phase on grids of {[tuple(f.shape[-2:]) for f in given]} do not fit {shape}")
    scene = _zero_filled(magnitude, grid)
    dtype, device = scene.dtype, scene.device
    if isinstance(maps, CoilArray):
        maps = maps.on(grid, dtype=dtype.to_complex(), device=device)
    if isinstance(phase, SmoothPhase):
        phase = phase.on(grid, dtype=dtype, device=device)
    if phase is not None:
        scene = torch.polar(*torch.broadcast_tensors(scene, phase.to(scene)))
    return scene[..., None, :, :] * maps.to(device, dtype.to_complex())


def _acquired(images: Tensor, shape: tuple[int, int]) -> Tensor:
    """The central k-space of images on a grid that may be finer, scaled as `Fourier` does for `shape`."""
    share = math.prod(shape) / (images.shape[-2] * images.shape[-1])
    for axis, size in ((-1, shape[1]), (-2, shape[0])):
        spectrum = torch.fft.fft(images, dim=axis)
        whole = spectrum.shape[axis]
        if whole > size:
            ends = [spectrum.narrow(axis, 0, (size + 1) // 2), spectrum.narrow(axis, whole - size // 2, size // 2)]
            spectrum = torch.cat(ends, axis)
        images = spectrum
    return images * (share / math.sqrt(math.prod(shape)))


def _zero_filled(image: Tensor, grid: tuple[int, int]) -> Tensor:
    """A real image (..., rows, columns) on a finer grid: the same frequencies, sample 0 in its place."""
    for axis, finer in ((-2, grid[0]), (-1, grid[1])):
        size = image.shape[axis]
        if finer > size:
            spectrum = torch.fft.rfft(image, dim=axis)
            if size % 2 == 0:  # both sides of the limit, of which the transform of the coarse grid holds the sum
                spectrum.narrow(axis, size // 2, 1).mul_(0.5)
            image = torch.fft.irfft(spectrum, n=finer, dim=axis) * (finer / size)
    return image


def _finer(shape: tuple[int, int], oversample: float) -> tuple[int, int]:
    """The next grid that is quick to transform, and `oversample` times as fine at least."""
    if not (math.isfinite(oversample) and oversample >= 1):
        raise ValueError(f"oversample is 1 or above, got {oversample}")
    if oversample == 1:
        return shape
    rows, columns = (_quick(math.ceil(size * oversample)) for size in shape)
    return rows, columns


def _quick(size: int) -> int:
    """The next number without prime factors above 5."""
    while True:
        rest = size
        for prime in _QUICK_PRIMES:
            while rest % prime == 0:
                rest //= prime
        if rest == 1:
            return size
        size += 1


def _percentile(images: Tensor) -> Tensor:
    """The 99.9th percentile of each image (..., rows, columns), linear between two pixels."""
    pixels = images.flatten(-2)
    place = (pixels.shape[-1] - 1) * _BRIGHT
    below = int(place)
    top = pixels.topk(pixels.shape[-1] - below, sorted=True).values
    low, high = top[..., -1], top[..., max(top.shape[-1] - 2, 0)]
    return low + (high - low) * (place - below)
