"""Feature mutual-projection: what a coarse volume can learn from a finer reference and from itself at another scale.

A reading of CRFM's plug-in module (Wang et al., J Imaging Inform Med 2024) through its likely ancestor, the cell of
cross-scale non-local attention (Mei et al., CVPR 2020), carried to three dimensions. The paper's equations were not to
hand; that the keys and values of the in-scale branch come from the reference is inferred from its abstract.
"""

from __future__ import annotations

from typing import Literal

import torch
from torch import Tensor, nn
from torch.nn import functional

from mrienhance.blocks.attention import Window, attend, join_windows, split_windows
from mrienhance.blocks.cross_scale import cross_scale_attention
from mrienhance.blocks.scaling import Coarsen, Factors, Refine, Upsampling


class InScaleAttention(nn.Module):
    """Every coarse voxel of the target asks the reference's for what goes with it: softmax(q k) v, (B, C, D, H, W)."""

    def __init__(self, channels: int, match_channels: int, *, rows: int) -> None:
        super().__init__()
        self.query, self.key, self.value = (_point(channels, n) for n in (match_channels, match_channels, channels))
        self.rows = rows

    def forward(self, target: Tensor, reference: Tensor, window: Window) -> Tensor:
        """Attend from the target (B, C, D, H, W) to the reference on the same grid, inside windows."""
        queries = split_windows(self.query(target), window).flatten(2).mT
        keys = split_windows(self.key(reference), window).flatten(2).mT
        values = split_windows(self.value(reference), window).flatten(2).mT
        found = attend(queries, keys, values, rows=self.rows).mT.unflatten(2, window)
        return join_windows(found, len(target), (target.shape[2], target.shape[3], target.shape[4]))


class CrossScaleAttention(nn.Module):
    """Every coarse voxel looks for its like in a coarser version of the volume, and takes what that was made from.

    With ``values="reference"`` it looks into the reference's coarse features instead and takes its fine ones.
    """

    def __init__(
        self,
        channels: int,
        fine_channels: int,
        match_channels: int,
        factors: Factors,
        *,
        values: Literal["target", "reference"],
        value_k: int,
        rows: int,
    ) -> None:
        super().__init__()
        from_reference = values == "reference"
        self.match, self.key = _point(channels, match_channels), _point(channels, match_channels)
        self.value = _point(fine_channels if from_reference else channels, fine_channels)
        self.factors, self.value_k, self.rows = factors, value_k, rows
        self.from_reference = from_reference

    def forward(self, target: Tensor, reference: Tensor | None, fine: Tensor | None, window: Window) -> Tensor:
        """Map coarse features (B, C, D, H, W), and the reference's coarse and fine ones, to (B, fine, fD, gH, hW).

        The sizes are multiples of the factors.
        """
        if self.from_reference:
            assert reference is not None
            assert fine is not None
            keys, values = self.key(reference), self.value(fine)
        else:
            keys, values = self.key(functional.avg_pool3d(target, self.factors)), self.value(target)
        return cross_scale_attention(
            self.match(target), keys, values, self.factors, window=window, value_k=self.value_k, rows=self.rows
        )


class MutualProjection(nn.Module):
    """Fine features from two kinds of attention, projected onto each other, then made to agree with the coarse ones.

    ``E = H_cs - H_cm``, ``H0 = H_cm + R(E)`` with a residual block R; then
    ``H = H0 + up(F - down(H0))``, and if `refine`, coarse features ``F' = conv(down(H))`` for what follows.

    Parameters
    ----------
    channels, fine_channels
        Channels on the coarse and on the fine grid; `channels` is even.
    factors
        Fine voxels to a coarse one along each axis.
    window
        Side of the windows that attention stays inside, in coarse voxels; 0: the whole volume.
    branches
        ``"mutual"``: both, projected; ``"sum"``: both, added; or one alone, ``"in-scale"`` or ``"cross-scale"``.
    values, value_k
        See `CrossScaleAttention` and `cross_scale_attention`.
    match_channels
        Features of a coarse voxel that are compared; 0: half of `channels`.
    upsampling
        See `Refine`.
    refine
        Whether coarse features come back, too.
    rows
        See `attend`.
    """

    def __init__(
        self,
        channels: int,
        fine_channels: int,
        factors: Factors,
        *,
        window: int = 0,
        branches: Literal["mutual", "sum", "in-scale", "cross-scale"] = "mutual",
        values: Literal["target", "reference"] = "target",
        value_k: int = 1,
        match_channels: int = 0,
        upsampling: Upsampling = "transposed",
        refine: bool = False,
        rows: int = 4096,
    ) -> None:
        super().__init__()
        c, f, match = channels, fine_channels, match_channels or channels // 2
        self.window, self.branches = window, branches
        self.in_scale = self.lift = self.cross_scale = self.project = self.back = None
        if branches != "cross-scale":
            self.in_scale = InScaleAttention(c, match, rows=rows)
            self.lift = nn.Sequential(Refine(c, f, factors, upsampling=upsampling), nn.PReLU())
        if branches != "in-scale":
            self.cross_scale = CrossScaleAttention(c, f, match, factors, values=values, value_k=value_k, rows=rows)
        if branches == "mutual":
            last = nn.Conv3d(f, f, 3, padding=1)
            with torch.no_grad():
                last.weight.mul_(0.1)
            self.project = nn.Sequential(nn.Conv3d(f, f, 3, padding=1), nn.PReLU(), last)
        self.down = nn.Sequential(Coarsen(f, c, factors, upsampling=upsampling), nn.PReLU())
        self.up = nn.Sequential(Refine(c, f, factors, upsampling=upsampling), nn.PReLU())
        if refine:
            down = nn.Sequential(Coarsen(f, c, factors, upsampling=upsampling), nn.PReLU())
            self.back = nn.Sequential(down, nn.Conv3d(c, c, 3, padding=1), nn.PReLU())

    def forward(
        self, target: Tensor, reference: Tensor | None = None, fine: Tensor | None = None
    ) -> tuple[Tensor, Tensor | None]:
        """Fuse features of the target with the reference's, or with itself where there is none.

        Parameters
        ----------
        target, reference
            (B, C, D, H, W), sizes that are multiples of the window and of the factors.
        fine
            The reference's features (B, fine_channels, fD, gH, hW); only for ``values="reference"``.

        Returns
        -------
        Tensor
            Fine features (B, fine_channels, fD, gH, hW).
        Tensor or None
            Coarse features (B, C, D, H, W), if `refine`.
        """
        size: Window = (target.shape[2], target.shape[3], target.shape[4])
        window = (self.window,) * 3 if self.window else size
        found = self._attended(target, reference, fine, window)
        found = found + self.up(target - self.down(found))
        return found, None if self.back is None else self.back(found)

    def _attended(self, target: Tensor, reference: Tensor | None, fine: Tensor | None, window: Window) -> Tensor:
        across = None if self.cross_scale is None else self.cross_scale(target, reference, fine, window)
        if self.in_scale is None or self.lift is None:
            assert isinstance(across, Tensor)
            return across
        inside: Tensor = self.lift(self.in_scale(target, target if reference is None else reference, window))
        if across is None:
            return inside
        if self.project is None:
            total: Tensor = inside + across
            return total
        # H_cm + E + r(E) is H_cs + r(E). Maps on the fine grid are what fills memory: none stays longer than needed.
        inside = across - inside
        for layer in self.project:
            inside = layer(inside)
        fused: Tensor = across + inside
        return fused


def _point(inputs: int, outputs: int) -> nn.Sequential:
    return nn.Sequential(nn.Conv3d(inputs, outputs, 1), nn.PReLU())
