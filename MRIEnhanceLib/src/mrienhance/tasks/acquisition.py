"""How raw data were acquired, next to what a model's card says it was made for."""

from __future__ import annotations

import torch
from torch import Tensor

from mrienhance.kspace import KSpace
from mrienhance.models import Model
from mrienhance.models.card import SamplingKind

# Random lines meet their acceleration on average only; one mask of it may lie this far beside.
_SLACK = 0.1
# From so many gaps on, whether they are equal is no accident.
_FEWEST_GAPS = 4
# More positions than this for a sample: something was left out on purpose, not only corners and edges.
_FULL = 1.5


def acquisition_warnings(kspace: KSpace, model: Model) -> tuple[str, ...]:
    """What to say of raw data that a model was not made for, a line each; nothing where its card is silent.

    Parameters
    ----------
    kspace
        The raw data.
    model
        Its card may give ranges of acceleration and of the number of coils, and kinds of sampling.
    """
    card, warnings = model.card, []
    if card.acceleration is not None:
        low, high = card.acceleration
        if not low / (1 + _SLACK) <= kspace.acceleration <= high * (1 + _SLACK):
            warnings.append(
                f"acceleration {kspace.acceleration:.3g} is outside the card: {model.name} was made for {low:g} to "
                f"{high:g}"
            )
    if card.sampling is not None:
        masks = kspace.mask if kspace.mask.ndim == 3 else kspace.mask[None]
        kinds = {kind for mask in masks if (kind := sampling_kind(mask)) is not None}
        warnings += [
            f"the sampling looks like {kind}, which is outside the card: {model.name} was made for "
            f"{', '.join(card.sampling)}"
            for kind in sorted(kinds - set(card.sampling))
        ]
    if card.coils is not None:
        fewest, most = card.coils
        if not fewest <= kspace.coils <= most:
            coils = "1 coil is" if kspace.coils == 1 else f"{kspace.coils} coils are"
            warnings.append(f"{coils} outside the card: {model.name} was made for {fewest} to {most}")
    return tuple(warnings)


def sampling_kind(mask: Tensor) -> SamplingKind | None:
    """Tell how samples were chosen.

    Parameters
    ----------
    mask
        What was acquired of one slice: bool (ky, kx), centred.

    Returns
    -------
    str or None
        A key of `mrienhance.physics.SAMPLING`: lines at random, lines equally spaced outside the centre (gaps that
        differ by one at most, since spacings are rounded), or dots in both directions. None if it cannot be told:
        of full scans, of nothing, of fewer than five lines outside the centre, and of dots on a regular grid.

    Notes
    -----
    The readout need not be whole: an edge of zeros, as partial echoes and padding leave it, is seen through.

    Examples
    --------
    >>> import torch
    >>> from mrienhance.tasks.acquisition import sampling_kind
    >>> lines = torch.arange(32) % 4 == 0
    >>> sampling_kind(lines.expand(32, 32))
    'equispaced-lines'
    >>> sampling_kind(torch.ones(32, 32, dtype=torch.bool)) is None
    True
    """
    rows, columns = mask.any(1), mask.any(0)
    if not bool(mask.any()):
        return None
    if bool((mask == (rows[:, None] & columns)).all()):
        if _is_run(rows):
            return _line_kind(columns)
        return _line_kind(rows) if _is_run(columns) else None  # lines left out in both directions: a grid
    return "poisson-disc" if mask.numel() > _FULL * int(mask.sum()) else None


def _line_kind(lines: Tensor) -> SamplingKind | None:
    """Tell random from equally spaced lines, bool (lines,), centred."""
    if _is_run(lines):
        return None
    centre, (first, last) = len(lines) // 2, _centre(lines)
    places = lines.nonzero().flatten()
    gaps = torch.cat([places[places < first].diff(), places[places > last].diff()])
    if int(lines[centre]) == 0:  # no sampled centre: all gaps count
        gaps = places.diff()
    if len(gaps) < _FEWEST_GAPS:
        return None
    low, high = int(gaps.min()), int(gaps.max())
    return "equispaced-lines" if low >= 2 and high - low <= 1 else "random-lines"


def _centre(lines: Tensor) -> tuple[int, int]:
    """First and last line of the run of sampled ones around the centre."""
    first = last = len(lines) // 2
    while first > 0 and bool(lines[first - 1]):
        first -= 1
    while last + 1 < len(lines) and bool(lines[last + 1]):
        last += 1
    return first, last


def _is_run(lines: Tensor) -> bool:
    """Whether the sampled lines have no gap between them."""
    places = lines.nonzero().flatten()
    return int(places[-1] - places[0]) + 1 == len(places)
