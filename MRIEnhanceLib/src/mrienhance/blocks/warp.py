"""Images moved by a displacement field."""

from __future__ import annotations

from typing import Literal

import torch
from torch import Tensor
from torch.nn import functional


def warp(image: Tensor, flow: Tensor, *, mode: Literal["bilinear", "bicubic"] = "bilinear") -> Tensor:
    """Sample an image where a displacement field points: ``out(p) = image(p + flow(p))``.

    The spatial transformer of Jaderberg et al. (NeurIPS 2015) with displacements in pixels, linear interpolation unless
    it is told otherwise, and the edge's value outside the image.

    Parameters
    ----------
    image
        Images (B, C, H, W).
    flow
        Displacements in pixels (B or 1, 2, H, W): channel 0 along rows (downwards), channel 1 along columns.
    mode
        ``"bicubic"`` keeps what ``"bilinear"`` interpolation blurs, and may overshoot at edges.

    Returns
    -------
    Tensor
        (B, C, H, W), differentiable in both arguments.

    Raises
    ------
    ValueError
        If the shapes do not fit.

    Examples
    --------
    >>> import torch
    >>> from mrienhance.blocks.warp import warp
    >>> image = torch.arange(12.0).view(1, 1, 3, 4)
    >>> flow = torch.tensor([0.0, 1.0]).view(1, 2, 1, 1).expand(1, 2, 3, 4)
    >>> warp(image, flow)[0, 0, 0].tolist()
    [1.0, 2.0, 3.0, 3.0]
    """
    batch, _, height, width = image.shape
    if flow.shape[1:] != (2, height, width) or flow.shape[0] not in (1, batch):
        raise ValueError(f"a flow for images {tuple(image.shape)} is (B, 2, H, W), not {tuple(flow.shape)}")
    rows = torch.arange(height, dtype=flow.dtype, device=flow.device)[:, None] + flow[:, 0]
    columns = torch.arange(width, dtype=flow.dtype, device=flow.device) + flow[:, 1]
    # Corners of the sampling grid are pixel centres (align_corners), and an axis of one pixel has no extent.
    grid = torch.stack((2 * columns / max(width - 1, 1) - 1, 2 * rows / max(height - 1, 1) - 1), dim=-1)
    return functional.grid_sample(
        image,
        grid.to(image.dtype).expand(batch, -1, -1, -1),
        mode=mode,
        padding_mode="border",
        align_corners=True,
    )
