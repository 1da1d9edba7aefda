"""Scans simulated from label maps: all contrasts of the same tissues, anew each time a slice is drawn."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import torch
from torch import Tensor

from mrienhance.training.anatomy import SOFT, SULCI, Anatomy, code, is_brain, is_one_of
from mrienhance.training.dice import Dice
from mrienhance.training.protocols import Protocol, draw_protocol
from mrienhance.training.scanning import around_brain, brain_mask, draw_slab, place, scan
from mrienhance.training.scene import Scene, draw_table
from mrienhance.training.volumes import Source

CONTRASTS = ("T1w", "T1c", "T2w", "FLAIR", "PDw")
"""What can be simulated."""
STRIPPED = 0.5
"""How often the skull is removed."""
_DISEASED = 0.3
"""The share of diseased tissue from which on a sample is called a lesion."""
_BRIGHT = 0.0015
"""How much of a volume is brighter than 1: a thousandth, and what small bright parts lose to their surroundings."""
_MIXTURES = {SOFT: {"fat": 0.4, "muscle": 0.6}, SULCI: {"cerebrospinal fluid": 0.3, "cortex": 0.7}}


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
        protocols = [draw_protocol(contrast, dice) for contrast in contrasts]
        stripped = dice.chance(STRIPPED)
        slab = draw_slab(self.anatomy, index, dice)
        slab = around_brain(slab) if stripped else slab
        scene = Scene.draw(slab, draw_table(dice), dice)
        mask = brain_mask(slab[len(slab) // 2], dice) if stripped else torch.ones(slab.shape[1:])
        images = scene.signals(protocols) / brightness(self.anatomy.counts, scene.table, protocols, stripped, dice)
        placed = place(torch.cat([images, mask[None], scene.lesions[None]]), dice)
        scans, (mask, lesions) = scan(placed[:-2], dice), placed[-2:]
        if stripped:  # noise outside goes with the skull
            scans = scans * (mask > 0.5)
        found = dict(zip(("image",) if single else contrasts, scans, strict=True))
        return found | ({"lesions": (lesions > _DISEASED).float()} if self.lesions else {})


def brightness(counts: Tensor, table: Tensor, protocols: Sequence[Protocol], stripped: bool, dice: Dice) -> Tensor:
    """About what the 99.9th percentile of the whole volume would be in each contrast, (C, 1, 1)."""
    counts = counts.clone()
    for mixture, parts in _MIXTURES.items():
        for name, share in parts.items():
            counts[code(name)] += share * counts[code(mixture)]
        counts[code(mixture)] = 0
    allowed = counts * (is_brain() | is_one_of("cerebrospinal fluid")) if stripped else counts
    # Each tissue alone, as a scene of one sample a tissue.
    alone = Scene.plain(torch.arange(len(counts)).view(1, 1, -1), table)
    values, order = alone.signals(protocols)[:, 0].sort(1, descending=True)
    above = allowed[order].cumsum(1)
    place = (above < _BRIGHT * counts.sum()).sum(1, keepdim=True).clamp_max(len(counts) - 1)
    # Texture and shading take the brightest tissue above its mean; vessels vary most after contrast agent.
    jitter = torch.tensor([dice.ratio(1.0, 1.7 if protocol.agent else 1.35) for protocol in protocols])
    return (values.gather(1, place)[:, 0] * jitter)[:, None, None]
