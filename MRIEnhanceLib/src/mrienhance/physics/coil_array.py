"""Receive coils that nobody has measured: loops of wire around the head, and what each of them sees."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

# Lengths are in half fields of view. Wires nearer than this look like a band, so that no map has a pole.
_WIRE = 0.3
_SEGMENTS = 24
# Fields are computed at so many Chebyshev points an axis; maps from the polynomial through them are 0.3 % off at most.
_NODES = 24
_LOOPS_IN_A_RING = 12


@dataclass(frozen=True, eq=False)
class CoilArray:
    """An array of loop coils, as seen in planes of the object: continuous maps that any grid can sample.

    Loops lie around the field of view in rings of at most twelve, each somewhat turned, shifted, larger or smaller than
    its neighbours, with its own gain and phase. What a loop sees is the field ``Bx - i By`` that a current in it would
    make (reciprocity), by the law of Biot and Savart.

    Parameters
    ----------
    fields
        complex128 (..., coil, n, n): the fields at Chebyshev points along rows and columns.

    Notes
    -----
    Maps are divided by the root of their sum of squares, everywhere in the field of view: the object has no border that
    the array knows of, and an image that is combined with its maps has no shading.

    References
    ----------
    .. [1] P. B. Roemer, W. A. Edelstein, C. E. Hayes, S. P. Souza, O. M. Mueller, "The NMR phased array", Magn. Reson.
       Med. 16, 1990.

    Examples
    --------
    >>> import torch
    >>> from mrienhance.physics import CoilArray
    >>> array = CoilArray.random(8, generator=torch.Generator().manual_seed(0))
    >>> maps = array.on((96, 80))
    >>> maps.shape, maps.dtype
    (torch.Size([8, 96, 80]), torch.complex64)
    >>> bool(torch.allclose(maps.abs().square().sum(0), torch.ones(96, 80)))
    True
    """

    fields: Tensor

    @classmethod
    def random(
        cls,
        coils: int,
        *,
        planes: Sequence[float] | None = None,
        size: tuple[int, ...] = (),
        generator: torch.Generator | None = None,
    ) -> CoilArray:
        """Draw an array.

        Parameters
        ----------
        coils
            Number of loops, at least 1.
        planes
            Several slices that one array sees: how far they are from its middle, in half fields of view. They make an
            axis before that of the coils.
        size
            Sizes of leading axes: so many independent arrays.
        generator
            CPU generator.

        Raises
        ------
        ValueError
            If there is no coil.
        """
        if coils < 1:
            raise ValueError(f"an array has at least one coil, got {coils}")
        draw = torch.rand((*size, coils, 8), generator=generator, dtype=torch.float64) * 2 - 1
        common = torch.rand((*size, 1, 2), generator=generator, dtype=torch.float64) * 2 - 1
        loops = _loops(draw[..., :6], common)
        fields = torch.stack([_fields(*loops, float(plane)) for plane in ((0.0,) if planes is None else planes)], -4)
        gain = torch.polar(1 + 0.2 * draw[..., 6], math.pi * draw[..., 7])
        fields = fields * gain[..., None, :, None, None]
        return cls(fields.squeeze(-4) if planes is None else fields)

    @property
    def coils(self) -> int:
        """How many loops there are."""
        return self.fields.shape[-3]

    def on(
        self,
        shape: tuple[int, int],
        *,
        dtype: torch.dtype = torch.complex64,
        device: torch.device | str | None = None,
    ) -> Tensor:
        """Sample the maps: (..., coil, rows, columns), normalised; row 0 and column 0 are at the edge of the field."""
        real = dtype.to_real()
        seen = self._seen(shape, real, device)
        return seen / _root_sum_of_squares(seen).unsqueeze(-3)

    def shading(
        self,
        shape: tuple[int, int],
        *,
        dtype: torch.dtype = torch.float32,
        device: torch.device | str | None = None,
    ) -> Tensor:
        """What the array makes brighter, and the normalised maps leave out: (..., rows, columns), 1 on average.

        Near the coils an image that no scanner has evened out is several times brighter than in the middle.
        """
        strength = _root_sum_of_squares(self._seen(shape, dtype, device))
        return strength / strength.mean((-2, -1), keepdim=True)

    def _seen(self, shape: tuple[int, int], real: torch.dtype, device: torch.device | str | None) -> Tensor:
        """The fields on a grid, as they are."""
        rows, columns = (_interpolation(size).to(device=device, dtype=real) for size in shape)
        parts = torch.stack([self.fields.real, self.fields.imag]).to(device=device, dtype=real)
        return torch.complex(*(rows @ (parts @ columns.T)))


def _root_sum_of_squares(seen: Tensor) -> Tensor:
    """Over the coils: (..., coil, rows, columns) to (..., rows, columns)."""
    return torch.view_as_real(seen).square().sum(-1).sum(-3).sqrt()


def _loops(draw: Tensor, common: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Place loops: centres, and two vectors that span each loop, all (..., coil, 3).

    `draw` (..., coil, 6) and `common` (..., 1, 2) are uniform from -1 to 1.
    """
    coils = draw.shape[-2]
    rings = math.ceil(coils / _LOOPS_IN_A_RING)
    number = torch.arange(coils)
    ring = number % rings
    members = torch.bincount(ring).double()[ring]
    step = 2 * math.pi / members
    jitter, away, wide, along, turn, tilt = draw.unbind(-1)
    # Rings are turned against each other, and the whole array against the head.
    angle = step * (number // rings + ring / rings) + 0.3 * step.clamp(max=0.8) * jitter + math.pi * common[..., 0]
    distance = 1.18 + 0.13 * away
    radius = distance * torch.sin(math.pi / members.clamp(min=5)) * (1.1 + 0.2 * wide)
    height = 1.6 * radius * (ring - (rings - 1) / 2) + 0.1 * along + 0.2 * common[..., 1]
    centre = torch.stack([distance * angle.cos(), distance * angle.sin(), height], -1)
    facing, tilt = angle + 0.25 * turn, 0.25 * tilt
    inward = torch.stack([-facing.cos() * tilt.cos(), -facing.sin() * tilt.cos(), tilt.sin()], -1)
    first = torch.stack([-facing.sin(), facing.cos(), torch.zeros_like(facing)], -1)
    second = torch.linalg.cross(inward, first)
    return centre, radius[..., None] * first, radius[..., None] * second


def _fields(centre: Tensor, first: Tensor, second: Tensor, plane: float) -> Tensor:
    """The law of Biot and Savart: ``Bx - i By`` of each loop at the Chebyshev points of a plane, (..., coil, n, n)."""
    angle = 2 * math.pi * torch.arange(_SEGMENTS, dtype=torch.float64)[:, None] / _SEGMENTS
    wire = centre[..., None, :] + angle.cos() * first[..., None, :] + angle.sin() * second[..., None, :]
    current = angle.cos() * second[..., None, :] - angle.sin() * first[..., None, :]
    px, py, pz = wire[..., None, None].unbind(-3)
    cx, cy, cz = current[..., None, None].unbind(-3)
    points = _chebyshev(_NODES)
    dx, dy, dz = points - px, points[:, None] - py, plane - pz
    near = (dx.square() + dy.square() + dz.square() + _WIRE**2).pow(-1.5)
    x = ((cy * dz - cz * dy) * near).sum(-3)
    y = ((cz * dx - cx * dz) * near).sum(-3)
    return torch.complex(x, -y)


def _chebyshev(count: int) -> Tensor:
    """Points from 1 to -1, dense at both ends, that polynomials are best drawn through."""
    return torch.cos(math.pi * torch.arange(count, dtype=torch.float64) / (count - 1))


def _interpolation(size: int) -> Tensor:
    """The matrix (size, n) from values at Chebyshev points to those at ``-1 + 2 i / size``: barycentric formula."""
    places = -1 + 2 * torch.arange(size, dtype=torch.float64) / size
    weights = torch.ones(_NODES, dtype=torch.float64)
    weights[1::2] = -1
    weights[[0, -1]] /= 2
    away = places[:, None] - _chebyshev(_NODES)
    met = away.abs() < 1e-12
    matrix = torch.where(met.any(1, keepdim=True), met.double(), weights / away.masked_fill(met, 1))
    return matrix / matrix.sum(1, keepdim=True)
