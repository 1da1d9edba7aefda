"""What of the reference reaches the network: its gradients, blind to an offset and to a contrast's sign."""

from __future__ import annotations

from typing import Literal

import torch
from torch import Tensor
from torch.nn import functional

_SMOOTH = 1e-6


def reference_features(
    reference: Tensor,
    *,
    kind: Literal["gradient", "vector", "intensity"],
    operator: Literal["central", "sobel"] = "central",
) -> Tensor:
    """Extract what the network is shown of a reference; nothing of it is learned.

    Parameters
    ----------
    reference
        (B, 1, D, H, W), brightest tissue about 1.
    kind
        ``"gradient"``: the magnitude ``sqrt(gx^2 + gy^2 + gz^2 + 1e-6) - 1e-3``, exactly 0 where the reference is flat
        (the operator is that of Ma et al., SPSR, CVPR 2020; the third dimension and the offset are ours); ``"vector"``:
        the three derivatives and the magnitude; ``"intensity"``: the reference itself.
    operator
        ``"central"``: ``[-1, 0, 1]`` along each axis; ``"sobel"``: the same, smoothed by ``[1, 2, 1] / 4`` along the
        other two.

    Returns
    -------
    Tensor
        (B, 1, D, H, W), or (B, 4, D, H, W) for ``"vector"``; single precision. A constant reference, as one that is
        missing, gives zeros unless intensities are asked for.
    """
    if kind == "intensity":
        return reference
    with torch.autocast(reference.device.type, enabled=False):
        padded = functional.pad(reference.float(), (1,) * 6, mode="replicate")
        derivatives = [_derivative(padded, axis, operator) for axis in (2, 3, 4)]
        squares = derivatives[0].square() + derivatives[1].square() + derivatives[2].square()
        magnitude = (squares + _SMOOTH).sqrt() - _SMOOTH**0.5
        return torch.cat([*derivatives, magnitude], dim=1) if kind == "vector" else magnitude


def _derivative(padded: Tensor, axis: int, operator: Literal["central", "sobel"]) -> Tensor:
    found = _inner(padded, axis, 1) - _inner(padded, axis, -1)
    for other in {2, 3, 4} - {axis}:
        middle = _inner(found, other, 0)
        if operator == "sobel":
            middle = (2 * middle + _inner(found, other, 1) + _inner(found, other, -1)) / 4
        found = middle
    return found


def _inner(padded: Tensor, axis: int, offset: int) -> Tensor:
    """``out[n] = x[n + offset]`` of a line that is padded by one at either end."""
    return padded.narrow(axis, 1 + offset, padded.shape[axis] - 2)
