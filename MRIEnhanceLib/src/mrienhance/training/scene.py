"""What is scanned: tissue properties of one slice, as differently as people are."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from mrienhance.physics.contrast import with_agent
from mrienhance.physics.tissue import TISSUES
from mrienhance.training.anatomy import NAMES, SOFT, SULCI, code, is_one_of
from mrienhance.training.dice import Dice
from mrienhance.training.lesions import draw_lesions
from mrienhance.training.protocols import Protocol
from mrienhance.training.scanning import box

_SPREAD = (0.02, 0.04, 0.05, 0.3)
"""How much density, T1, T2 and uptake of one tissue differ from person to person, as a relative deviation."""
TEXTURE = (0.01, 0.03, 0.03)
"""How much density, T1 and T2 differ within a tissue."""


@dataclass(frozen=True)
class Scene:
    """Tissue properties of a slice of some thickness, or of a block.

    Attributes
    ----------
    codes
        int32 (S, H, W): tissues at S depths.
    table
        float32 (4, codes): density, T1 and T2 in ms, uptake in mmol/l of each tissue.
    factors
        float32 (3, 1 or S, H, W): of density, T1 and T2, at all depths or at each.
    fat
        float32 (H, W) or (S, H, W): share of fat in soft tissue, the rest is muscle.
    threads
        Alike: share of tissue in the subarachnoid space.
    lesions
        Alike: share of diseased tissue, 0 to 1, whose properties (4,) are in `disease`.
    """

    codes: Tensor
    table: Tensor
    factors: Tensor
    fat: Tensor
    threads: Tensor
    lesions: Tensor
    disease: Tensor

    @classmethod
    def draw(cls, codes: Tensor, table: Tensor, dice: Dice) -> Scene:
        """Draw what the codes (S, H, W) leave open."""
        codes = codes.int()
        shape = (codes.shape[-2], codes.shape[-1])
        middle = codes[len(codes) // 2]
        coarse = dice.smooth(shape, points=6, count=3) + 0.7 * dice.smooth(shape, points=40, count=3)
        factors = torch.exp(torch.tensor(TEXTURE)[:, None, None] * coarse)
        # Fat lies beneath the skin and between muscles.
        depth = box((middle == code("skin")).float(), 9)
        fat = torch.sigmoid(4 * (dice.smooth(shape, points=28)[0] + 6 * depth + dice.uniform(-0.5, 0.7)))
        # Threads and vessels fill much of a narrow sulcus, and little of a cistern.
        space = (codes == code(SULCI)).float().mean(0)
        narrow = 1 - box(space, 7)
        threads = (dice.uniform(0.2, 0.8) * narrow + 0.12 * dice.smooth(shape, points=60)[0]).clamp(0, 0.9)
        lesions, disease = draw_lesions(middle, dice)
        return cls(codes, table, factors[:, None], fat, threads, lesions, disease)

    @classmethod
    def plain(cls, codes: Tensor, table: Tensor) -> Scene:
        """A healthy scene without texture or mixtures; int codes (S, H, W)."""
        flat = torch.zeros(codes.shape[1:])
        return cls(codes.int(), table, torch.ones(3, 1, *flat.shape), flat, flat, flat, torch.ones(4))

    def signals(self, protocols: Sequence[Protocol]) -> Tensor:
        """What each protocol makes of it, (protocols, H, W): the mean over the depths."""
        return self.samples(protocols).mean(1)

    def samples(self, protocols: Sequence[Protocol]) -> Tensor:
        """What each protocol makes of each sample, (protocols, S, H, W)."""
        density, t1, t2, uptake = self._properties()
        after = with_agent(t1, t2, uptake) if any(protocol.agent for protocol in protocols) else (t1, t2)
        images = []
        for protocol in protocols:
            times = after if protocol.agent else (t1, t2)
            shares = torch.ones(len(NAMES))
            for name, share in protocol.shares.items():
                shares[code(name)] = share
            shares = shares[self.codes]
            if protocol.shares.get("fat", 1.0) != 1:
                soft = self.codes == code(SOFT)
                shares = torch.where(soft, 1 - (1 - protocol.shares["fat"]) * self.fat, shares)
            images.append(protocol.sequence.signal(density, *times) * shares)
        return torch.stack(images)

    def _properties(self) -> Tensor:
        """Density, T1, T2 and uptake (4, S, H, W)."""
        maps = self.table[:, self.codes]
        soft, space = self.codes == code(SOFT), self.codes == code(SULCI)
        maps = torch.where(soft, self._mixed("fat", "muscle", self.fat), maps)
        maps = torch.where(space, self._mixed("dura", "cerebrospinal fluid", self.threads), maps)
        share = self.lesions
        maps = maps.lerp(self.disease[:, None, None, None].expand_as(maps), share.expand_as(maps))
        maps[:3] *= self.factors
        return maps

    def _mixed(self, one: str, other: str, share: Tensor) -> Tensor:
        """Properties (4, 1, H, W) between those of two tissues."""
        first, second = (self.table[:, code(name)][:, None, None, None] for name in (one, other))
        return second + (first - second) * share


def draw_table(dice: Dice) -> Tensor:
    """Properties (4, codes) of all tissues in one person at one field strength.

    From 1.5 to 3 T the T1 of tissue grows by about a third, that of water does not; white matter changes with age.
    """
    tissues = list(TISSUES.values())
    rows = [(tissue.density, tissue.t1, tissue.t2, tissue.uptake) for tissue in tissues]
    rows += [rows[code("muscle")], rows[code("cerebrospinal fluid")]]
    table = torch.tensor(rows).T.clone()
    solid = ~torch.tensor([tissue.fluid for tissue in tissues] + [False, True])
    table *= torch.exp(torch.tensor(_SPREAD)[:, None] * dice.normal(*table.shape).clamp(-2, 2))
    table[1, solid] *= dice.ratio(0.72, 1.05)
    table[2, solid] *= dice.ratio(0.88, 1.12)
    table[1, is_one_of("white matter", "cerebellar white matter")] *= dice.ratio(0.86, 1.06)
    table[3] *= dice.ratio(0.5, 1.5)
    table[0].clamp_(0, 1)
    return table
