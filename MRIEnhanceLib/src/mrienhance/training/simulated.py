"""Scans simulated from label maps: all contrasts of the same tissues, anew each time a slice is drawn."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import torch
from torch import Tensor
from torch.nn import functional

from mrienhance.physics.contrast import Sequence as PulseSequence
from mrienhance.physics.contrast import with_agent
from mrienhance.physics.tissue import TISSUES
from mrienhance.training.anatomy import Anatomy, code, is_inside
from mrienhance.training.dice import Dice
from mrienhance.training.protocols import draw_sequence
from mrienhance.training.volumes import Source

CONTRASTS = ("T1w", "T1c", "T2w", "FLAIR", "PDw")
"""What can be simulated."""


@dataclass(frozen=True)
class Simulated:
    """A head to simulate scans of.

    Attributes
    ----------
    source, slices, labels
        As `Examples` has them.
    anatomy
        What is where.
    contrasts
        Those to simulate, or ``("image",)`` for one of all of them, drawn each time.
    lesions
        Whether an example says where lesions are.
    """

    source: Source
    anatomy: Anatomy
    slices: Tensor
    contrasts: tuple[str, ...]
    lesions: bool = False
    labels: Mapping[str, Tensor] = field(default_factory=dict)

    @classmethod
    def load(
        cls, source: Source, contrasts: tuple[str, ...], *, min_foreground: float, lesions: bool = False
    ) -> Simulated:
        """Read a label map.

        Raises
        ------
        UsageError
            If it cannot be used.
        """
        anatomy = Anatomy.read(source.path)
        return cls(source, anatomy, anatomy.slices(min_foreground), contrasts, lesions)

    def example(self, index: int, generator: torch.Generator | None = None) -> dict[str, Tensor]:
        """Simulate one slice (H, W); without a generator, the slice's number seeds one."""
        dice = Dice(generator if generator is not None else torch.Generator().manual_seed(index))
        single = self.contrasts == ("image",)
        contrasts = (dice.choose(CONTRASTS, [1.0] * len(CONTRASTS)),) if single else self.contrasts
        stripped = dice.chance(0.5)
        codes = self._slab(index, dice)
        table = _draw_tissues(dice)
        sequences = [draw_sequence(contrast, dice) for contrast in contrasts]
        images = torch.stack(
            [_signal(table, contrast, sequence) for contrast, sequence in zip(contrasts, sequences, strict=True)]
        )
        images = images / _bright(images, self.anatomy.counts * (is_inside() if stripped else 1))
        if stripped:
            images = images * is_inside()
        scans = images[:, codes.int()].mean(1)
        scans = _scanned(scans, dice)
        names = ("image",) if single else contrasts
        found = dict(zip(names, scans, strict=True))
        if self.lesions:
            found["lesions"] = (codes[len(codes) // 2] == code("lesion")).float()
        return found

    def _slab(self, index: int, dice: Dice) -> Tensor:
        """Codes (samples, H, W) of a slice of some thickness."""
        half = dice.choose((0, 1, 2), (0.5, 0.3, 0.2))
        last = len(self.anatomy.codes) - 1
        return self.anatomy.codes[[min(max(index + step, 0), last) for step in range(-half, half + 1)]]


def _draw_tissues(dice: Dice) -> Tensor:
    """Density, T1, T2 and uptake (4, codes) of all tissues, a little different each time."""
    rows = [(tissue.density, tissue.t1, tissue.t2, tissue.uptake) for tissue in TISSUES.values()]
    rows.append(rows[code("fat")])
    table = torch.tensor(rows).T
    spread = torch.tensor([0.03, 0.05, 0.07, 0.3])[:, None]
    return table * torch.exp(spread * dice.normal(*table.shape))


def _signal(table: Tensor, contrast: str, sequence: PulseSequence) -> Tensor:
    density, t1, t2, uptake = table
    if contrast == "T1c":
        t1, t2 = with_agent(t1, t2, uptake)
    return sequence.signal(density, t1, t2)


def _bright(images: Tensor, counts: Tensor) -> Tensor:
    """What a whole volume's 99.9th percentile of each contrast (C, codes) would be, (C, 1)."""
    values, order = images.sort(1, descending=True)
    above = counts[order].cumsum(1) / counts.sum()
    place = (above < 0.002).sum(1, keepdim=True).clamp_max(images.shape[1] - 1)
    return values.gather(1, place)


def _scanned(images: Tensor, dice: Dice) -> Tensor:
    """Bias field, blur and noise."""
    shape = (images.shape[-2], images.shape[-1])
    images = images * torch.exp(dice.uniform(0, 0.2) * dice.smooth(shape, points=4, count=len(images)))
    sigma = dice.uniform(0.45, 0.8)
    weights = torch.exp(-torch.arange(-2.0, 3.0).square() / (2 * sigma * sigma))
    weights = weights / weights.sum()
    blurred = functional.conv2d(images[:, None], weights[None, None, :, None], padding=(2, 0))
    images = functional.conv2d(blurred, weights[None, None, None, :], padding=(0, 2))[:, 0]
    noise = dice.ratio(0.003, 0.03)
    real, imaginary = dice.normal(2, *images.shape) * noise
    return torch.hypot(images + real, imaginary)
