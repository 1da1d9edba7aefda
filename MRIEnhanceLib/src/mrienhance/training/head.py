"""A head to cut boxes from: its tissues, and what of each sample's surroundings a simulation asks for."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor
from torch.nn import functional

from mrienhance.training.anatomy import SKULL, SOFT, SULCI, Anatomy, code, is_brain, is_one_of
from mrienhance.training.dice import Dice
from mrienhance.training.scanning import AMID, swollen


@dataclass(frozen=True)
class Head:
    """Tissues of a head or of a box in it, and shares of what surrounds each sample, all (k, j, i).

    Attributes
    ----------
    codes
        uint8: places in `NAMES`.
    thin
        The same with narrower sulci.
    skin, space, rim, amid
        Shares of skin, of fluid around the brain, and of brain in small windows and in large ones: uint8, 255 for all,
        in a whole head; float32, 1 for all, in a box.
    counts
        float32 (codes,): voxels of each in the whole head.
    brain
        Flat numbers of the brain's samples; empty for a box.
    """

    codes: Tensor
    thin: Tensor
    skin: Tensor
    space: Tensor
    rim: Tensor
    amid: Tensor
    counts: Tensor
    brain: Tensor

    @classmethod
    def read(cls, path: Path) -> Head:
        """Read a label map, and look around each of its samples once.

        Raises
        ------
        UsageError
            If it cannot be used.
        """
        anatomy = Anatomy.read(path)
        codes = anatomy.codes
        brain = is_brain()[codes.int()]
        return cls(
            codes=codes,
            thin=swollen(codes, (0, 1, 2)),
            skin=_as_bytes(share((codes == code("skin")).float(), 9)),
            space=_as_bytes(share((codes == code(SULCI)).float(), 7)),
            rim=_as_bytes(share(share(brain.float(), 5), 5)),
            amid=_as_bytes(share(brain.float(), AMID)),
            counts=anatomy.counts,
            brain=torch.nonzero(brain.flatten()).flatten().int(),
        )

    def centre(self, dice: Dice) -> Tensor:
        """A random sample of the brain: int (3,)."""
        place = int(self.brain[int(torch.randint(len(self.brain), (), generator=dice.generator))])
        rest, i = divmod(place, self.codes.shape[2])
        return torch.tensor([rest // self.codes.shape[1], rest % self.codes.shape[1], i])

    def about(self, centre: Tensor, low: Tensor, high: Tensor, order: Sequence[int], dice: Dice, *, thin: bool) -> Head:
        """A box with its axes in some order, each mirrored by chance; air is beyond the head.

        Parameters
        ----------
        centre
            The head's sample that the box is about, int (3,).
        low, high
            Places of the box's first sample and of the one after its last, about the centre, int (3,).
        order
            Axes of the head that the box's are.
        dice
            Whether they are mirrored.
        thin
            Whether sulci are narrow.
        """
        first, count = [0, 0, 0], [0, 0, 0]
        mirrored = []
        for axis, of in enumerate(order):
            down, up = int(low[axis]), int(high[axis])
            flip = dice.chance(0.5)
            first[of] = int(centre[of]) + (1 - up if flip else down)
            count[of] = up - down
            mirrored += [axis] if flip else []

        def cut(volume: Tensor) -> Tensor:
            pad: list[int] = []
            for axis in range(3):
                start, stop, most = first[axis], first[axis] + count[axis], volume.shape[axis]
                volume = volume.narrow(axis, max(start, 0), max(min(stop, most) - max(start, 0), 0))
                pad = [max(-start, 0), max(stop - most, 0), *pad]
            return functional.pad(volume, pad).permute(tuple(order)).flip(mirrored)

        skin, space, rim, amid = (cut(volume).float() / 255 for volume in (self.skin, self.space, self.rim, self.amid))
        codes = cut(self.thin if thin else self.codes)
        return Head(codes, codes, skin, space, rim, amid, self.counts, torch.empty(0))

    def mask(self, dice: Dice) -> Tensor:
        """What a tool that removes the skull leaves of a box: brain, and a rim of what touches it; 0 or 1."""
        kept = (self.rim > dice.uniform(0.05, 0.35)) | (self.amid > dice.uniform(0.4, 0.55))
        return (kept & ~is_one_of("air", *SKULL, "skin", SOFT, "eye")[self.codes.int()]).float()


def share(volume: Tensor, size: int) -> Tensor:
    """The mean of a volume (k, j, i) over windows of an odd size, 0 outside."""
    for axis in range(3):
        pad = [0, 0] * (2 - axis) + [size // 2 + 1, size // 2]
        sums = functional.pad(volume, pad).cumsum(axis)
        volume = (sums.narrow(axis, size, volume.shape[axis]) - sums.narrow(axis, 0, volume.shape[axis])) / size
    return volume


def _as_bytes(volume: Tensor) -> Tensor:
    return (255 * volume).round().to(torch.uint8)
