"""The same tissue as another scanner would show it."""

from __future__ import annotations

import math

import torch
from torch import Tensor


def other_scanner(image: Tensor, width: float, generator: torch.Generator) -> Tensor:
    """Draw another gain and another gamma.

    What is brighter than tissue, such as fat or vessels, makes all tissue darker where the brightest of all counts as
    1; nothing makes it brighter. Another gamma is another weighting of the same tissues.

    Parameters
    ----------
    image
        Of any shape, in [0, 1], background 0.
    width
        The gain is in [1 - width, 1], the logarithm of gamma in [-width, width]; in [0, 1).
    generator
        CPU generator, the only source of randomness; nothing is drawn of it for a width of 0.

    Returns
    -------
    Tensor
        In [0, 1], background 0.

    Examples
    --------
    >>> import torch
    >>> from mrienhance.blocks.appearance import other_scanner
    >>> image = torch.tensor([0.0, 0.5, 1.0])
    >>> other = other_scanner(image, 0.3, torch.Generator().manual_seed(0))
    >>> bool(other[0] == 0) and 0.7 <= float(other[2]) <= 1
    True
    """
    if not width:
        return image
    gain, gamma = torch.rand(2, generator=generator).tolist()
    brighter: Tensor = (1 - width * gain) * image ** math.exp(width * (2 * gamma - 1))
    return brighter
