"""Which samples of a full scan an accelerated one would have."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional

from mrienhance.errors import UsageError
from mrienhance.physics.fourier import from_centred, to_centred
from mrienhance.physics.lines import central_lines
from mrienhance.physics.sampling import SAMPLING, make_mask

_DISC = "poisson-disc"
_CENTRE = 24
"""Side of the full centre of Poisson discs, and the most that coil maps are estimated from."""
_FEWEST = 12
"""Central lines, where nobody says how many; a quarter of small matrices."""
_ROOM = 0.9
"""Of the lines, how many the centre may be."""


@dataclass(frozen=True, kw_only=True)
class Acceleration:
    """How scans are accelerated.

    Attributes
    ----------
    sampling
        Names of `physics.sampling.SAMPLING`, one of which is drawn each time.
    acceleration
        All samples over sampled ones, one of which is drawn each time. Validation takes the first of both lists.
    center_fraction
        Part of the lines that is always sampled, in the centre. None: fastMRI's, 0.32 / acceleration (0.08 at 4, 0.04
        at 8), yet 12 lines, or a quarter of them if there are fewer than 48.

    Raises
    ------
    ValueError
        If a value is out of range.
    """

    sampling: tuple[str, ...] = ("random-lines",)
    acceleration: tuple[float, ...] = (4.0,)
    center_fraction: float | None = None

    def __post_init__(self) -> None:
        unknown = sorted(set(self.sampling) - set(SAMPLING))
        if unknown or not self.sampling:
            raise ValueError(f"scans: sampling is of {', '.join(SAMPLING)}, not {unknown[0] if unknown else 'nothing'}")
        if not self.acceleration or min(self.acceleration) < 1 or max(self.acceleration) > 64:
            raise ValueError(f"scans: acceleration must be from 1 to 64, not {list(self.acceleration)}")
        if self.center_fraction is not None and not 0 < self.center_fraction <= 1:
            raise ValueError(f"scans: center_fraction must be above 0 and at most 1, not {self.center_fraction}")

    def draw(
        self, shape: tuple[int, int], box: tuple[int, int], axis: int, generator: torch.Generator, *, always: bool
    ) -> Tensor:
        """Draw a mask.

        Parameters
        ----------
        shape
            (rows, columns) of the k-space.
        box
            (rows, columns) around its centre in which samples are left out; outside of it nothing is sampled.
        axis
            Along which lines are left out, -1 or -2.
        generator
            CPU generator.
        always
            Whether the first kind and acceleration are taken instead of any.

        Returns
        -------
        Tensor
            float32 (rows, columns), 1 where sampled, shift-free.

        Raises
        ------
        UsageError
            If the acceleration cannot be met.
        """
        name, acceleration = (
            options[0]
            if always or len(options) == 1
            else options[int(torch.randint(len(options), (), generator=generator))]
            for options in (self.sampling, self.acceleration)
        )
        try:
            mask = self._mask(str(name), float(acceleration), box, axis, generator)
        except ValueError as error:
            raise UsageError(f"scans: {error}", hint="choose another acceleration or center_fraction") from None
        return _padded(mask.expand(box), shape)

    def centre(self, shape: tuple[int, int], box: tuple[int, int], axis: int) -> tuple[int, int]:
        """How many rows and columns around the centre every mask samples, 24 at most."""
        sides = [[min(_CENTRE, size)] for size in box]
        if _DISC in self.sampling:
            for known, count in zip(sides, _disc_centre(box), strict=True):
                known.append(count)
        if set(self.sampling) != {_DISC}:
            for acceleration in self.acceleration:
                fraction, reachable = self._of_lines(box[axis], acceleration)
                try:
                    lines = central_lines(box[axis], acceleration=reachable, center_fraction=fraction)
                except ValueError as error:
                    raise UsageError(f"scans: {error}", hint="choose another center_fraction") from None
                # An even number of an odd one does not lie around the centre as the even number of an even one does.
                lines -= lines % 2 == 0 and box[axis] % 2
                sides[axis].append(box[axis] if acceleration == 1 else lines)
        rows, columns = (min(known) for known in sides)
        return rows, columns

    def _mask(
        self, name: str, acceleration: float, box: tuple[int, int], axis: int, generator: torch.Generator
    ) -> Tensor:
        if name == _DISC:
            centre = _disc_centre(box)
            return make_mask(name, box, acceleration=acceleration, generator=generator, calibration=centre)
        fraction, reachable = self._of_lines(box[axis], acceleration)
        return make_mask(name, box, acceleration=reachable, generator=generator, axis=axis, center_fraction=fraction)

    def _of_lines(self, lines: int, acceleration: float) -> tuple[float, float]:
        """The fraction of central lines, and the acceleration that it leaves room for."""
        if self.center_fraction is not None or acceleration == 1:
            return self.center_fraction or 1.0, acceleration
        fraction = max(0.32 / acceleration, min(_FEWEST, lines // 4) / lines)
        return fraction, min(acceleration, _ROOM / fraction)


def _disc_centre(box: tuple[int, int]) -> tuple[int, int]:
    """Sides of the full centre of Poisson discs."""
    return min(_CENTRE, max(box[0] // 4, 1)), min(_CENTRE, max(box[1] // 4, 1))


def _padded(mask: Tensor, shape: tuple[int, int]) -> Tensor:
    """A shift-free mask in the centre of a larger one that samples nothing else."""
    if tuple(mask.shape) == shape:
        return mask.contiguous()
    sides: list[int] = []
    for size, whole in zip(reversed(mask.shape), reversed(shape), strict=True):
        before = whole // 2 - size // 2
        sides += [before, whole - size - before]
    return from_centred(functional.pad(to_centred(mask), sides))
