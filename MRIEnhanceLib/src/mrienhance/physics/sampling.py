"""Which k-space samples an accelerated scan acquires. Masks are shift-free: the centre of k-space is index 0."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any

import torch
from torch import Tensor

from mrienhance.errors import UsageError
from mrienhance.physics.lines import equispaced_lines, random_lines
from mrienhance.physics.poisson import poisson_disc

__all__ = [
    "SAMPLING",
    "equispaced_lines",
    "fixed_generator",
    "make_mask",
    "poisson_disc",
    "random_lines",
]


def fixed_generator(*key: str | int) -> torch.Generator:
    """A generator that is the same whenever its key is: for masks that stay with a slice in validation and test.

    Parameters
    ----------
    key
        What names the slice, such as a file's name and a slice number.

    Examples
    --------
    >>> import torch
    >>> from mrienhance.physics.sampling import fixed_generator, random_lines
    >>> settings = {"acceleration": 4, "center_fraction": 0.08}
    >>> once = random_lines(320, **settings, generator=fixed_generator("subject-07", 31))
    >>> again = random_lines(320, **settings, generator=fixed_generator("subject-07", 31))
    >>> other = random_lines(320, **settings, generator=fixed_generator("subject-07", 32))
    >>> torch.equal(once, again), torch.equal(once, other)
    (True, False)
    """
    digest = hashlib.sha256(repr(key).encode()).digest()
    return torch.Generator().manual_seed(int.from_bytes(digest[:7], "little"))


SAMPLING: Mapping[str, Callable[..., Tensor]] = MappingProxyType(
    {"random-lines": random_lines, "equispaced-lines": equispaced_lines, "poisson-disc": poisson_disc}
)
"""Name, as recipes, the command line and panels write it, to the function that draws a mask."""


def make_mask(
    name: str,
    shape: tuple[int, int],
    *,
    acceleration: float,
    generator: torch.Generator | None = None,
    axis: int = -1,
    **options: Any,
) -> Tensor:
    """Draw a sampling mask by its name.

    Parameters
    ----------
    name
        A key of `SAMPLING`.
    shape
        (rows, columns) of the k-space.
    acceleration
        All samples over sampled ones: expected for random lines, true for Poisson discs.
    generator
        CPU generator.
    axis
        Along which axis lines are left out, -1 (columns, as in fastMRI) or -2 (rows).
    options
        Of the function: ``center_fraction`` (by default fastMRI's 0.32 / acceleration: 0.08 at 4, 0.04 at 8),
        ``adjusted``, ``calibration``, …

    Returns
    -------
    Tensor
        float32, 1 where sampled, shift-free: (rows, columns), and for lines (1, columns) or (rows, 1).

    Raises
    ------
    UsageError
        If there is no sampling of that name.
    ValueError
        If the acceleration cannot be met.

    Examples
    --------
    >>> import torch
    >>> from mrienhance.physics.sampling import make_mask
    >>> generator = torch.Generator().manual_seed(0)
    >>> make_mask("random-lines", (320, 320), acceleration=4, generator=generator).shape
    torch.Size([1, 320])
    >>> mask = make_mask("poisson-disc", (128, 128), acceleration=8, generator=generator)
    >>> mask.shape, float(1 / mask.mean())
    (torch.Size([128, 128]), 8.0)
    """
    if name not in SAMPLING:
        raise UsageError(f"no sampling is called {name!r}", hint=f"choose one of {', '.join(SAMPLING)}")
    if name == "poisson-disc":
        return poisson_disc(shape, acceleration=acceleration, generator=generator, **options)
    if axis not in (-1, -2):
        raise ValueError(f"the axis of the lines is -1 or -2, got {axis}")
    options.setdefault("center_fraction", 0.32 / acceleration)
    mask = SAMPLING[name](shape[axis], acceleration=acceleration, generator=generator, **options)
    return mask[None, :] if axis == -1 else mask[:, None]
