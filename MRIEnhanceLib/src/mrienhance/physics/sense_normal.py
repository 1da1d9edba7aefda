"""The matrix of the normal equations of parallel imaging, fast on a CPU."""

from __future__ import annotations

from itertools import product

import torch
from torch import Tensor


class CoilByCoil:
    """``sum over coils of conj(maps) * F.H(weight * F(maps * x))``, one coil after another so that all stays in cache.

    It leaves no graph for gradients.

    Parameters
    ----------
    maps
        Complex (..., maps, coil, H, W).
    weight
        Real (..., 1, H, W), 1 where it does not vary; None: all 1.
    axes
        Axes that the weight varies along, and F transforms.
    """

    def __init__(self, maps: Tensor, weight: Tensor | None, axes: tuple[int, ...]) -> None:
        with torch.no_grad():
            # Lines along the rows: all is turned, since transforms of contiguous lines are the fastest.
            self._turned = axes == (-2,)
            self._maps = self._lay(maps)
            self._conj = self._maps.conj().resolve_conj()
            # A complex weight multiplies in place, faster than a real one would.
            self._weight = None if weight is None else self._lay(weight).squeeze(-3).to(maps.dtype)
            self._axes = (-1,) if self._turned else axes

    @torch.no_grad()
    def __call__(self, x: Tensor) -> Tensor:
        """Apply to ``x``, complex (..., maps, H, W) of the type of the maps; batches broadcast."""
        turned = self._lay(x)
        weights = self._weight
        batch = torch.broadcast_shapes(
            x.shape[:-3], self._maps.shape[:-4], () if weights is None else weights.shape[:-2]
        )
        image = turned.expand(*batch, *turned.shape[-3:])
        maps, conj = (each.expand(*batch, *each.shape[-4:]) for each in (self._maps, self._conj))
        weights = None if weights is None else weights.expand(*batch, *weights.shape[-2:])
        out = turned.new_zeros(*batch, *turned.shape[-3:])
        for index in product(*map(range, batch)):
            self._one(image[index], maps[index], conj[index], None if weights is None else weights[index], out[index])
        return out.mT.contiguous() if self._turned else out

    def _one(self, image: Tensor, maps: Tensor, conj: Tensor, weight: Tensor | None, out: Tensor) -> None:
        """Add the result for one sample (maps, H, W) to ``out``."""
        for coil in range(maps.shape[1]):
            seen = maps[0, coil] * image[0]
            for number in range(1, maps.shape[0]):
                seen.addcmul_(maps[number, coil], image[number])
            if weight is not None:
                seen = torch.fft.fftn(seen, dim=self._axes).mul_(weight)
                seen = torch.fft.ifftn(seen, dim=self._axes)
            for number in range(maps.shape[0]):
                out[number].addcmul_(conj[number, coil], seen)

    def _lay(self, tensor: Tensor) -> Tensor:
        return (tensor.mT if self._turned else tensor).contiguous()
