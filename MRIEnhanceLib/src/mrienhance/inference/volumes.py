"""The volumes that go into a network slice by slice or block by block, and those that come out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import torch
from torch import Tensor

from mrienhance.inference.network import channels_last
from mrienhance.inference.tiles import Span, Tile, TilePlan, read_window, round_up, write_window
from mrienhance.methods.base import Tiling

# A slice or volume by its number, and a window of it.
Piece = tuple[int, Tile]
# Less would measure mostly what does not grow with the volume: three times too much of CRFM with 16.
_PROBE_EDGE = 32


class Inputs:
    """Volumes (k, j, i) as stacks of slices, or as one block.

    Parameters
    ----------
    volumes
        ``"image"``, and others on its grid or on one finer by a whole factor along the tiled axes. Tensors of fewer
        than three axes are conditions that every call gets as they are.
    tiling
        How the network may be fed.

    Attributes
    ----------
    count
        Slices, or 1 for a block.
    size
        Voxels of the image along the tiled axes.

    Raises
    ------
    ValueError
        If the image is missing, or the shapes do not fit.
    """

    def __init__(self, volumes: Mapping[str, Tensor], tiling: Tiling) -> None:
        if "image" not in volumes or volumes["image"].ndim != 3:
            raise ValueError(f"a volume 'image' (k, j, i) is needed, not {_shapes(volumes)}")
        self._conditions = {name: part for name, part in volumes.items() if part.ndim < 3}
        self._stacks = {
            name: (part if tiling.ndim == 2 else part[None]).detach().to("cpu", torch.float32)
            for name, part in volumes.items()
            if part.ndim >= 3
        }
        self._tiling = tiling
        self.count, *size = self._stacks["image"].shape
        self.size = tuple(size)
        for name, stack in self._stacks.items():
            count, *finer = stack.shape
            if count != self.count or len(finer) != tiling.ndim or any(f % n for f, n in zip(finer, size, strict=True)):
                raise ValueError(f"{name!r} does not fit the image: {_shapes(volumes)}")

    def batch(self, pieces: Sequence[Piece], plan: TilePlan) -> dict[str, Tensor]:
        """Inputs (batch, 1, ...) of the pieces."""
        parts = dict(self._conditions)
        for name, stack in self._stacks.items():
            ratios = (finer // n for finer, n in zip(stack.shape[1:], self.size, strict=True))
            shape = (len(pieces), 1, *(w * ratio for w, ratio in zip(plan.window, ratios, strict=True)))
            parts[name] = channels_last(shape)
            for place, (number, tile) in zip(parts[name], pieces, strict=True):
                place[0].copy_(read_window(stack[number], tile, plan))
        return parts

    def probe(self) -> dict[str, Tensor]:
        """A small input, to measure how much memory the network takes per voxel."""
        edge = round_up(_PROBE_EDGE, self._tiling.multiple_of)
        corner = (Span(0, 0, edge),) * self._tiling.ndim
        plan = TilePlan(self.size, (edge,) * self._tiling.ndim, (corner,), blended=False)
        return self.batch([(0, corner)], plan)


class Outputs:
    """Volumes (k, j, i) that grow together from the network's answers, float32 on the CPU.

    Parameters
    ----------
    count, size
        As `Inputs` has them.
    tiling
        How the network was fed.
    """

    def __init__(self, count: int, size: tuple[int, ...], tiling: Tiling) -> None:
        self._count, self._size, self._tiling = count, size, tiling
        self._stacks: dict[str, Tensor] = {}

    def write(self, pieces: Sequence[Piece], answers: Mapping[str, Tensor], plan: TilePlan) -> None:
        """Put the answers to the pieces in their places.

        Raises
        ------
        ValueError
            If an answer's shape is not that of the input times a whole factor per axis.
        """
        for name, answer in answers.items():
            scales = self._scales(name, answer, len(pieces), plan)
            if name not in self._stacks:
                finer = (n * scale for n, scale in zip(self._size, scales, strict=True))
                # Blended windows are added up; others are written over.
                make = torch.zeros if plan.blended else torch.empty
                self._stacks[name] = make(self._count, *finer)
            here = answer.to("cpu", torch.float32)
            for part, (number, tile) in zip(here, pieces, strict=True):
                write_window(self._stacks[name][number], part[0], tile, plan)

    def clear_from(self, number: int) -> None:
        """Forget the slices from this number on."""
        for stack in self._stacks.values():
            stack[number:] = 0

    def volumes(self) -> dict[str, Tensor]:
        """What came out, by name."""
        return {name: stack if self._tiling.ndim == 2 else stack[0] for name, stack in self._stacks.items()}

    def _scales(self, name: str, answer: Tensor, batch: int, plan: TilePlan) -> list[int]:
        shape = answer.shape[2:]
        scales = [finer // n for finer, n in zip(shape, plan.window, strict=False)]
        exact = [n * scale for n, scale in zip(plan.window, scales, strict=False)]
        if answer.shape[:2] != (batch, 1) or list(shape) != exact or 0 in scales:
            raise ValueError(
                f"the network's {name!r} of shape {tuple(answer.shape)} does not fit windows {plan.window}"
            )
        if name == "image" and tuple(scales) != self._tiling.scales:
            raise ValueError(f"the network's image is finer by {scales}, its method says {self._tiling.scales}")
        return scales


def _shapes(volumes: Mapping[str, Tensor]) -> str:
    return ", ".join(f"{name}: {tuple(part.shape)}" for name, part in volumes.items())
