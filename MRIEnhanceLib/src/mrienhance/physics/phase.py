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
