"""Training scans: magnitude images become accelerated multi-coil k-space, as differently as scanners are."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional

from mrienhance.methods.lf_mri.lesions import with_lesions
from mrienhance.methods.objective import Batch, Sampling
from mrienhance.physics.coil_array import CoilArray
from mrienhance.physics.coils import low_resolution_maps
from mrienhance.physics.phase import TissuePhase
from mrienhance.physics.sampling import fixed_generator, make_mask
from mrienhance.physics.simulate import simulate_kspace

_SAMPLINGS = ("random-lines", "equispaced-lines", "poisson-disc")
_COILS = (4, 16)
_ACCELERATIONS = (3.0, 8.0)
_NOISE = (0.001, 0.03)
_PHASE = (0.2, 2.0)
_COARSER, _SMALLEST = 0.6, 0.6
"""How often, and down to which part of their matrix, slices lose their highest frequencies. What is left is detailed to
the last frequency, as scans are; images that were interpolated once are smooth, and teach to smooth."""
_SHADING = 1.0
"""Largest power of the array's shading that an image has: 1 if nobody evened it out, 0 if that was perfect."""
_ESTIMATED = 0.5
"""How often the maps are estimated from the centre of k-space, as in use, and not those of the simulation."""
UNKNOWN = -1.0
"""The label of a slice for which nobody looked for lesions."""
_FEWEST_CENTRAL, _CENTRE = 12, 24
"""Central lines, and the side of the centre of Poisson discs; a quarter of small matrices."""
_SHIFT = 0.3
_TISSUE, _LEAST_TISSUE = 0.05, 0.02
_VALIDATION_COILS, _VALIDATION_ACCELERATION, _VALIDATION_NOISE = 8, 4.0, 0.01


@dataclass(frozen=True)
class Scan:
    """How one step scans: the same array size for all slices, so that they make one batch."""

    coils: int
    acceleration: float
    sampling: str
    noise: float
    phase: float

    @classmethod
    def draw(cls, generator: torch.Generator) -> Scan:
        """Draw one within the ranges above; noise on a logarithmic scale."""
        coils = int(torch.randint(_COILS[0], _COILS[1] + 1, (), generator=generator))
        kind = _SAMPLINGS[int(torch.randint(len(_SAMPLINGS), (), generator=generator))]
        low, high = torch.tensor(_NOISE).log().tolist()
        noise = float(torch.tensor(_uniform(low, high, generator)).exp())
        return cls(coils, _uniform(*_ACCELERATIONS, generator), kind, noise, _uniform(*_PHASE, generator))

    def as_tensor(self) -> Tensor:
        """All of it as numbers, float32 (5,)."""
        numbers = (self.coils, self.acceleration, _SAMPLINGS.index(self.sampling), self.noise, self.phase)
        return torch.tensor(numbers)

    @classmethod
    def of(cls, numbers: Tensor) -> Scan:
        """What `as_tensor` gave."""
        coils, acceleration, sampling, noise, phase = numbers.tolist()
        return cls(int(coils), acceleration, _SAMPLINGS[int(sampling)], noise, phase)


def training_batch(
    images: Sequence[Mapping[str, Tensor]],
    sampling: Sampling,
    generator: torch.Generator,
    *,
    scan: Scan,
    simulated_lesions: float = 0.0,
) -> Batch:
    """Scan whole slices (H, W) for one training step.

    Parameters
    ----------
    images
        ``"image"``, and ``"lesions"`` (H, W), above 0 in lesions, where somebody looked for them.
    sampling
        `Sampling.patch` is the matrix size; slices are cut or padded to it, around a random place near the centre.
    generator
        CPU generator.
    scan
        How.
    simulated_lesions
        As in `Config`.
    """
    slices = [_slice(image, sampling, generator, simulated_lesions) for image in images]
    magnitude, lesions, places, labels = (torch.stack(list(each)) for each in zip(*slices, strict=True))
    estimated = float(torch.rand((), generator=generator)) < _ESTIMATED
    shading = _uniform(0, _SHADING, generator)
    return _scanned(magnitude, scan, generator, estimated=estimated, shading=shading) | {
        "lesions": lesions,
        "places": places,
        "label": labels,
    }


def validation_batch(image: Mapping[str, Tensor]) -> Batch:
    """Scan one whole slice (H, W), always in the same way: 8 coils, 4x random lines, estimated maps."""
    magnitude = image["image"][None]
    lesions = image.get("lesions", torch.zeros_like(image["image"]))[None]
    scan = Scan(_VALIDATION_COILS, _VALIDATION_ACCELERATION, "random-lines", _VALIDATION_NOISE, 0.8)
    generator = fixed_generator("validation", *magnitude.shape)
    return _scanned(magnitude, scan, generator, estimated=True) | {
        "lesions": lesions,
        "label": label(image.get("lesions")).to(magnitude),
    }


def label(lesions: Tensor | None) -> Tensor:
    """The one bit that training may see of a lesion mask (H, W): float (1, 1); `UNKNOWN` without a mask."""
    return torch.tensor([[UNKNOWN if lesions is None else float((lesions > 0).any())]])


def _scanned(
    magnitude: Tensor, scan: Scan, generator: torch.Generator, *, estimated: bool, shading: float = 0.0
) -> Batch:
    count, shape = len(magnitude), (magnitude.shape[-2], magnitude.shape[-1])
    array = CoilArray.random(scan.coils, size=(count,), generator=generator)
    if shading:
        magnitude = _shaded(magnitude, array.shading(shape).to(magnitude) ** shading)
    phase = TissuePhase.of(magnitude, scan.phase, generator=generator)
    mask = _mask(scan, shape, generator).to(magnitude)
    clean = simulate_kspace(magnitude, array, phase=phase)
    kspace = simulate_kspace(magnitude, array, phase=phase, noise=scan.noise, generator=generator)
    sampled = kspace * mask
    maps = low_resolution_maps(sampled, mask=mask) if estimated else array.on(shape).to(kspace)
    # What these maps make of all samples, without their noise: nothing nearer to the truth can be known of the phase.
    combined = (maps.conj() * torch.fft.ifft2(clean, norm="ortho")).sum(1)
    return {
        "kspace": sampled,
        "full": kspace,
        "maps": maps,
        "mask": mask.expand(count, *mask.shape[-2:]),
        "target": combined,
    }


def _shaded(magnitude: Tensor, shading: Tensor) -> Tensor:
    """As bright where the coils are as in `shading` (B, H, W); the brightest tissue stays as bright as it was."""
    shaded = magnitude * shading
    return shaded * (magnitude.amax((-2, -1)) / shaded.amax((-2, -1)).clamp_min(1e-6))[:, None, None]


def _mask(scan: Scan, shape: tuple[int, int], generator: torch.Generator) -> Tensor:
    """A mask (1, H or 1, W), with a centre that maps can be estimated from."""
    if scan.sampling == "poisson-disc":
        centre = (min(_CENTRE, shape[0] // 4), min(_CENTRE, shape[1] // 4))
        return make_mask(scan.sampling, shape, acceleration=scan.acceleration, generator=generator, calibration=centre)[
            None
        ]
    fraction = max(0.32 / scan.acceleration, min(_FEWEST_CENTRAL, shape[-1] // 4) / shape[-1])
    acceleration = min(scan.acceleration, 0.9 / fraction)
    mask = make_mask(scan.sampling, shape, acceleration=acceleration, generator=generator, center_fraction=fraction)
    return mask.reshape(1, 1, -1)


def _slice(
    image: Mapping[str, Tensor], sampling: Sampling, generator: torch.Generator, simulated: float
) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """A slice, its lesions, those whose place may be learned (or `UNKNOWN`), all (H, W), and its label (1,)."""
    known = label(image.get("lesions"))[0].to(image["image"])
    magnitude, lesions = _augmented(image, sampling.patch, sampling, generator)
    # Where lesions are put into slices of which nothing is known, those without must count too, or all would have some.
    known = known.clamp_min(0) if simulated else known
    places = torch.full_like(magnitude, UNKNOWN) if known != 0 else torch.zeros_like(magnitude)
    if simulated and torch.rand((), generator=generator) < simulated:
        magnitude, spots = with_lesions(magnitude, generator)
        lesions, places = torch.maximum(lesions, spots), spots if known == 0 else places
        known = torch.maximum(known, spots.amax().reshape(1))
    return magnitude, lesions, places, known


def _augmented(
    image: Mapping[str, Tensor], side: int, sampling: Sampling, generator: torch.Generator
) -> tuple[Tensor, Tensor]:
    """Flip, turn and place a slice and its lesions, and change its brightness a little."""
    lesions = image.get("lesions")
    pair = torch.stack([image["image"].clamp_min(0), torch.zeros_like(image["image"]) if lesions is None else lesions])
    if torch.rand((), generator=generator) < _COARSER:
        pair = _coarser(pair, _uniform(_SMALLEST, 1, generator))
    flips = [axis for axis in (-2, -1) if torch.rand((), generator=generator) < 0.5]
    pair = pair.flip(flips)
    if torch.rand((), generator=generator) < 0.5:
        pair = pair.mT
    pair = _cut(pair, side, generator)
    jitter = sampling.intensity_jitter
    return pair[0] * _uniform(1 - jitter, 1 + jitter, generator), pair[1]


def _coarser(pair: Tensor, part: float) -> Tensor:
    """The same field of view with a part of the matrix: an image by truncation of its k-space, a mask by majority."""
    height, width = (max(2, 2 * round(part * size / 2)) for size in pair.shape[-2:])
    spectrum = torch.fft.fftshift(torch.fft.fft2(pair[0], norm="forward"))
    for axis, size in ((-2, height), (-1, width)):
        spectrum = spectrum.narrow(axis, spectrum.shape[axis] // 2 - size // 2, size)
    image = torch.fft.ifft2(torch.fft.ifftshift(spectrum), norm="forward").abs()
    return torch.stack([image, (functional.adaptive_avg_pool2d(pair[None, 1], (height, width))[0] >= 0.5).to(image)])


def _cut(pair: Tensor, side: int, generator: torch.Generator) -> Tensor:
    """Cut both axes to a side, or fill them up with nothing, around a place within `_SHIFT` of the middle."""
    shifts = [_uniform(-_SHIFT, _SHIFT, generator) * abs(pair.shape[axis] - side) for axis in (-2, -1)]
    cut = _fit(_fit(pair, side, -2, round(shifts[0])), side, -1, round(shifts[1]))
    if (cut[0] > _TISSUE).float().mean() >= _LEAST_TISSUE:
        return cut
    # Nothing can be learned from air: around the middle of the tissue, then.
    tissue = torch.nonzero(pair[0] > _TISSUE).float().mean(0).tolist() or [0.0, 0.0]
    for axis, middle in zip((-2, -1), tissue, strict=True):
        excess = max(pair.shape[axis] - side, 0)
        shift = min(max(round(middle - pair.shape[axis] / 2), -excess // 2), excess // 2)
        pair = _fit(pair, side, axis, shift)
    return pair


def _fit(pair: Tensor, side: int, axis: int, shift: int) -> Tensor:
    """Cut or fill one axis, off the middle by a shift."""
    excess = pair.shape[axis] - side
    if excess >= 0:
        return pair.narrow(axis, min(max(excess // 2 + shift, 0), excess), side)
    before = -excess // 2 + shift
    sides = (before, -excess - before)
    return functional.pad(pair, sides if axis == -1 else (0, 0, *sides))


def _uniform(low: float, high: float, generator: torch.Generator) -> float:
    return low + (high - low) * float(torch.rand((), generator=generator))
