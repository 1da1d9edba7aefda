"""A phantom of ellipses whose k-space is known exactly: the oracle of everything that touches k-space."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import product
from typing import Literal

import torch
from torch import Tensor

# Shepp and Logan 1974 as tabulated by Kak and Slaney: semi-axes a, b; centre x, y; angle in degrees.
_SHEPP_LOGAN = (
    (0.69, 0.92, 0.0, 0.0, 0.0),
    (0.6624, 0.874, 0.0, -0.0184, 0.0),
    (0.11, 0.31, 0.22, 0.0, -18.0),
    (0.16, 0.41, -0.22, 0.0, 18.0),
    (0.21, 0.25, 0.0, 0.35, 0.0),
    (0.046, 0.046, 0.0, 0.1, 0.0),
    (0.046, 0.046, 0.0, -0.1, 0.0),
    (0.046, 0.023, -0.08, -0.605, 0.0),
    (0.023, 0.023, 0.0, -0.606, 0.0),
    (0.023, 0.046, 0.06, -0.605, 0.0),
)
# "modified": Toft 1996, for contrast that the eye can see.
_VALUES = {
    "modified": (1.0, -0.8, -0.2, -0.2, 0.1, 0.1, 0.1, 0.1, 0.1, 0.1),
    "original": (2.0, -0.98, -0.02, -0.02, 0.01, 0.01, 0.01, 0.01, 0.01, 0.01),
}


@dataclass(frozen=True, kw_only=True)
class Ellipse:
    """An ellipse of constant intensity in a field of view that spans -1 to 1.

    Parameters
    ----------
    value
        Intensity added inside.
    semi_axes
        Half lengths (a, b), before turning along x (to the right) and y (up).
    centre
        (x, y).
    angle
        Counter-clockwise turn in radians.
    """

    value: float
    semi_axes: tuple[float, float]
    centre: tuple[float, float] = (0.0, 0.0)
    angle: float = 0.0

    def own_axes(self, x: Tensor, y: Tensor) -> tuple[Tensor, Tensor]:
        """Turn a vector (x, y) into the frame of the ellipse's axes."""
        cos, sin = math.cos(self.angle), math.sin(self.angle)
        return x * cos + y * sin, y * cos - x * sin


class Phantom:
    """A sum of ellipses, sampled in the image or in k-space.

    Row ``i`` of ``rows`` lies at ``y = 1 - 2 i / rows`` and column ``j`` of ``columns`` at ``x = -1 + 2 j / columns``:
    sample 0 is at one place for every matrix size, as k-space truncation has it.

    Parameters
    ----------
    ellipses
        What the phantom is made of; each must lie within the field of view.

    Raises
    ------
    ValueError
        If an ellipse has no area, or could reach out of the field of view.

    Examples
    --------
    >>> from mrienhance.physics import KSpaceTruncation
    >>> from mrienhance.physics.phantom import shepp_logan
    >>> phantom = shepp_logan()
    >>> truncated = KSpaceTruncation((128, 128), (2, 2))(phantom.scan((128, 128)))
    >>> bool((truncated - phantom.scan((64, 64))).abs().max() < 1e-12)
    True
    """

    def __init__(self, ellipses: Sequence[Ellipse]) -> None:
        for ellipse in ellipses:
            if min(ellipse.semi_axes) <= 0:
                raise ValueError(f"semi-axes are above 0, got {ellipse.semi_axes}")
            if max(map(abs, ellipse.centre)) + max(ellipse.semi_axes) > 1:
                raise ValueError(f"the ellipse leaves the field of view from -1 to 1: {ellipse}")
        self.ellipses = tuple(ellipses)

    def image(self, shape: tuple[int, int]) -> Tensor:
        """Sample the phantom at points: float64 (rows, columns), edges sharp."""
        rows, columns = shape
        y = (1 - 2 * torch.arange(rows, dtype=torch.float64) / rows)[:, None]
        x = -1 + 2 * torch.arange(columns, dtype=torch.float64) / columns
        image = torch.zeros(shape, dtype=torch.float64)
        for ellipse in self.ellipses:
            (a, b), (x0, y0) = ellipse.semi_axes, ellipse.centre
            along, across = ellipse.own_axes(x - x0, y - y0)
            image += ellipse.value * ((along / a) ** 2 + (across / b) ** 2 <= 1)
        return image

    def kspace(self, shape: tuple[int, int]) -> Tensor:
        """Give exact k-space, as an ideal scanner measures it with no error of pixels.

        Parameters
        ----------
        shape
            (rows, columns) measured.

        Returns
        -------
        Tensor
            complex128 (rows, columns), shift-free and scaled as `Fourier` gives it. At the Nyquist frequency of an even
            size it is the mean of the two sides, so that the image is real.
        """
        spectrum = torch.zeros(shape, dtype=torch.complex128)
        rows, columns = (_frequencies(size) for size in shape)
        for (row_weight, row), (column_weight, column) in product(rows, columns):
            spectrum += row_weight[:, None] * column_weight * self.spectrum(row[:, None], column)
        return spectrum * math.sqrt(shape[0] * shape[1])

    def spectrum(self, row: Tensor, column: Tensor) -> Tensor:
        """Evaluate the Fourier series of the phantom.

        Parameters
        ----------
        row, column
            float64 frequencies in cycles per field of view, of shapes that broadcast.

        Returns
        -------
        Tensor
            complex128 amplitudes: at (0, 0) the mean over the field of view.
        """
        # Rows run downwards from y = 1 and columns to the right from x = -1: hence the signs and the origin.
        wx, wy = math.pi * column, -math.pi * row
        total = torch.zeros_like(wx + wy, dtype=torch.complex128)
        for ellipse in self.ellipses:
            (a, b), (x0, y0) = ellipse.semi_axes, ellipse.centre
            along, across = ellipse.own_axes(wx, wy)
            radius = torch.hypot(a * along, b * across)
            jinc = torch.where(radius == 0, 0.5, torch.special.bessel_j1(radius) / radius.clamp(min=1e-300))
            angle = -(wx * (x0 + 1) + wy * (y0 - 1))
            total += torch.polar(torch.ones_like(angle), angle) * (0.5 * math.pi * ellipse.value * a * b * jinc)
        return total

    def scan(self, shape: tuple[int, int]) -> Tensor:
        """Reconstruct `kspace`: float64 (rows, columns), band-limited, with the Gibbs ringing a scanner gives."""
        image: Tensor = torch.fft.ifftn(self.kspace(shape), norm="ortho").real
        return image.contiguous()


def shepp_logan(contrast: Literal["modified", "original"] = "modified") -> Phantom:
    """Make the head phantom of Shepp and Logan; ``"modified"`` has the values of Toft, 0 to 1."""
    return Phantom(
        [
            Ellipse(value=value, semi_axes=(a, b), centre=(x, y), angle=math.radians(degrees))
            for value, (a, b, x, y, degrees) in zip(_VALUES[contrast], _SHEPP_LOGAN, strict=True)
        ]
    )


def _frequencies(size: int) -> list[tuple[Tensor, Tensor]]:
    """Give pairs (weight, frequency) whose weighted sum is what index by index belongs into shift-free k-space."""
    frequency = torch.fft.fftfreq(size, 1 / size, dtype=torch.float64)
    weight = torch.ones(size, dtype=torch.float64)
    if size % 2:
        return [(weight, frequency)]
    weight[size // 2] = 0.5
    other = torch.zeros(size, dtype=torch.float64)
    other[size // 2] = 0.5
    return [(weight, frequency), (other, frequency.abs())]
