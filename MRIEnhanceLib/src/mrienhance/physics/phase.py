"""The phase that a magnitude image has lost: smooth, as the main field and the transmitter leave it."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor


@dataclass(frozen=True, eq=False)
class SmoothPhase:
    """A random phase made of few cosines: continuous, so that any grid can sample it.

    Parameters
    ----------
    coefficients
        float64 (..., n, n), radians: those of ``cos(pi k row) cos(pi l column)`` with row and column from 0 to 1 over
        the field of view. At most (n - 1) / 2 cycles fit into it.

    Examples
    --------
    >>> import torch
    >>> from mrienhance.physics import SmoothPhase
    >>> phase = SmoothPhase.random(0.5, generator=torch.Generator().manual_seed(0)).on((64, 64))
    >>> phase.shape, bool(0.48 < phase.std() < 0.52)
    (torch.Size([64, 64]), True)
    """

    coefficients: Tensor

    @classmethod
    def random(
        cls,
        strength: float = 1.0,
        *,
        order: int = 4,
        size: tuple[int, ...] = (),
        generator: torch.Generator | None = None,
    ) -> SmoothPhase:
        """Draw a phase.

        Parameters
        ----------
        strength
            Root mean square, in radians, of its deviation from its mean over the field of view; the mean itself is any
            angle. 0 leaves the mean only.
        order
            Half cycles along an axis, at most. Amplitudes fall with the square of the frequency.
        size
            Sizes of leading axes: so many independent phases.
        generator
            CPU generator.

        Raises
        ------
        ValueError
            If the strength is below 0 or the order below 1.
        """
        if not (math.isfinite(strength) and strength >= 0 and order >= 1):
            raise ValueError(f"strength is 0 or above and order 1 or above, got {strength} and {order}")
        drawn = torch.randn((*size, order + 1, order + 1), generator=generator, dtype=torch.float64)
        mean = (torch.rand(size, generator=generator, dtype=torch.float64) * 2 - 1) * math.pi
        half_cycles = torch.arange(order + 1, dtype=torch.float64)
        drawn /= 1 + half_cycles[:, None].square() + half_cycles.square()
        drawn[..., 0, 0] = 0
        # The mean square of a cosine is 1/2, of a constant 1.
        power = torch.where(half_cycles > 0, 0.5, 1.0).double()
        square = (drawn.square() * power[:, None] * power).sum((-2, -1), keepdim=True)
        drawn *= strength * square.rsqrt()
        drawn[..., 0, 0] = mean
        return cls(drawn)

    def on(
        self,
        shape: tuple[int, int],
        *,
        dtype: torch.dtype = torch.float32,
        device: torch.device | str | None = None,
    ) -> Tensor:
        """Sample the phase: (..., rows, columns), radians, not wrapped."""
        order = torch.arange(self.coefficients.shape[-1], dtype=torch.float64)
        rows, columns = (
            torch.cos(math.pi / size * torch.arange(size, dtype=torch.float64)[:, None] * order).to(device, dtype)
            for size in shape
        )
        return rows @ self.coefficients.to(device, dtype) @ columns.T


@dataclass(frozen=True, eq=False)
class TissuePhase(SmoothPhase):
    """A smooth phase, and what a scanner adds that is not smooth.

    Fat and vessels have phases of their own, with steps where they begin, and the field changes within a few voxels at
    air. A network that saw smooth phases alone takes them for artefacts.

    Parameters
    ----------
    coefficients
        As for `SmoothPhase`.
    rough
        Radians (..., rows, columns), added on the grid of the image: linear between its samples, periodic.

    Examples
    --------
    >>> import torch
    >>> from mrienhance.physics import TissuePhase
    >>> magnitude = torch.zeros(1, 32, 32)
    >>> magnitude[:, 8:24, 8:24] = 1
    >>> phase = TissuePhase.of(magnitude, 1.0, generator=torch.Generator().manual_seed(0))
    >>> phase.on((40, 40)).shape
    torch.Size([1, 40, 40])
    """

    rough: Tensor

    @classmethod
    def of(
        cls,
        magnitude: Tensor,
        strength: float = 1.0,
        *,
        texture: float = 0.3,
        tissue: float = 1.0,
        generator: torch.Generator | None = None,
    ) -> TissuePhase:
        """Draw a phase for images (B, rows, columns), brightest tissue about 1.

        Parameters
        ----------
        magnitude
            The images.
        strength
            Of the smooth phase, as for `SmoothPhase.random`.
        texture
            Root mean square of a random field, in radians, with knots four to sixteen samples apart.
        tissue
            Standard deviation, in radians, of the phase that the signal's strength comes with, and of the step at a
            random strength.
        generator
            CPU generator.
        """
        count, rows, columns = magnitude.shape
        smooth = SmoothPhase.random(strength, size=(count,), generator=generator)
        rough = torch.empty_like(magnitude)
        for field, image in zip(rough, magnitude, strict=True):
            apart = 4 + int(torch.randint(13, (), generator=generator))
            knots = torch.randn(rows // apart + 2, columns // apart + 2, generator=generator)
            slope, step, level, scale = torch.randn(4, generator=generator).tolist()
            level = 0.6 + 0.2 * level
            field[:] = texture * abs(scale) * _between(knots, (rows, columns)).to(image)
            field += tissue * (slope * image.clamp(0, 1) + step * torch.sigmoid((image - level) / _EDGE))
        return cls(smooth.coefficients, rough)

    def on(
        self,
        shape: tuple[int, int],
        *,
        dtype: torch.dtype = torch.float32,
        device: torch.device | str | None = None,
    ) -> Tensor:
        """Sample the phase, as `SmoothPhase.on`."""
        smooth = super().on(shape, dtype=dtype, device=device)
        return smooth + _between(self.rough, shape).to(smooth)


_EDGE = 0.05


def _between(values: Tensor, shape: tuple[int, int]) -> Tensor:
    """Values (..., rows, columns) on another grid over the field of view: linear, periodic, sample 0 in its place."""
    for axis, size in ((-2, shape[0]), (-1, shape[1])):
        count = values.shape[axis]
        place = torch.arange(size, dtype=torch.float64, device=values.device) * (count / size)
        lower = place.floor().long()
        share = (place - lower).to(values).unsqueeze(-1) if axis == -2 else (place - lower).to(values)
        below = values.index_select(axis, lower % count)
        values = below + share * (values.index_select(axis, (lower + 1) % count) - below)
    return values
