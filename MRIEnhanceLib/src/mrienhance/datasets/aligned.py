"""The contrasts of one visit on one grid."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import SimpleITK as sitk

from mrienhance.datasets.contrasts import in_order
from mrienhance.datasets.scan import Scan
from mrienhance.errors import ImageError
from mrienhance.images import Grid, register, resample_to
from mrienhance.images.registration import bring

NONE, AUTO = "none", "auto"
Refuse = Callable[[Scan, str], None]


@dataclass(kw_only=True)
class Placed:
    """Images and label maps where they shall be, how they were moved, and what is to be known about it."""

    images: dict[Scan, sitk.Image] = field(default_factory=dict)
    labels: dict[Scan, sitk.Image] = field(default_factory=dict)
    moved: dict[Scan, dict[str, Any]] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)
    uneven: bool = False
    """Whether the images are on several grids after all, because nobody wanted one."""


@dataclass(frozen=True)
class _Group:
    """Images that share a grid as they were read."""

    grid: Grid
    scans: list[Scan]


def on_one_grid(
    images: Mapping[Scan, sitk.Image],
    labels: Mapping[Scan, sitk.Image],
    *,
    grid: str,
    refuse: Refuse,
    check: Callable[[], None] = lambda: None,
) -> Placed:
    """Register what is not on the grid of the chosen contrast, and resample it there.

    Images that share a grid were scanned together, as the two echoes of PDw and T2w are: they are moved as one.

    Parameters
    ----------
    images, labels
        By their scan, as they were read.
    grid
        A contrast, ``"auto"`` or ``"none"``: see `VisitOptions`.
    refuse
        Told what cannot be placed, and why; it is left out then.
    check
        Called often while images are registered; raises to stop.
    """
    groups = _groups(images)
    placed = Placed()
    if grid == NONE or len(groups) <= 1:
        if len(groups) > 1:
            lines = "; ".join(" and ".join(sorted(scan.contrast for scan in group.scans)) for group in groups)
            placed.uneven = True
            placed.notes.append(f"its contrasts are on {len(groups)} grids: {lines}")
        placed.images = dict(images)
        _keep_labels(placed, labels, groups, refuse)
        return placed
    order = in_order(scan.contrast for scan in images)
    target = grid if grid in order else order[0]
    if grid not in (AUTO, target):
        placed.notes.append(f"there is no {grid}: its contrasts are on the grid of {target}")
    fixed_scan = next(scan for scan in images if scan.contrast == target)
    fixed = images[fixed_scan]
    for group in groups:
        if fixed_scan in group.scans:
            placed.images |= {scan: images[scan] for scan in group.scans}
            _take_labels(placed, labels, group, None, group.grid)
        else:
            _move(placed, images, labels, group, (target, fixed), refuse, check)
    _refuse_labels(labels, groups, refuse)
    return placed


def _groups(images: Mapping[Scan, sitk.Image]) -> list[_Group]:
    groups: list[_Group] = []
    for scan, image in images.items():
        grid = Grid.of(image)
        group = next((group for group in groups if group.grid.matches(grid)), None)
        if group is None:
            groups.append(_Group(grid, [scan]))
        else:
            group.scans.append(scan)
    return groups


def _move(
    placed: Placed,
    images: Mapping[Scan, sitk.Image],
    labels: Mapping[Scan, sitk.Image],
    group: _Group,
    fixed: tuple[str, sitk.Image],
    refuse: Refuse,
    check: Callable[[], None],
) -> None:
    """Register the first contrast of a group, and bring all of the group along."""
    name, image = fixed
    order = in_order(scan.contrast for scan in group.scans)
    first, *others = sorted(group.scans, key=lambda scan: order.index(scan.contrast))
    try:
        found = register(images[first], image, what=f"{first.contrast} image", step=lambda fraction: check())
    except ImageError as error:
        for scan in group.scans:
            refuse(scan, f"it is not on the grid of {name}, and {error.message}")
        return
    there = Grid.of(image)
    placed.images[first] = found.image
    placed.images |= {scan: bring(images[scan], there, found.transform) for scan in others}
    facts = {
        "to": name,
        "angle_deg": round(found.angle_deg, 3),
        "shift_mm": round(found.shift_mm, 3),
        "overlap": round(found.overlap, 3),
    }
    placed.moved |= dict.fromkeys(group.scans, facts)
    placed.notes.append(
        f"{' and '.join(order)} brought to {name}: turned by {found.angle_deg:.1f} degrees, moved by "
        f"{found.shift_mm:.1f} mm, {100 * found.overlap:.0f} % of its field of view covered"
    )
    _take_labels(placed, labels, group, found.transform, there)


def _take_labels(
    placed: Placed, labels: Mapping[Scan, sitk.Image], group: _Group, transform: sitk.Transform | None, there: Grid
) -> None:
    """Bring along the label maps that were drawn on images of a group."""
    for scan, label in labels.items():
        if label.GetDimension() != 3 or not Grid.of(label).matches(group.grid):
            continue
        if transform is not None:
            label = resample_to(label, there, interpolation="nearest", transform=transform)
        same = (other for other, image in placed.labels.items() if _belong(other, image, scan, there))
        first = next(same, None)
        # A file a lesion: together they are the lesions.
        placed.labels[first or scan] = (
            _laid(label, there) if first is None else sitk.Or(placed.labels[first], _laid(label, there))
        )


def _belong(other: Scan, image: sitk.Image, scan: Scan, grid: Grid) -> bool:
    return other.contrast == scan.contrast and Grid.of(image).matches(grid)


def _laid(label: sitk.Image, grid: Grid) -> sitk.Image:
    """The label map with exactly this grid, which it has but for rounding."""
    laid = sitk.Image(label)
    grid.place(laid)
    return laid


def _keep_labels(placed: Placed, labels: Mapping[Scan, sitk.Image], groups: list[_Group], refuse: Refuse) -> None:
    for group in groups:
        _take_labels(placed, labels, group, None, group.grid)
    _refuse_labels(labels, groups, refuse)


def _refuse_labels(labels: Mapping[Scan, sitk.Image], groups: list[_Group], refuse: Refuse) -> None:
    for scan, label in labels.items():
        if label.GetDimension() != 3 or not any(Grid.of(label).matches(group.grid) for group in groups):
            refuse(scan, "it is not on the grid of any image of its visit")
