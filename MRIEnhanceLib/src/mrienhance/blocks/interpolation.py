"""Fixed interpolation of volumes by whole factors, axis by axis: what a network starts from and adds to."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from typing import Literal

import torch
from torch import Tensor, nn

Kernel = Literal["sinc", "cubic"]
Alignment = Literal["sample", "edge"]
REACH: dict[str, int] = {"sinc": 8, "cubic": 2}
"""Input samples on either side of an output sample that a kernel uses."""


@lru_cache(maxsize=64)
def interpolation_matrix(size: int, factor: int, *, kernel: Kernel, alignment: Alignment) -> Tensor:
    """Give the matrix that makes an axis finer.

    Parameters
    ----------
    size, factor
        Samples of the coarse axis, at least 1, and fine samples to each of them.
    kernel
        ``"sinc"``: the ideal band-limited one under a Kaiser window (beta 5, 8 samples to either side); ``"cubic"``:
        cubic convolution with a = -0.5 (Keys 1981).
    alignment
        ``"sample"``: sample 0 stays where it is, as in k-space truncation; ``"edge"``: the outer edges of the voxels
        stay, as when slices are averaged. The wrong one shifts the image by half a fine sample or more.

    Returns
    -------
    Tensor
        float32 (size x factor, size), rows that sum to 1; beyond its ends the axis goes on with its last value.
    """
    weigh: Callable[[Tensor], Tensor] = _sinc if kernel == "sinc" else _cubic
    # A tensor made in inference mode could never serve training later; the meta device has no values to compute.
    with torch.inference_mode(False), torch.device("cpu"):
        fine = torch.arange(size * factor, dtype=torch.float64)
        centres = fine / factor if alignment == "sample" else (fine + 0.5) / factor - 0.5
        places = centres.floor().long()[:, None] + torch.arange(1 - REACH[kernel], REACH[kernel] + 1)
        weights = weigh(places - centres[:, None])
        weights = weights / weights.sum(dim=1, keepdim=True)
        matrix = torch.zeros(len(centres), size, dtype=torch.float64)
        return matrix.scatter_add_(1, places.clamp(0, size - 1), weights).float()


def _sinc(distance: Tensor) -> Tensor:
    share = (1 - (distance / REACH["sinc"]) ** 2).clamp_min(0)
    weights: Tensor = torch.sinc(distance) * torch.special.i0(5.0 * share.sqrt()) * (share > 0)
    return weights


def _cubic(distance: Tensor) -> Tensor:
    t = distance.abs()
    near, far = (1.5 * t - 2.5) * t**2 + 1, ((-0.5 * t + 2.5) * t - 4) * t + 2
    return torch.where(t < 1, near, torch.where(t < 2, far, torch.zeros_like(t)))


class Interpolate(nn.Module):
    """Interpolate the last axes of an image in single precision, whatever autocast says.

    Parameters
    ----------
    factors
        Fine samples to a coarse one along each of the last axes; 1 leaves an axis as it is.
    kernel, alignment
        See `interpolation_matrix`.

    Examples
    --------
    >>> import torch
    >>> from mrienhance.blocks.interpolation import Interpolate
    >>> thick = torch.rand(1, 1, 5, 8, 8)
    >>> Interpolate((4, 1, 1), kernel="cubic", alignment="edge")(thick).shape
    torch.Size([1, 1, 20, 8, 8])
    """

    def __init__(self, factors: tuple[int, ...], *, kernel: Kernel, alignment: Alignment) -> None:
        super().__init__()
        self.factors, self.kernel, self.alignment = factors, kernel, alignment

    def forward(self, x: Tensor) -> Tensor:
        """Map ``x`` of shape (..., *sizes) to (..., *factors * sizes), float32 or float64."""
        x = x if x.dtype in (torch.float32, torch.float64) else x.float()
        with torch.autocast(x.device.type, enabled=False):
            # The last axis first: it lies contiguous in memory and the image is smallest then.
            for place, factor in zip(range(-1, -len(self.factors) - 1, -1), reversed(self.factors), strict=True):
                if factor > 1:
                    x = self._refine(x, place, factor)
        return x

    def _refine(self, x: Tensor, place: int, factor: int) -> Tensor:
        matrix = interpolation_matrix(x.shape[place], factor, kernel=self.kernel, alignment=self.alignment).to(x)
        if place == -1:
            return x @ matrix.mT
        # Matrix times (coarse axis, all later axes): no axis has to be moved.
        finer: Tensor = (matrix @ x.flatten(place + 1)).unflatten(-1, x.shape[place + 1 :])
        return finer
