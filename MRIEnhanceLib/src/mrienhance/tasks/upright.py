"""Slices turned in their own plane as those were that networks learned from: exact, no sample is interpolated."""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor

from mrienhance.images import Grid
from mrienhance.models import ModelCard
from mrienhance.physics import DEGRADATIONS
from mrienhance.tasks.orientation import Axial


@dataclass(frozen=True)
class Upright:
    """How rows and columns of slices are exchanged and mirrored for a network, and back.

    Networks of slices that look at a reference learned from the contrasts of a person as axial slices, the front at the
    last row and the left at the last column; upside down they would see what they never saw. Nothing is done for others
    (networks of volumes learned from blocks turned at random), nor to slices that are not axial, of which is warned.

    Parameters
    ----------
    exchanged
        Whether rows become columns.
    mirrored
        Axes of the turned volume (k, j, i) that run the other way.
    kept
        What mirroring keeps in its place, as the model's degradation has it: ``"sample"`` 0, round which the others
        change places as in k-space, where an image is periodic; or the outer ``"edge"``. The coarse and the fine grid
        stay aligned either way.
    warnings
        What to say of slices that are not axial.

    Examples
    --------
    >>> import torch
    >>> from mrienhance.tasks.upright import Upright
    >>> Upright(mirrored=(2,), kept="sample").apply(torch.arange(4).view(1, 1, 4)).flatten()
    tensor([0, 3, 2, 1])
    """

    exchanged: bool = False
    mirrored: tuple[int, ...] = ()
    kept: str = "edge"
    warnings: tuple[str, ...] = ()

    @classmethod
    def of(cls, grid: Grid, card: ModelCard) -> Upright:
        """The turn that a model needs for the slices of a grid."""
        if card.axes != "in-plane" or not card.reference_contrasts:
            return cls()
        axial = Axial.of(grid)
        if axial.order[2] != 2:
            return cls(warnings=(f"the slices of this image are {axial.plane}: {card.name} was made for axial ones",))
        return cls(
            exchanged=axial.order[0] == 1,
            mirrored=tuple(2 - axis for axis in (0, 1) if axial.flipped[axis]),
            kept=DEGRADATIONS[card.degradation].alignment,
            warnings=axial.warnings,
        )

    def apply(self, volume: Tensor) -> Tensor:
        """A coarse or fine volume (k, j, i) as the network wants it."""
        return self._mirrored(volume.transpose(1, 2).contiguous() if self.exchanged else volume)

    def undo(self, volume: Tensor) -> Tensor:
        """What the network made, (k, j, i), as the image lies."""
        volume = self._mirrored(volume)
        return volume.transpose(1, 2).contiguous() if self.exchanged else volume

    def _mirrored(self, volume: Tensor) -> Tensor:
        if not self.mirrored:
            return volume
        flipped = volume.flip(self.mirrored)
        return flipped.roll((1,) * len(self.mirrored), self.mirrored) if self.kept == "sample" else flipped
