"""Training images that belong together: the contrasts of one person that share a grid."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import groupby

import torch
from torch import Tensor

from mrienhance.datasets.cache import axial
from mrienhance.images import Grid, IntensityScale, to_tensor
from mrienhance.training.prepared import TISSUE, open_axial, open_volume
from mrienhance.training.source import Source
from mrienhance.training.volumes import read_axial, read_label

Report = Callable[[str], None]


@dataclass(frozen=True)
class Subject:
    """Contrasts (k, j, i) on one grid, brightest tissue about 1, nothing below 0; their slices with enough tissue.

    The arrays run as those of LAS images do: axial slices, rows from back to front, columns from right to left.
    """

    source: Source
    values: Mapping[str, Tensor]
    slices: Tensor
    labels: Mapping[str, Tensor] = field(default_factory=dict)
    spacing: tuple[float, float, float] = (1.0, 1.0, 1.0)
    """Distance of samples along k, j and i in mm."""

    def example(self, index: int, generator: torch.Generator | None = None) -> dict[str, Tensor]:
        """One slice (H, W) of each contrast and label map; nothing about it is random."""
        volumes = (*self.values.items(), *self.labels.items())
        return {name: volume[index].float().contiguous() for name, volume in volumes}


def load_subjects(
    sources: Sequence[Source],
    contrasts: Sequence[str],
    *,
    min_foreground: float,
    labels: Sequence[str] = (),
    report: Report = lambda name: None,
) -> Iterator[Subject]:
    """Read images and put together what belongs together.

    Parameters
    ----------
    sources
        Images of any number of people; those of one person and folder lie side by side, as `find_images` gives them.
    contrasts
        Those that are wanted; images of others are not read.
    min_foreground
        Slices where every contrast shows a smaller fraction of tissue are not learned from.
    labels
        Label maps that are wanted.
    report
        Told the name of each file before it is read.

    Yields
    ------
    Subject
        One for each person, visit, folder and grid. Of two images of one contrast on one grid, each makes a subject.

    Raises
    ------
    UsageError
        If a file cannot be used, or a label map is not on the grid of the images beside it.
    """
    wanted = [source for source in sources if source.contrast in contrasts]
    for _, members in groupby(wanted, key=lambda source: (source.folder, source.subject, source.visit)):
        scans: list[tuple[Grid, dict[str, _Scan], Source]] = []
        for source in members:
            report(source.path.name)
            grid, scan = _read(source)
            fits = (held for at, held, _ in scans if at.matches(grid) and source.contrast not in held)
            held = next(fits, None)
            if held is None:
                held = {}
                scans.append((grid, held, source))
            held[source.contrast] = scan
        for grid, held, source in scans:
            maps = {name: _label(source, name, grid) for name in labels if name in source.labels}
            tissue = torch.stack([scan.tissue for scan in held.values()]).amax(0)
            values = {contrast: scan.values for contrast, scan in held.items()}
            yield Subject(source, values, torch.nonzero(tissue >= min_foreground).flatten(), maps, grid.spacing[::-1])


@dataclass(frozen=True)
class _Scan:
    """Voxels of a contrast, and the share of tissue in each slice."""

    values: Tensor
    tissue: Tensor


def _read(source: Source) -> tuple[Grid, _Scan]:
    """An image as axial slices: read, or mapped from a prepared data set."""
    if source.cache is not None:
        values, grid, tissue = open_axial(source, source.cache)
        return grid, _Scan(values, tissue)
    image = read_axial(source.path)
    values = to_tensor(image).clamp_min_(0)
    values = IntensityScale.of(values).apply(values)
    return Grid.of(image), _Scan(values, (values > TISSUE).float().mean((1, 2)))


def _label(source: Source, name: str, grid: Grid) -> Tensor:
    """A label map as axial slices on the grid of its image."""
    if name in source.label_caches:
        cache = source.label_caches[name]
        return axial(open_volume(source, cache), cache.grid)[0]
    return read_label(source.labels[name], grid, axial=True)
