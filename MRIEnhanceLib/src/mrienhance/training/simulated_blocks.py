"""Blocks of scans simulated from label maps: all contrasts of the same tissues, anew each time a block is drawn."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional

from mrienhance.methods.objective import COARSE
from mrienhance.training.block_plan import Axes, BlockPlan
from mrienhance.training.dice import Dice
from mrienhance.training.head import Head
from mrienhance.training.lesions import draw_blobs
from mrienhance.training.protocols import draw_protocol
from mrienhance.training.scanning import SWOLLEN
from mrienhance.training.scene import TEXTURE, Scene, draw_table
from mrienhance.training.simulated import CONTRASTS, STRIPPED, brightness
from mrienhance.training.volumes import Source

_MOST = 2
"""Contrasts of one block: one to make finer, and one to help."""
_TURNED = 0.2
"""Largest angle of a head about each axis, in radians."""
_DEFORMED, _SMOOTH = 4.0, 30.0
"""Largest displacement of a random deformation, and distance of its control points, in samples."""
_VOXEL = (0.75, 1.15)
"""Size of a fine voxel in samples of the label map."""
_BLURRED = (0.25, 0.55)
"""Standard deviation of the point spread of fine scans, in voxels: what is to be learned from must be sharp."""
_NOISE = (0.002, 0.015)
_EDGE = 0.5
"""Standard deviation of a blur that takes the steps out of the edges of label maps, in samples."""
_FADE = {"k-space": 4, "blur": 2, "thick-slice": 0}
"""Coarse samples around a block, cut off once it is coarse: there truncated k-space fades to nothing, or blur ends."""


@dataclass(frozen=True)
class SimulatedBlocks:
    """A head to simulate blocks of.

    Attributes
    ----------
    source, plan
        As `BlockVolume` has them.
    head
        What is where.
    contrasts
        Those to simulate, two at most at a time, or ``("image",)`` for one of all of them.
    """

    source: Source
    plan: BlockPlan
    head: Head
    contrasts: tuple[str, ...]

    def blocks(self, generator: torch.Generator) -> list[dict[str, Tensor]]:
        """Blocks about places in the brain, each of another person, on another scanner, along another axis."""
        return [self._block(self.plan.size, Dice(generator)) for _ in range(self.plan.patches)]

    def middle(self, count: int) -> list[dict[str, Tensor]]:
        """Blocks of the size of those to learn from; their numbers seed them."""
        return [self._block(self.plan.size, Dice(torch.Generator().manual_seed(number))) for number in range(count)]

    def _block(self, size: Axes, dice: Dice) -> dict[str, Tensor]:
        """Simulate one block with something around it, make that coarse, and cut off what is around."""
        margin = [_FADE[self.plan.degradation] * (factor > 1) for factor in self.plan.factors]
        wide = [n + 2 * m for n, m in zip(size, margin, strict=True)]
        shape = tuple(n * factor for n, factor in zip(wide, self.plan.factors, strict=True))
        single = self.contrasts == ("image",)
        names = [CONTRASTS[int(at)] for at in _chosen(len(CONTRASTS), 1, dice)] if single else self._names(dice)
        scans = self._scans(names, (shape[0], shape[1], shape[2]), dice)
        if self.plan.degradation == "k-space":
            scans = _faded(scans, [m * factor for m, factor in zip(margin, self.plan.factors, strict=True)])
        block: dict[str, Tensor] = {}
        coarse = tuple(slice(m, m + n) for m, n in zip(margin, size, strict=True))
        fine = tuple(slice(m * f, (m + n) * f) for m, n, f in zip(margin, size, self.plan.factors, strict=True))
        for name, scan in zip(("image",) if single else names, scans, strict=True):
            block[name] = scan[fine].contiguous()
            block[name + COARSE] = self.plan.coarsen(scan)[coarse].contiguous()
        return block

    def _names(self, dice: Dice) -> list[str]:
        """The contrasts of one block, in the order of all."""
        if len(self.contrasts) <= _MOST:
            return list(self.contrasts)
        return [self.contrasts[int(at)] for at in sorted(_chosen(len(self.contrasts), _MOST, dice))]

    def _scans(self, names: Sequence[str], shape: Axes, dice: Dice) -> Tensor:
        """Scans (contrasts, k, j, i) of some contrasts, brightest tissue of the whole head about 1."""
        protocols = [draw_protocol(name, dice) for name in names]
        stripped = dice.chance(STRIPPED)
        places = _places(shape, dice)
        low = places.flatten(1).amin(1).floor().int() - 2
        high = places.flatten(1).amax(1).ceil().int() + 3
        box = self.head.about(self.head.centre(dice), low, high, _chosen(3, 3, dice), dice, thin=dice.chance(SWOLLEN))
        scene = self._scene(box, dice)
        images = (
            scene.samples(protocols) / brightness(self.head.counts, scene.table, protocols, stripped, dice)[..., None]
        )
        mask = box.mask(dice) if stripped else torch.ones_like(box.skin)
        images = blurred(torch.cat([images, mask[None]]), torch.full((len(images) + 1, 3), _EDGE))
        scale = 2 / torch.tensor([side - 1.0 for side in images.shape[1:]])
        grid = ((places - low[:, None, None, None]) * scale[:, None, None, None] - 1).flip(0).movedim(0, -1)
        *scans, mask = functional.grid_sample(images[None], grid[None], align_corners=True)[0]
        return _scanned(torch.stack(scans), dice) * ((mask > 0.5) if stripped else 1.0)

    def _scene(self, box: Head, dice: Dice) -> Scene:
        """Draw what the codes leave open, as `Scene.draw` does for a slice."""
        k, j, i = box.codes.shape
        shape = (k, j, i)
        texture = dice.clouds(shape, width=33, count=3) + 0.7 * dice.clouds(shape, width=5, count=3)
        factors = torch.exp(torch.tensor(TEXTURE)[:, None, None, None] * texture)
        fat = torch.sigmoid(4 * (dice.clouds(shape, width=7)[0] + 6 * box.skin + dice.uniform(-0.5, 0.7)))
        threads = dice.uniform(0.2, 0.8) * (1 - box.space) + 0.12 * dice.clouds(shape, width=3.5)[0]
        lesions, disease = draw_blobs(box.codes, dice)
        return Scene(box.codes.int(), draw_table(dice), factors, fat, threads.clamp(0, 0.9), lesions, disease)


def _chosen(count: int, most: int, dice: Dice) -> list[int]:
    """Some of so many numbers, in random order."""
    order: list[int] = torch.randperm(count, generator=dice.generator)[:most].tolist()
    return order


def _places(shape: Axes, dice: Dice) -> Tensor:
    """Where each voxel of a block lies about its centre, in samples of the label map: (3, k, j, i)."""
    turn = torch.eye(3)
    for first, second in ((0, 1), (0, 2), (1, 2)):
        angle = dice.uniform(-_TURNED, _TURNED)
        rotation = torch.eye(3)
        rotation[first, first] = rotation[second, second] = math.cos(angle)
        rotation[first, second], rotation[second, first] = -math.sin(angle), math.sin(angle)
        turn = turn @ rotation
    axes = [torch.arange(size, dtype=torch.float32) - (size - 1) / 2 for size in shape]
    columns = dice.ratio(*_VOXEL) * turn
    linear = (
        columns[:, 0, None, None, None] * axes[0][:, None, None]
        + columns[:, 1, None, None, None] * axes[1][:, None]
        + columns[:, 2, None, None, None] * axes[2]
    )
    flow = dice.clouds(shape, width=_SMOOTH, count=3)
    return linear + flow * (dice.uniform(0, _DEFORMED) / flow.abs().amax())


def _scanned(images: Tensor, dice: Dice) -> Tensor:
    """Shade, blur and add noise to images (C, k, j, i), each in its own way."""
    shape = (images.shape[1], images.shape[2], images.shape[3])
    common, own = dice.uniform(0, 0.12), dice.uniform(0, 0.05)
    shading = common * dice.clouds(shape, width=60) + own * dice.clouds(shape, width=60, count=len(images))
    low, high = _BLURRED
    sigmas = low + (high - low) * torch.rand((len(images), 3), generator=dice.generator)
    images = blurred(images * torch.exp(shading), sigmas)
    noise = torch.tensor([dice.ratio(*_NOISE) for _ in images])[:, None, None, None]
    # Of the noise only what is in phase counts where there is signal; the magnitude of both is what lies outside.
    return torch.hypot(images + dice.normal(*images.shape) * noise, dice.normal(*images.shape) * noise)


def blurred(images: Tensor, sigmas: Tensor) -> Tensor:
    """Convolve each image (C, k, j, i) with a narrow Gaussian of standard deviations (C, 3), at most 0.6 samples."""
    near = torch.exp(-1 / (2 * sigmas.square()))
    near = near / (1 + 2 * near)
    for axis in range(3):
        share = near[:, axis, None, None, None]
        size = images.shape[axis + 1]
        pad = [0, 0] * (2 - axis) + [1, 1]
        around = functional.pad(images[None], (*pad, *[0, 0] * axis), mode="replicate")[0]
        beside = around.narrow(axis + 1, 0, size) + around.narrow(axis + 1, 2, size)
        images = (1 - 2 * share) * images + share * beside
    return images


def _faded(images: Tensor, widths: Sequence[int]) -> Tensor:
    """Images (C, k, j, i) that go to 0 at the ends of some axes: what is periodic must have no edge there."""
    for axis, width in enumerate(widths, start=1):
        if width:
            rise = 0.5 - 0.5 * torch.cos(torch.pi * (torch.arange(width) + 0.5) / width)
            window = torch.ones(images.shape[axis])
            window[:width], window[-width:] = rise, rise.flip(0)
            images = images * window.view(-1, *[1] * (3 - axis))
    return images
